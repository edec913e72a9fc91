//! A command: its exit status, or what it prints.
//!
//! It runs without a shell, in a process group of its own, which is killed with all that it started when the time is
//! over. It gets this process's environment.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use maintenance_flag::Verdict;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command as Process};

use super::{CheckResult, MAX_BYTES};
use crate::observers::Expected;

/// A command.
#[derive(Debug, Clone)]
pub struct Command {
    /// The program.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// The folder that it runs in.
    pub folder: PathBuf,
    /// Exit statuses that mean maintenance. 0 means normal where its output does not count; any other is unknown.
    pub status: Vec<i32>,
    /// What its output means, if that counts. The exit status is 0 then, or one of those above.
    pub expected: Option<Expected>,
}

impl Command {
    pub(super) async fn check(&self) -> CheckResult {
        let mut process = Process::new(&self.program);
        process
            .args(&self.arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        process.process_group(0);
        let child = match process.spawn() {
            Ok(child) => child,
            Err(error) => {
                let program = self.program.display();
                return CheckResult::unknown(format!("cannot run {program}: {error}"));
            }
        };
        let mut group = Group {
            id: child.id(),
            child,
        };
        let (stdout, stderr) = (group.child.stdout.take(), group.child.stderr.take());
        let ended = tokio::try_join!(read(stdout), read(stderr), group.child.wait());
        let (stdout, stderr, status) = match ended {
            Ok(ended) => ended,
            Err(error) => return CheckResult::unknown(format!("the command: {error}")),
        };
        // What it leaves in the background is its own business.
        group.id = None;
        self.judge(status, &stdout, &stderr)
    }

    fn judge(&self, status: ExitStatus, stdout: &[u8], stderr: &[u8]) -> CheckResult {
        let Some(code) = status.code() else {
            return CheckResult::unknown(format!("the command was ended by a {status}"));
        };
        let shown = format!("exit status {code}");
        if self.status.contains(&code) {
            return CheckResult::of(Verdict::Maintenance, shown);
        }
        if code != 0 {
            let said = String::from_utf8_lossy(stderr);
            let said = said.lines().next().unwrap_or_default().trim();
            let why = match said {
                "" => shown.clone(),
                said => format!("{shown}: {said}"),
            };
            return CheckResult::unknown(why).seeing(shown);
        }
        match &self.expected {
            None => CheckResult::of(Verdict::Normal, shown),
            Some(expected) => match std::str::from_utf8(stdout) {
                Ok(text) => expected.judge(text),
                Err(_) => CheckResult::unknown("what the command prints is not UTF-8"),
            },
        }
    }
}

/// All of a stream, unless it is too much.
async fn read(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        let most = MAX_BYTES as u64 + 1;
        stream.take(most).read_to_end(&mut bytes).await?;
    }
    match bytes.len() {
        ..=MAX_BYTES => Ok(bytes),
        _ => Err(std::io::Error::other("it prints more than 1 MB")),
    }
}

/// A child, and its process group: killed with all that it has started, unless its output has an end.
struct Group {
    child: Child,
    id: Option<u32>,
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(group) = self.id.map(u32::cast_signed)
            && let Some(group) = rustix::process::Pid::from_raw(group)
        {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}
