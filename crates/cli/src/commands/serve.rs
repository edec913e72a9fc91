//! `maintenance serve`: the web console and the REST API.

use maintenance_control::{Action, CancellationToken, Report};
use maintenance_flag::Scope;
use maintenance_server::AppState;
use maintenance_server::access::{Access, NamedBy, Options, ProxyUser};
use maintenance_server::function;
use maintenance_server::notify::LAST_WAIT;
use maintenance_server::operations::Operation;
use maintenance_server::serve::{Listen, Listener, ServeError};

use super::scheduling;
use super::state::state;
use crate::args::{ServeArgs, TrustedAlb};
use crate::connection::Connections;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::render;
use crate::settings::{Configuration, Settings};
use crate::signals::interruptible;

/// Serves until a signal, or for as long as the function lives.
pub(crate) async fn run(
    configuration: &Configuration<'_>,
    args: &ServeArgs,
    output: &Output,
) -> Result<Outcome, CliError> {
    let own = configuration.app()?;
    let mut connections = Connections::default();
    let observers = configuration.observers()?;
    let observers = observers.iter();
    let state = state(configuration, &own, observers, &mut connections, output).await?;
    let scheduler = scheduling::scheduler(configuration, &state, &mut connections).await?;
    if function::is_function() {
        let options = Options {
            secure: true,
            ..Options::default()
        };
        let (observers, access) = (
            state.observers.clone(),
            access(&mut connections, &own, options).await?,
        );
        let router = maintenance_server::router(state, &access);
        let ended = function::run(router, observers, scheduler).await;
        return match ended {
            Ok(()) => Ok(Outcome::Done),
            Err(error) => Err(CliError::failed(format!("the function ended: {error}"))),
        };
    }
    let listen = Listen {
        address: args.listen,
        tls: args.tls_cert.clone().zip(args.tls_key.clone()),
        behind_proxy: args.behind_proxy,
    };
    let listener = Listener::bind(&listen).await?;
    let options = Options {
        secure: listen.tls.is_some() || listen.behind_proxy,
        behind_proxy: listen.behind_proxy,
        user: proxy_user(args),
    };
    let access = access(&mut connections, &own, options).await?;
    let url = listener.url();
    let products = state.catalog.products();
    let products = products.map(|product| format!("{} ({})", product.title, product.environment));
    output.say(format_args!(
        "Serving {}; sign in with a token from `maintenance token new`",
        products.collect::<Vec<_>>().join(", ")
    ));
    if output.json() {
        output.document(&serde_json::json!({ "url": url }))?;
    } else {
        output.answer(format_args!("{url}\n"))?;
    }
    output.say("Press Ctrl-C to stop it");
    let stop = CancellationToken::new();
    let scheduled = scheduler.run(stop.clone(), |told| scheduling::say(told, output));
    let router = maintenance_server::router(state.clone(), &access);
    say_disabled(&state, output);
    state.observers.start(&state.operations.stopping());
    let first = || output.say("Stopping: operations in progress finish their current step");
    let served = async {
        // A listener that fails ends the schedule, too.
        let served = async {
            let served = listener.serve(&state, router, stop.cancelled()).await;
            stop.cancel();
            served
        };
        let (left, ()) = tokio::join!(served, scheduled);
        (left, state.notifier.finish(LAST_WAIT).await)
    };
    let Some(served) = interruptible(served, &stop, first).await? else {
        return Err(CliError::given_up(
            "start it again: it shows what was interrupted, and the same request finishes it",
        ));
    };
    let (left, undelivered) = served;
    for undelivered in undelivered {
        output.say(format_args!("Warning: {undelivered}"));
    }
    let left = left?;
    for operation in &left {
        output.say(left_behind(operation).await);
    }
    output.say("Stopped");
    Ok(Outcome::Done)
}

/// Which observers are disabled, and why.
fn say_disabled(state: &AppState, output: &Output) {
    let views = state.observers.views();
    for view in views.iter().filter(|view| view.disabled.is_some()) {
        output.say(render::seen(view));
    }
}

/// Whom the proxy in front names, if it is trusted to.
fn proxy_user(args: &ServeArgs) -> Option<ProxyUser> {
    let header = args.trust_user_header.clone().map(NamedBy::Header);
    let alb = args.trust_alb.clone().map(|TrustedAlb(alb)| alb);
    Some(ProxyUser {
        named_by: header.or(alb)?,
        scope: args.user_scope.unwrap_or(Scope::Read),
    })
}

/// By the tokens in the store of the file's own app.
async fn access(
    connections: &mut Connections,
    own: &Settings,
    options: Options,
) -> Result<Access, CliError> {
    let connection = connections.open(own).await?;
    Ok(Access::new(connection.tokens, options))
}

/// What an operation that was stopped has left.
async fn left_behind(operation: &Operation) -> String {
    let ended = operation.ended().await;
    let about = match &operation.target.product {
        Some(product) => product.title.clone(),
        None => {
            let apps = operation.target.apps.iter();
            let apps = apps.map(|(app, _)| app.app().to_string());
            apps.collect::<Vec<_>>().join(", ")
        }
    };
    let action = match operation.request.action() {
        Action::On => "on",
        Action::Off => "off",
    };
    if ended.is_complete() {
        return format!("Maintenance {action} of {about} was finished");
    }
    let incomplete = ended.reports().filter(|report| !report.is_complete());
    let incomplete: Vec<String> = incomplete
        .map(|report: &Report| report.app.to_string())
        .collect();
    let of = match incomplete.as_slice() {
        [] => String::new(),
        apps => format!(" ({})", apps.join(", ")),
    };
    format!(
        "Maintenance {action} of {about} is incomplete{of}: repeat the request here or with the command to finish it"
    )
}

impl From<ServeError> for CliError {
    fn from(error: ServeError) -> Self {
        let failure = Self::of(Outcome::Usage, &error);
        match error {
            ServeError::InClear(_) => failure
                .hint("give --tls-cert and --tls-key, or --behind-proxy if a proxy with TLS is in front of it"),
            ServeError::Listen { .. } => failure.hint("choose another address or port with --listen"),
            ServeError::Tls { .. } => failure.hint("give PEM files: the chain, and its private key"),
            _ => failure,
        }
    }
}
