//! `maintenance token`: who may use the server.

use std::collections::BTreeSet;

use jiff::Timestamp;
use maintenance_flag::Product;
use maintenance_server::access::{ListedToken, NewToken, TokenError};
use serde_json::{Value, json};

use crate::args::{NewTokenArgs, TokenCommand};
use crate::command_context::CommandContext;
use crate::connection::Connection;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::progress::with_progress;
use crate::render::{self, Reader};
use crate::settings::{self, Configuration, Target};
use crate::values::Length;

/// Refuses a product that the configuration does not name: a token for it alone would open nothing.
pub(crate) fn check_products(
    command: &TokenCommand,
    configuration: &Configuration<'_>,
) -> Result<(), CliError> {
    match command {
        TokenCommand::New(args) => {
            // Without products in the file, the server has one: the app, by its name.
            let implied = match configuration.products()?.is_empty() {
                true => configuration.app()?.app.map(|app| app.value),
                false => None,
            };
            let is_named = |id: &&Product| implied.as_deref() != Some(id.as_str());
            for product in args.products.iter().filter(is_named) {
                configuration.product(product)?;
            }
        }
        TokenCommand::List | TokenCommand::Revoke { .. } => {
            if configuration.selects_a_product() {
                return Err(
                    CliError::usage("only `maintenance token new` takes --product")
                        .hint("leave it out"),
                );
            }
        }
    }
    Ok(())
}

/// Makes, lists or revokes.
pub(crate) async fn run(
    target: &Target,
    command: &TokenCommand,
    output: &Output,
) -> Result<Outcome, CliError> {
    let connection = Connection::open(&target.app).await?;
    match command {
        TokenCommand::New(args) => new(target, &connection, args, output).await?,
        TokenCommand::List => list(target, &connection, output).await?,
        TokenCommand::Revoke { token } => revoke(target, &connection, token, output).await?,
    }
    Ok(Outcome::Done)
}

async fn new(
    target: &Target,
    connection: &Connection,
    args: &NewTokenArgs,
    output: &Output,
) -> Result<(), CliError> {
    let products: BTreeSet<_> = args.products.iter().cloned().collect();
    let new = NewToken {
        name: args.name.clone(),
        scope: args.scope,
        observer: args.observer.as_ref().map(ToString::to_string),
        products: (!products.is_empty()).then_some(products),
        expires: args.expires.map(end).transpose()?,
        by: target.app.by.value.clone(),
    };
    let (secret, token) = with_progress(vec![connection], output, async |_| {
        connection.tokens.create(new).await
    })
    .await?;
    let reader = Reader::of(&CommandContext::of(target));
    for line in render::new_token(&token, secret.id(), &reader) {
        output.say(line);
    }
    if output.json() {
        let mut document = json!({"token": secret.reveal()});
        let listed = ListedToken {
            id: secret.id().clone(),
            token: Ok(token),
        };
        add(&mut document, render::token_document(&listed, now()));
        return output.document(&document);
    }
    output.answer(format_args!("{}\n", secret.reveal()))
}

async fn list(target: &Target, connection: &Connection, output: &Output) -> Result<(), CliError> {
    let app = target.app.app()?;
    let tokens = with_progress(vec![connection], output, async |_| {
        connection.tokens.tokens().await
    })
    .await
    .map_err(TokenError::Store)?;
    if output.json() {
        let tokens = tokens.iter().map(|it| render::token_document(it, now()));
        let tokens: Vec<Value> = tokens.collect();
        return output.document(&json!({"app": app.to_string(), "tokens": tokens}));
    }
    if tokens.is_empty() {
        let reader = Reader::of(&CommandContext::of(target));
        output.say(reader.advice(&format!(
            "{app} has no tokens; `maintenance token new` creates one"
        )));
        return Ok(());
    }
    output.answer(render::tokens(&tokens, now()))
}

async fn revoke(
    target: &Target,
    connection: &Connection,
    wanted: &str,
    output: &Output,
) -> Result<(), CliError> {
    let (listed, done) = with_progress(vec![connection], output, async |_| {
        connection.tokens.revoke(wanted).await
    })
    .await?;
    let reader = Reader::of(&CommandContext::of(target));
    output.say(render::revoked(&listed, done, &reader));
    match output.json() {
        true => output.document(&render::token_document(&listed, now())),
        false => Ok(()),
    }
}

fn now() -> Timestamp {
    settings::now().timestamp()
}

/// When a token ends that is valid for so long.
fn end(Length(length): Length) -> Result<Timestamp, CliError> {
    let now = settings::now();
    let end = now.checked_add(length);
    let end = end.map_err(|error| {
        CliError::usage("--expires is too long")
            .caused_by(&error)
            .hint("leave it out for a token that is valid until it is revoked")
    })?;
    let (end, now) = (end.timestamp(), now.timestamp());
    // By this clock: that of the store may be a moment behind, and take no time at all for some.
    match end > now {
        true => Ok(end),
        false => Err(TokenError::Ended { expires: end }.into()),
    }
}

fn add(document: &mut Value, more: Value) {
    if let (Some(document), Value::Object(more)) = (document.as_object_mut(), more) {
        document.extend(more);
    }
}
