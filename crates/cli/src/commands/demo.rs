//! `maintenance demo`.
use crate::{exit_code::Outcome, failure::Failure, output::Output};
pub(crate) async fn run(_output: &Output) -> Result<Outcome, Failure> {
    Err(Failure::failed("the sandbox is not built yet"))
}
