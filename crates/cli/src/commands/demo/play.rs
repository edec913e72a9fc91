//! The play: its scenes, their output, and the checks that have to hold.

use std::process::Stdio;
use std::time::Duration;

use maintenance_sandbox::Fleet;
use owo_colors::OwoColorize as _;
use serde::Serialize;
use tokio::process::Command;

use crate::demo::{DemoApp, Options, compared, table_of_workers};
use crate::error::CliError;
use crate::exit_code::{DONE, NOT_CONFIRMED};
use crate::output::Output;

use super::fetch::{self, Page};

/// Something that has to hold, and whether it did.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) what: String,
    pub(super) held: bool,
}

/// The play while it runs.
pub(super) struct Play<'a> {
    output: &'a Output,
    demo_app: DemoApp,
    checks: Vec<Check>,
}

impl<'a> Play<'a> {
    pub(super) async fn start(output: &'a Output) -> Result<Self, CliError> {
        // The gate looks at every request, so that the play need not wait for a flag to expire.
        let options = Options {
            ttl: Duration::ZERO,
            ..Options::default()
        };
        let demo_app = DemoApp::start(options).await?;
        Ok(Self {
            output,
            demo_app,
            checks: Vec::new(),
        })
    }

    pub(super) async fn run(mut self) -> Result<Vec<Check>, CliError> {
        self.show(
            "The app demo-dev: a web page behind the gate, and workers of every kind. It runs in a",
        )?;
        self.show(
            "local AWS that lives only as long as this command; your account is not touched.",
        )?;

        let before = self.serving().await?;
        let during = self.maintenance(&before).await?;
        self.back(&before, &during).await?;

        let held = self.checks.iter().filter(|check| check.held).count();
        let all = self.checks.len();
        if held == all {
            self.show(format!(
                "\n{}",
                format!("All {all} checks passed.").green().bold()
            ))?;
            self.show("Try it yourself: maintenance dev")?;
        } else {
            self.show(format!(
                "\n{}",
                format!("Only {held} of {all} checks passed.").red().bold()
            ))?;
        }
        Ok(self.checks)
    }

    async fn serving(&mut self) -> Result<Fleet, CliError> {
        self.scene("The app before maintenance")?;
        let page = self.visit().await?;
        self.check("the page answers 200", page.status == 200)?;
        let answer = self.invoke().await?;
        self.check("the worker runs", answer.0 == 200)?;
        let before = self.demo_app.fleet();
        self.show(format!("\n{}", table_of_workers(&before)))?;
        Ok(before)
    }

    async fn maintenance(&mut self, before: &Fleet) -> Result<Fleet, CliError> {
        self.scene("Maintenance on")?;
        let on = ["on", "--all", "--yes", "--reason", "new database"];
        self.command(&on, NOT_CONFIRMED).await?;
        let page = self.visit().await?;
        self.check(
            "it refuses to lose a bucket's events, and changes nothing",
            page.status == 200 && self.demo_app.fleet() == *before,
        )?;
        self.command(&[&on[..], &["--accept-event-loss"]].concat(), DONE)
            .await?;
        let page = self.visit().await?;
        self.check("the page answers 503", page.status == 503)?;
        self.check(
            "Retry-After says when to come back",
            page.header("retry-after").is_some(),
        )?;
        self.check(
            "no cache may store it",
            page.header("cache-control") == Some("no-store"),
        )?;
        let during = self.demo_app.fleet();
        self.show(format!("\n{}", table_of_workers(&during)))?;
        let is_worker = |name: &str| name.contains("-worker-");
        let mut workers = during.iter().filter(|(name, _)| is_worker(name));
        let asleep = workers.all(|(_, worker)| {
            worker.reserved == Some(0)
                && worker.provisioned.is_empty()
                && worker.mappings.values().all(|mapping| !mapping.enabled)
        });
        self.check("every worker is at zero, and no queue feeds one", asleep)?;
        let others = |fleet: &Fleet| {
            let mut fleet = fleet.clone();
            fleet.retain(|name, _| !is_worker(name));
            fleet
        };
        self.check(
            "the other functions are untouched",
            others(before) == others(&during),
        )?;
        let answer = self.invoke().await?;
        self.check("the worker does not run", answer.0 == 429)?;
        let status = self.command(&["status", "--all"], DONE).await?;
        self.check("the status says so", status == "web on\nworker on\n")?;
        Ok(during)
    }

