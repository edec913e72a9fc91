//! `maintenance dev`: the demonstration app, served until stopped, for a second terminal to drive.

use std::time::Duration;

use crate::args::DevArgs;
use crate::demo::{DemoApp, Options, table_of_workers};
use crate::exit_code::Outcome;
use crate::failure::Failure;
use crate::invocation::quoted;
use crate::output::Output;
use crate::runtime::Signals;

/// How old what the gate knows may be: what a person takes for at once.
const TTL: Duration = Duration::from_secs(1);
/// How often the state is kept, if it changed.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// Serves it. The lines to paste are the answer; everything else is said to a person.
pub(crate) async fn run(args: &DevArgs, output: &Output) -> Result<Outcome, Failure> {
    let mut signals = Signals::listen()?;
    let options = Options {
        port: args.port.unwrap_or(0),
        state: args.state.clone(),
        ttl: TTL,
        aws_waits: args.aws_waits,
    };
    let demo_app = DemoApp::start(options).await?;

    output.say(format_args!(
        "A local AWS is at {}",
        demo_app.endpoint_url()
    ));
    output.say(format_args!(
        "The app demo-dev has a page at http://{}/",
        demo_app.page()
    ));
    output.block("and these functions:\n");
    output.block(table_of_workers(&demo_app.fleet()));
    output.block("\nPaste these lines into a second terminal:\n");
    output.answer(exports(&demo_app))?;
    output.block("\nThen try there: maintenance on --all");
    output.say("                maintenance status --all");
    output.say(format_args!(
        "                curl -i http://{}/",
        demo_app.page()
    ));
    output.block("                maintenance off --all\n");
    output.say("Ctrl-C stops it here");

    let mut saved = demo_app.writes();
    let mut tick = tokio::time::interval(SAVE_EVERY);
    loop {
        tokio::select! {
            biased;
            () = signals.next() => break,
            _ = tick.tick() => {
                let writes = demo_app.writes();
                if writes != saved {
                    demo_app.save()?;
                    saved = writes;
                }
            }
        }
    }
    demo_app.save()?;
    output.block(match &args.state {
        None => "\nStopped; nothing is left behind".to_owned(),
        Some(folder) => format!("\nStopped; its state is in {}", folder.display()),
    });
    Ok(Outcome::Done)
}

/// Shell lines that point a terminal at the local AWS.
fn exports(demo_app: &DemoApp) -> String {
    let mut lines = format!("unset {}\n", DemoApp::unwanted().join(" "));
    for (name, value) in demo_app.variables() {
        lines += &format!("export {name}={}\n", quoted(&value));
    }
    // So that the same `maintenance` is found there, however it was started here.
    if let Some(folder) = std::env::current_exe()
        .ok()
        .as_deref()
        .and_then(|exe| exe.parent())
    {
        lines += &format!(
            "export PATH={}:\"$PATH\"\n",
            quoted(&folder.display().to_string())
        );
    }
    lines
}
