//! `maintenance dev`.
use crate::{args::DevArgs, exit_code::Outcome, failure::Failure, output::Output};
pub(crate) async fn run(_args: &DevArgs, _output: &Output) -> Result<Outcome, Failure> {
    Err(Failure::failed("the sandbox is not built yet"))
}
