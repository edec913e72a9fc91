//! The command that `require` and `during` run: it has our stdin, stdout and stderr, and gets our signals.
//!
//! In a terminal's foreground it stays in our process group, so that Ctrl-C and Ctrl-Z work as ever: the terminal
//! sends them to both of us, and only what comes from elsewhere is passed on. Anywhere else it has a process group of
//! its own, which is sent each signal that we get, once. We always wait for it: how it ended is how we end.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitStatus;

use tokio::process::Command;

use crate::error::CliError;
use crate::exit_code::{NOT_EXECUTABLE, NOT_FOUND, Outcome, SIGNALLED};
use crate::signals::{Signal, Signals};

/// Refuses a command that cannot be run, before anything is changed for it.
pub(crate) fn check(command: &[OsString]) -> Result<(), CliError> {
    let Some(program) = command.first() else {
        return Ok(());
    };
    let found: Vec<_> = places(program);
    if found.iter().any(|place| is_executable(place)) {
        return Ok(());
    }
    Err(match found.iter().any(|place| place.is_file()) {
        true => cannot_run(program, NOT_EXECUTABLE, "it is not executable"),
        false => cannot_run(program, NOT_FOUND, "it was not found"),
    })
}

/// Where a program may be: as it is given, if that is a path, or else in a folder of PATH.
fn places(program: &OsStr) -> Vec<std::path::PathBuf> {
    if Path::new(program).components().count() > 1 {
        return vec![program.into()];
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    let folders = std::env::split_paths(&path);
    folders.map(|folder| folder.join(program)).collect()
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = std::fs::metadata(path);
    metadata.is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file() || path.with_extension("exe").is_file()
}

fn cannot_run(program: &OsStr, code: u8, why: &str) -> CliError {
    CliError::new(
        Outcome::Command(code),
        format!("{} cannot be run", program.display()),
    )
    .cause(why)
    .hint("correct the command after `--`")
}

/// The command as a person reads it.
pub(crate) fn shown(command: &[OsString]) -> String {
    let words = command.iter().map(|word| word.to_string_lossy());
    let words = words.map(|word| crate::command_context::quoted(&word));
    words.collect::<Vec<_>>().join(" ")
}

/// Runs the command to its end, whatever signals come. Its exit code; if a signal ended it, 128 and its number.
pub(crate) async fn run(command: &[OsString], signals: &mut Signals) -> Result<u8, CliError> {
    let (program, arguments) = match command.split_first() {
        Some(parts) => parts,
        None => return Ok(0),
    };
    let shares_group = has_terminal();
    let mut running = Command::new(program);
    running.args(arguments);
    #[cfg(unix)]
    if !shares_group {
        running.process_group(0);
    }
    let spawned = running.spawn();
    let mut running = spawned.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => cannot_run(program, NOT_FOUND, "it was not found"),
        _ => cannot_run(program, NOT_EXECUTABLE, &error.to_string()),
    })?;
    loop {
        tokio::select! {
            biased;
            ended = running.wait() => {
                let ended = ended.map_err(|error| {
                    CliError::failed("cannot tell how the command ended").caused_by(&error)
                })?;
                return Ok(code(ended));
            }
            signal = signals.next() => pass_on(signal, running.id(), shares_group),
        }
    }
}

/// What a shell makes of how a command ended.
fn code(ended: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&ended) {
        return SIGNALLED.saturating_add(u8::try_from(signal).unwrap_or(0));
    }
    let code = ended.code().unwrap_or(i32::from(SIGNALLED));
    u8::try_from(code & 0xff).unwrap_or(1)
}

/// Whether this process is in the foreground of a terminal, whose keys reach the whole group.
#[cfg(unix)]
fn has_terminal() -> bool {
    let Ok(terminal) = std::fs::File::open("/dev/tty") else {
        return false;
    };
    let foreground = rustix::termios::tcgetpgrp(&terminal);
    foreground.is_ok_and(|group| group == rustix::process::getpgrp())
}

#[cfg(not(unix))]
fn has_terminal() -> bool {
    true
}

#[cfg(unix)]
fn pass_on(signal: Signal, id: Option<u32>, shares_group: bool) {
    use rustix::process::{Pid, Signal as Sent, kill_process, kill_process_group};
    let sent = match signal {
        // The terminal has sent it to all.
        Signal::Interrupt | Signal::HangUp if shares_group => return,
        Signal::Interrupt => Sent::INT,
        Signal::HangUp => Sent::HUP,
        Signal::Terminate => Sent::TERM,
    };
    let id = id.and_then(|id| i32::try_from(id).ok());
    let Some(id) = id.and_then(Pid::from_raw) else {
        return;
    };
    // It may have ended just now.
    let _ = match shares_group {
        true => kill_process(id, sent),
        false => kill_process_group(id, sent),
    };
}

#[cfg(not(unix))]
fn pass_on(_: Signal, _: Option<u32>, _: bool) {
    // The console has sent Ctrl-C to all.
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(program: &str) -> (u8, Vec<String>) {
        let error = check(&[program.into()]).expect_err("it cannot be run");
        (error.outcome().code(), error.causes().to_vec())
    }

    #[test]
    fn a_command_that_cannot_be_run_is_refused_as_a_shell_does() {
        assert!(check(&["sh".into(), "-c".into()]).is_ok());
        assert!(check(&["/bin/sh".into()]).is_ok());
        assert!(check(&[]).is_ok());
        assert_eq!(
            refused("no-such-command"),
            (127, vec!["it was not found".to_owned()])
        );
        assert_eq!(
            refused("/dev/no/such"),
            (127, vec!["it was not found".to_owned()])
        );
        assert_eq!(
            refused("/etc/passwd"),
            (126, vec!["it is not executable".to_owned()])
        );
    }

    #[test]
    fn the_command_is_shown_as_it_is_typed() {
        let command = ["sh", "-c", "echo $HOME"].map(OsString::from);
        assert_eq!(shown(&command), "sh -c 'echo $HOME'");
    }
}
