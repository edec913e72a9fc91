//! Options of what runs until it is stopped, and of who may use it.

use std::net::SocketAddr;
use std::path::PathBuf;

use axum::http::HeaderName;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN, USER_AGENT};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use maintenance_flag::{Product, Scope, TokenName};
use maintenance_server::access::NamedBy;

use crate::values::{Length, checked, listen_address};

/// What `serve` takes.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen. Port 0 picks a free one
    ///
    /// Other machines reach it only with --tls-cert and --tls-key, or --behind-proxy: otherwise tokens would cross
    /// the network unencrypted.
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        value_parser = listen_address,
        default_value = "127.0.0.1:8642"
    )]
    pub(crate) listen: SocketAddr,
    /// The certificate chain, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of the certificate, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// A proxy with TLS is in front, and nothing else can reach this address
    ///
    /// The client's address is then the last one in the proxy's X-Forwarded-For.
    #[arg(long)]
    pub(crate) behind_proxy: bool,
    /// The header in which the proxy names the user it has signed in
    ///
    /// The proxy must set it on every request, replacing any that a client sends. Tokens still work.
    #[arg(
        long,
        value_name = "NAME",
        requires = "behind_proxy",
        group = "named_by_proxy",
        value_parser = user_header,
        hide_short_help = true
    )]
    pub(crate) trust_user_header: Option<HeaderName>,
    /// The ARN of an Application Load Balancer in front that signs people in by OIDC
    ///
    /// What it signs (x-amzn-oidc-data) is verified. Tokens still work.
    #[arg(
        long,
        value_name = "ARN",
        requires = "behind_proxy",
        group = "named_by_proxy",
        hide_short_help = true
    )]
    pub(crate) trust_alb: Option<TrustedAlb>,
    /// What a user named by the proxy may do [default: read]
    #[arg(long, value_name = "SCOPE", requires = "named_by_proxy", hide_short_help = true, value_parser = scope(&["read", "write"]))]
    pub(crate) user_scope: Option<Scope>,
}

/// What `observe` takes.
#[derive(Debug, Args)]
pub(crate) struct ObserveArgs {
    /// Only these observers
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Check each once, wait for any operation that starts, and exit
    ///
    /// Equal results in a row are counted across runs.
    #[arg(long)]
    pub(crate) once: bool,
}

checked! {
    /// A load balancer that signs people in.
    TrustedAlb(NamedBy): |arn| {
        let alb = NamedBy::alb(arn);
        alb.ok_or_else(|| "must be the ARN of an Application Load Balancer".to_owned())
    };
}

/// A header in which a proxy may name a person: not one that says something else, and that clients send.
fn user_header(text: &str) -> Result<HeaderName, String> {
    let name: HeaderName = text
        .parse()
        .map_err(|_| "it is not the name of a header".to_owned())?;
    let others = [AUTHORIZATION, COOKIE, HOST, ORIGIN, USER_AGENT];
    match others.contains(&name) {
        true => Err(
            "it says something else, and clients send it: name one that only the proxy sets"
                .to_owned(),
        ),
        false => Ok(name),
    }
}

/// The commands of `token`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Create a token and print it: it is shown once, and stored as a hash
    #[command(after_long_help = "\
Examples:
  maintenance token new --name release-bot --scope write --product shop --expires 90d
  maintenance token new --name dashboard --scope read
  maintenance token new --name database --scope observe --observer database")]
    New(NewTokenArgs),
    /// List the tokens and their state
    #[command(after_long_help = "\
Examples:
  maintenance token list
  maintenance token list --app shop --env prod
  maintenance token list --json | jq -r '.tokens[] | select(.state == \"valid\") | .name'")]
    List,
    /// Revoke a token: a running server refuses it within five seconds
    #[command(after_long_help = "\
Examples:
  maintenance token revoke release-bot
  maintenance token revoke 1cp4d89t29
  maintenance token revoke release-bot --env prod")]
    Revoke {
        /// The token's id or name
        token: String,
    },
}

/// What to do with the receivers of notifications.
#[derive(Debug, Subcommand)]
pub(crate) enum NotifyCommand {
    /// Send each receiver a test, and say which did not get it
    #[command(after_long_help = "\
Examples:
  maintenance notify test
  maintenance notify test --env prod
  maintenance notify test --json | jq .failed")]
    Test,
}

/// What `token new` takes.
#[derive(Debug, Args)]
pub(crate) struct NewTokenArgs {
    /// The token's name, recorded with everything done with it
    #[arg(long)]
    pub(crate) name: TokenName,
    /// What it may do: read, write (on and off), or observe (on and off as an observer)
    #[arg(long, value_parser = scope(&["read", "write", "observe"]))]
    pub(crate) scope: Scope,
    /// Only for this product (repeatable) [default: all]
    // By this name it takes the place of the global option, which takes one.
    #[arg(id = "product", long = "product", value_name = "NAME")]
    pub(crate) products: Vec<Product>,
    /// The observer that it acts as, with --scope observe
    #[arg(long, value_name = "NAME", required_if_eq("scope", "observe"))]
    pub(crate) observer: Option<TokenName>,
    /// How long it is valid: 90d, 12h [default: until it is revoked]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub(crate) expires: Option<Length>,
}

fn scope(scopes: &'static [&'static str]) -> impl TypedValueParser<Value = Scope> {
    PossibleValuesParser::new(scopes).try_map(|text| text.parse::<Scope>())
}

/// What `dev` takes.
#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// The port of the local AWS on 127.0.0.1 [default: a free one]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Keep the local AWS's state in this folder, and continue from it
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// Show this page during maintenance, not the built-in one: maintenance.html or maintenance.json
    #[arg(long, value_name = "FILE")]
    pub(crate) page: Option<PathBuf>,
    /// The port of the console on 127.0.0.1 [default: a free one]
    #[arg(long, value_name = "PORT")]
    pub(crate) console_port: Option<u16>,
    /// Take as long as AWS does
    ///
    /// For event source mappings and provisioned concurrency; a deleted name is free only later, and reads lag.
    #[arg(long)]
    pub(crate) aws_waits: bool,
}
