//! The question before maintenance is turned on.

use std::io::{self, BufRead as _};

use maintenance_control::{Control, RoleSpec, State};
use maintenance_flag::App;

use crate::exit_code::Outcome;
use crate::failure::Failure;
use crate::output::Output;
use crate::words;

/// Whether to go on: nothing would change for visitors, or a person said yes.
pub(crate) async fn confirmed(
    control: &Control,
    app: &App,
    roles: &[RoleSpec],
    output: &Output,
) -> Result<bool, Failure> {
    let states = control.flags(roles).await?;
    let is_on = |spec: &RoleSpec| {
        states
            .iter()
            .any(|status| status.role == spec.role && status.state == State::On)
    };
    let off: Vec<&RoleSpec> = roles.iter().filter(|spec| !is_on(spec)).collect();
    if off.is_empty() {
        return Ok(true);
    }
    can_ask(output)?;
    for spec in off {
        output.ask(format_args!("{}\n", words::will_enable(&spec.role, app)));
        if spec.functions.is_some() {
            let count = control.selected(spec).await?.len();
            output.ask(format_args!("{} will be paused\n", words::functions(count)));
        }
    }
    sure(output)
}

/// Refuses to guess where there is nobody to ask.
pub(crate) fn can_ask(output: &Output) -> Result<(), Failure> {
    if output.can_ask() {
        return Ok(());
    }
    Err(Failure::new(
        Outcome::NotConfirmed,
        "not confirmed, so nothing was changed",
    )
    .cause("there is no terminal to ask on, and --yes is not given")
    .hint("add --yes to go on without being asked"))
}

/// Asks whether to go on.
pub(crate) fn sure(output: &Output) -> Result<bool, Failure> {
    output.ask("Are you sure? (y/N) ");
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    let read = read.map_err(|error| Failure::failed("cannot read the answer").caused_by(&error))?;
    if read == 0 {
        // The terminal was closed on the question, which ends its line as Enter would have.
        output.ask("\n");
    }
    Ok(matches!(
        line.trim().to_ascii_lowercase().as_str(),
        "y" | "yes"
    ))
}
