//! A command that is still running: what it has said so far, and signals for it.

use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::output::Output;
use crate::screen::Screen;

/// A command that is still running. It is killed if the test ends first.
#[derive(Debug)]
pub struct Running {
    typed: String,
    child: Killed,
    stdout: Screen,
    stderr: Screen,
}

/// Kills its process when it goes.
#[derive(Debug)]
struct Killed(Child);

impl Running {
    pub(crate) fn start(typed: String, mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let stderr = Screen::of(child.stderr.take().expect("it is piped"));
        Self::new(typed, child, stderr)
    }

    /// Of a child whose standard output is piped, and whose standard error is read here.
    pub(crate) fn new(typed: String, mut child: Child, stderr: Screen) -> Self {
        let stdout = Screen::of(child.stdout.take().expect("it is piped"));
        Self {
            typed,
            child: Killed(child),
            stdout,
            stderr,
        }
    }

    /// Waits until it has said this on standard error.
    ///
    /// # Panics
    /// If it ends without, or takes a minute.
    pub fn says(&self, text: &str) {
        self.stderr.wait_for(text);
    }

    /// What it has said on standard error so far.
    #[must_use]
    pub fn said(&self) -> String {
        self.stderr.wait_for("")
    }

    /// Waits until this is on standard output, and returns all that is there.
    ///
    /// # Panics
    /// If it ends without, or takes a minute.
    #[must_use]
    pub fn answers(&self, text: &str) -> String {
        self.stdout.wait_for(text)
    }

    /// Sends Ctrl-C.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGHUP, as a terminal does that is closed.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// Kills it: no step is finished, nothing is tidied up.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// The memory that it holds, kB, where the system says so.
    ///
    /// # Panics
    /// If it does not.
    #[must_use]
    pub fn resident_kilobytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.0.id());
        let status = std::fs::read_to_string(path).expect("it is running");
        let mut lines = status.lines();
        let line = lines.find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.and_then(|it| it.parse().ok()).expect("a number")
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child.0), signal).expect("the signal is sent");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it cannot be waited for.
    pub fn wait(mut self) -> Output {
        let status = self.child.0.wait().expect("the command ends");
        Output {
            typed: self.typed,
            code: status.code(),
            stdout: self.stdout.text(),
            stderr: self.stderr.text(),
        }
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
