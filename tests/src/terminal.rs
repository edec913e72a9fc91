//! A person at a terminal.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::output::Output;
use crate::running::Running;
use crate::screen::Screen;

/// A command whose standard input and standard error are terminals: one each, so that what is typed is
/// not echoed into what is said. Standard output is piped.
#[derive(Debug)]
pub struct Terminal {
    running: Running,
    keyboard: File,
}

impl Terminal {
    pub(crate) fn start(typed: String, mut command: Command) -> Self {
        let (keyboard, input) = pty();
        let (shown, errors) = pty();
        command.stdin(input).stderr(errors).stdout(Stdio::piped());
        let child = command.spawn().expect("the command starts");
        // It holds the terminals' other ends: the reading ends when the child does, not when we do.
        drop(command);
        Self {
            running: Running::new(typed, child, Screen::of(shown)),
            keyboard,
        }
    }

    /// Runs the command to its end on a screen of so many columns: all that is on it.
    pub(crate) fn screen(typed: String, mut command: Command, columns: u16, keys: &str) -> Output {
        let (mut keyboard, input) = pty();
        let (shown, out) = pty();
        let size = Winsize {
            ws_row: 50,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&shown, size).expect("a size");
        let errors = other_end(&shown);
        command.stdin(input).stdout(out).stderr(errors);
        let mut child = command.spawn().expect("the command starts");
        drop(command);
        // It waits there until it is read.
        keyboard
            .write_all(keys.as_bytes())
            .expect("the keyboard works");
        let screen = Screen::of(shown);
        let status = child.wait().expect("the command ends");
        Output {
            typed,
            code: status.code(),
            stdout: screen.text(),
            stderr: String::new(),
        }
    }

    /// Waits until the command has said this.
    ///
    /// # Panics
    /// If it ends without, or takes a minute.
    pub fn expect(&self, text: &str) {
        self.running.says(text);
    }

    /// Types this.
    ///
    /// # Panics
    /// If nobody is there to read it.
    pub fn type_in(&mut self, text: &str) {
        self.keyboard
            .write_all(text.as_bytes())
            .expect("the keyboard works");
    }

    /// The command, for its signals.
    #[must_use]
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it cannot be waited for.
    pub fn wait(self) -> Output {
        // The keyboard stays until then: without it the terminal would hang up.
        self.running.wait()
    }
}

/// The command's end of a terminal that has been closed: whatever is written to it is an error.
///
/// # Panics
/// If there are no terminals.
#[must_use]
pub fn dead_terminal() -> Stdio {
    let (ours, theirs) = pty();
    drop(ours);
    theirs
}

/// A terminal: our end and the command's.
fn pty() -> (File, Stdio) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let ours: OwnedFd = openpt(flags).expect("a terminal");
    grantpt(&ours)
        .and_then(|()| unlockpt(&ours))
        .expect("its other end");
    let ours = File::from(ours);
    let theirs = other_end(&ours);
    (ours, theirs)
}

/// The command's end of a terminal.
fn other_end(ours: &File) -> Stdio {
    let name = ptsname(ours, Vec::new()).expect("its name");
    let name = name.to_str().expect("an ASCII name");
    // O_NOCTTY: it must not become the terminal of the test itself.
    let no_ctty = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).expect("a flag");
    let other = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(no_ctty)
        .open(name);
    Stdio::from(other.expect("its other end"))
}