    async fn back(&mut self, before: &Fleet, during: &Fleet) -> Result<(), CliError> {
        self.scene("Maintenance off")?;
        self.command(&["off", "--all"], DONE).await?;
        let page = self.visit().await?;
        self.check("the page answers 200", page.status == 200)?;
        let answer = self.invoke().await?;
        self.check("the worker runs", answer.0 == 200)?;
        let status = self.command(&["status", "--all"], DONE).await?;
        self.check("the status says so", status == "web off\nworker off\n")?;

        self.scene("Every setting, compared with before")?;
        let now = self.demo_app.fleet();
        self.show("")?;
        self.show(compared(before, during, &now))?;
        self.check("every setting is what it was", *before == now)?;
        let saved = self.demo_app.saved();
        self.check("no saved settings are left over", saved.is_empty())
    }

    /// A line, unless the answer is a document or nothing is to be said.
    fn show(&self, text: impl std::fmt::Display) -> Result<(), CliError> {
        self.output.narrate(format_args!("{text}\n"))
    }

    fn scene(&self, title: &str) -> Result<(), CliError> {
        self.show(format!("\n{}", format!("── {title} ──").bold()))
    }

    fn check(&mut self, what: &str, held: bool) -> Result<(), CliError> {
        if held {
            self.show(format!("  {} {what}", "✓".green().bold()))?;
        } else {
            self.show(format!("  {} failed: {what}", "✗".red().bold()))?;
        }
        self.checks.push(Check {
            what: what.to_owned(),
            held,
        });
        Ok(())
    }

    /// Runs this program again as a person would, and returns what it answered: it has to exit with this code.
    async fn command(&mut self, arguments: &[&str], code: u8) -> Result<String, CliError> {
        let typed: Vec<String> = arguments
            .iter()
            .map(|word| {
                if word.contains(' ') {
                    format!("\"{word}\"")
                } else {
                    (*word).to_owned()
                }
            })
            .collect();
        let typed = format!("maintenance {}", typed.join(" "));
        self.show(format!("\n{} {}", "$".bold(), typed.bold()))?;
        let cannot = |error: std::io::Error| {
            CliError::failed(format!("cannot run `{typed}`")).caused_by(&error)
        };
        let program = std::env::current_exe().map_err(cannot)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("AWS_") || text.starts_with("MAINTENANCE_") {
                command.env_remove(&name);
            }
        }
        // No proxy stands between this machine and itself.
        let here = "127.0.0.1".to_owned();
        let proxies = [("NO_PROXY", here.clone()), ("no_proxy", here)];
        command.envs(self.demo_app.variables()).envs(proxies);
        let done = command.output().await.map_err(cannot)?;
        let (said, answer) = (
            String::from_utf8_lossy(&done.stderr),
            String::from_utf8_lossy(&done.stdout),
        );
        for line in said.lines().chain(answer.lines()) {
            self.show(format!("  {line}"))?;
        }
        let what = match code {
            DONE => "the command succeeds".to_owned(),
            code => format!("the command exits with {code}"),
        };
        self.check(&what, done.status.code() == Some(code.into()))?;
        Ok(answer.into_owned())
    }

    /// Fetches the page, and shows what matters of the answer.
    async fn visit(&self) -> Result<Page, CliError> {
        let address = self.demo_app.page();
        self.show(format!("\n{} http://{address}/", "GET".bold()))?;
        let page = fetch::get(address)
            .await
            .map_err(|error| CliError::failed("cannot fetch the page").caused_by(error.as_ref()))?;
        self.show(format!("  HTTP/1.1 {}", page.status))?;
        for name in ["retry-after", "cache-control", "x-maintenance"] {
            if let Some(value) = page.header(name) {
                self.show(format!("  {name}: {value}"))?;
            }
        }
        if let Some(title) = page.title() {
            self.show(format!("  <title>{title}</title>"))?;
        }
        Ok(page)
    }

    /// Invokes a worker, and shows how AWS answers.
    async fn invoke(&self) -> Result<(u16, Option<String>), CliError> {
        self.show(format!("\n{} {}", "Invoke".bold(), self.demo_app.invoked()))?;
        let answer = self.demo_app.invoke().await?;
        match &answer {
            (status, None) => self.show(format!("  {status}"))?,
            (status, Some(code)) => self.show(format!("  {status} {code}"))?,
        }
        Ok(answer)
    }
}
