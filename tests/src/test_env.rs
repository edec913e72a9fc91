//! Where a command runs: a folder of its own, an environment that holds nothing but what the test put
//! there, and, if wanted, a local AWS.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use maintenance_sandbox::{LambdaSettings, Sandbox, Server, Settings, SsmSettings};
use tempfile::TempDir;

use crate::binary::binary;
use crate::output::Output;
use crate::running::Running;
use crate::screen::PATIENCE;
use crate::terminal::Terminal;

/// Where commands run.
#[derive(Debug)]
pub struct TestEnv {
    folder: TempDir,
    variables: BTreeMap<String, String>,
    aws: Option<(Sandbox, Server)>,
}

/// A local AWS without rate limits, whose asynchronous changes take hundredths of a second. A deleted
/// parameter's name rests for AWS's 30 s: no command may use one again.
#[must_use]
pub fn quick_sandbox() -> Sandbox {
    let soon = Duration::from_millis(20);
    Sandbox::new(Settings {
        rate_limits: false,
        ssm: SsmSettings::default(),
        lambda: LambdaSettings {
            provision: soon,
            mapping_change: soon,
            mapping_disable: soon,
            ..LambdaSettings::default()
        },
        ..Settings::demo()
    })
}

impl TestEnv {
    /// An empty folder, and an environment without anything of an app or of AWS.
    ///
    /// # Panics
    /// If the folder cannot be made.
    #[must_use]
    pub fn bare() -> Self {
        let folder = TempDir::with_prefix("maintenance-test-").expect("a temporary folder");
        let home = folder.path().join("home");
        std::fs::create_dir(&home).expect("a home");
        let mut env = Self {
            folder,
            variables: BTreeMap::new(),
            aws: None,
        };
        env.set("HOME", &home.display().to_string());
        env.set("AWS_EC2_METADATA_DISABLED", "true");
        // A zone that needs no database.
        env.set("TZ", "UTC0");
        env.set("MAINTENANCE_BY", "ana@laptop");
        env
    }

    /// The app demo-dev, whose flags are in files.
    #[must_use]
    pub fn files() -> Self {
        let mut env = Self::bare();
        env.set("MAINTENANCE_APP", "demo");
        env.set("MAINTENANCE_ENV", "dev");
        env.set("MAINTENANCE_STORE", "file:store");
        env
    }

    /// The app demo-dev, whose flags are in Parameter Store, in a local AWS of its own.
    #[must_use]
    pub fn aws() -> Self {
        Self::in_sandbox(quick_sandbox())
    }

    /// The app demo-dev, whose flags are in Parameter Store, in this local AWS.
    ///
    /// # Panics
    /// If it cannot be served.
    #[must_use]
    pub fn in_sandbox(sandbox: Sandbox) -> Self {
        let server = sandbox.serve_on_thread().expect("a free port");
        let mut env = Self::bare();
        env.set("MAINTENANCE_APP", "demo");
        env.set("MAINTENANCE_ENV", "dev");
        env.set("AWS_ENDPOINT_URL", &server.endpoint_url());
        env.set("AWS_REGION", "us-east-1");
        env.set("AWS_ACCESS_KEY_ID", "AKIASANDBOX");
        env.set("AWS_SECRET_ACCESS_KEY", "sandbox-secret-key");
        env.aws = Some((sandbox, server));
        env
    }

    /// The local AWS.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn sandbox(&self) -> &Sandbox {
        &self.aws.as_ref().expect("a scene with AWS").0
    }

    /// Where the local AWS is.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.aws.as_ref().expect("a scene with AWS").1.address()
    }

    /// Waits until a call hangs in the local AWS.
    ///
    /// # Panics
    /// If none does in a minute.
    pub fn wait_until_hanging(&self) {
        let hanging = self.sandbox().wait_until_hanging();
        let hanging = async { tokio::time::timeout(PATIENCE, hanging).await };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime
            .expect("a runtime")
            .block_on(hanging)
            .expect("a call hangs");
    }

    /// The folder that commands run in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sets a variable.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Takes a variable away.
    pub fn unset(&mut self, name: &str) {
        self.variables.remove(name);
    }

    /// The variables.
    #[must_use]
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// Writes a file, and the folders above it.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.folder().join(path);
        let above = path.parent().expect("a folder above");
        std::fs::create_dir_all(above).expect("folders");
        std::fs::write(path, text).expect("a file");
    }

    /// Reads a file.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.folder().join(path)).expect("a file")
    }

    /// The command, not started. Its standard input is closed.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .env_clear()
            .envs(&self.variables)
            .current_dir(self.folder())
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let output = self
            .command(arguments)
            .output()
            .expect("the command starts");
        Output::new(typed(arguments), output)
    }

    /// Starts it with both streams piped.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(typed(arguments), self.command(arguments))
    }

    /// Starts a command that [`command`](Self::command) made, with both streams piped.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start_command(&self, command: Command) -> Running {
        let arguments = command.get_args().map(|it| it.to_string_lossy());
        let typed = format!("maintenance {}", arguments.collect::<Vec<_>>().join(" "));
        Running::start(typed, command)
    }

    /// Starts it with a person at a terminal; only standard output is piped.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn at_terminal(&self, arguments: &[&str]) -> Terminal {
        Terminal::start(typed(arguments), self.command(arguments))
    }
}

impl TestEnv {
    /// Runs it to its end on a screen of so many columns, where these keys are typed: all that is on the
    /// screen is its standard output. The terminal is one on which nothing moves.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn on_screen(&self, columns: u16, arguments: &[&str], keys: &str) -> Output {
        let mut command = self.command(arguments);
        command.env("TERM", "dumb");
        Terminal::screen(typed(arguments), command, columns, keys)
    }
}

fn typed(arguments: &[&str]) -> String {
    format!("maintenance {}", arguments.join(" "))
}
