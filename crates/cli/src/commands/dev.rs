//! `maintenance dev`: the demonstration app and the console, served until stopped, for a second terminal or a
//! browser to drive.

use std::time::Duration;

use crate::args::DevArgs;
use crate::command_context::quoted;
use crate::demo::{Console, DemoApp, Options, table_of_workers};
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::signals::Signals;

/// How old what the gate knows may be: what a person takes for at once.
const TTL: Duration = Duration::from_secs(1);
/// How often the state is kept, if it changed.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// Serves it. The line to paste is the answer; everything else is said to a person.
pub(crate) async fn run(args: &DevArgs, output: &Output) -> Result<Outcome, CliError> {
    let mut signals = Signals::listen()?;
    let options = Options {
        port: args.port.unwrap_or(0),
        state: args.state.clone(),
        ttl: TTL,
        page: args.page.clone(),
        aws_waits: args.aws_waits,
        has_product: true,
    };
    let demo_app = DemoApp::start(options).await?;
    let console = Console::start(&demo_app, args.console_port.unwrap_or(0)).await?;

    let page = demo_app.page();
    output.say(format_args!(
        "A local AWS is at {}",
        demo_app.endpoint_url()
    ));
    output.say(format_args!(
        "The app demo-dev has a page at http://{page}/"
    ));
    output.block("and these functions:\n");
    output.block(table_of_workers(&demo_app.fleet()));
    output.block("\nPaste this line into a second terminal:\n");
    let exports = quoted(&demo_app.exports()?.display().to_string());
    output.answer(format_args!(". {exports}\n"))?;
    output.block(format_args!(
        "\nThen try in that terminal:\n  \
         maintenance on --all\n  \
         maintenance status --all\n  \
         curl -i http://{page}/\n  \
         maintenance off --all\n\
         The real aws command works against it too: aws lambda list-functions\n"
    ));
    let (url, token) = (console.url(), console.token());
    output.block(format_args!(
        "Or in a browser: {url}\n  \
         The product Shop is demo-dev and billing-dev; sign in with this token:\n  {token}\n"
    ));
    let observed = quoted(&demo_app.observed().display().to_string());
    output.block(format_args!(
        "An observer keeps the product in maintenance for as long as this file exists:\n  \
         touch {observed}\n"
    ));
    output.say("Press Ctrl-C here to stop it");

    let mut saved = demo_app.writes();
    let mut tick = tokio::time::interval(SAVE_EVERY);
    loop {
        tokio::select! {
            biased;
            _ = signals.next() => break,
            _ = tick.tick() => {
                let writes = demo_app.writes();
                if writes != saved {
                    demo_app.save()?;
                    saved = writes;
                }
            }
        }
    }
    console.stop().await?;
    demo_app.save()?;
    output.block(match &args.state {
        None => "\nStopped; nothing is left behind".to_owned(),
        Some(folder) => format!("\nStopped; its state is in {}", folder.display()),
    });
    Ok(Outcome::Done)
}
