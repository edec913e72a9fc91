//! Options of the commands that show how things stand.

use clap::Args;

/// What `status` takes.
#[derive(Debug, Default, Args)]
pub(crate) struct StatusArgs {
    /// With `status`: exit with 10 if maintenance is on for a selected role
    ///
    /// That holds even if something else cannot be read.
    #[arg(long, hide_short_help = true)]
    pub(crate) exit_code: bool,
}

/// What `history` takes.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// How many transitions to show
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}
