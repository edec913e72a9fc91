//! Everything that can befall the store, one row each.

use maintenance_sandbox::Fault;

use crate::support::{Line, json};

/// What befalls the store.
#[derive(Clone)]
pub(crate) enum Befalls {
    /// The line to it.
    Line(Line),
    /// Its answers: what AWS says when it refuses or fails.
    Fault(Fault),
    /// The stored value.
    Stored(String),
    /// The name of its host.
    Dns,
    /// The credentials of the reader.
    Credentials,
}

/// How long the visitor who asks waits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Waits {
    /// Until the attempt has failed. The budget is not over by then.
    Failed,
    /// Until the budget is over.
    Budget,
}

/// A row of the table.
#[derive(Clone)]
pub(crate) struct Trouble {
    pub(crate) name: &'static str,
    pub(crate) befalls: Befalls,
    pub(crate) waits: Waits,
    /// How many reads the store sees of one attempt to read.
    pub(crate) reads: usize,
}

macro_rules! table {
    ($($name:literal | $befalls:expr, until $waits:ident, $reads:literal seen;)*) => {
        vec![$(Trouble {
            name: $name,
            befalls: $befalls,
            waits: Waits::$waits,
            reads: $reads,
        }),*]
    };
}

/// The troubles. Each row says what befalls the store, until when the visitor who asks waits, and how
/// many reads the store sees of that.
pub(crate) fn troubles() -> Vec<Trouble> {
    let always = || Fault::any_call().always();
    table! {
        "slow"                    | line(Line::Holds), until Budget, 1 seen;
        "connections are refused" | line(Line::Refuses), until Failed, 0 seen;
        "packets vanish"          | line(Line::Swallows), until Budget, 0 seen;
        "hangs up"                | line(Line::HangsUp), until Failed, 1 seen;
        "stalls in its head"      | stalls(b"HTTP/1.1 20"), until Budget, 1 seen;
        "stalls in its body"      | stalls(TORN), until Budget, 1 seen;
        "breaks off in its body"  | says(TORN), until Failed, 1 seen;
        "babbles without end"     | line(Line::Babbles), until Budget, 1 seen;
        "DNS fails"               | Befalls::Dns, until Failed, 0 seen;

        "throttles"               | Befalls::Fault(always().throttle()), until Failed, 1 seen;
        "denies"                  | Befalls::Fault(always().access_denied()), until Failed, 1 seen;
        "fails"                   | refuses(500, "InternalServerError"), until Failed, 1 seen;
        "is unavailable"          | refuses(503, "ServiceUnavailable"), until Failed, 1 seen;
        "credentials expired"     | refuses(400, "ExpiredTokenException"), until Failed, 1 seen;
        "credentials invalid"     | refuses(400, "UnrecognizedClientException"), until Failed, 1 seen;
        "no credentials"          | Befalls::Credentials, until Failed, 0 seen;

        "not HTTP"                | says(b"SSH-2.0-OpenSSH_9.6\r\n"), until Failed, 1 seen;
        "a sign-in page"          | says(SIGN_IN), until Failed, 1 seen;
        "a redirect"              | says(REDIRECT), until Failed, 1 seen;
        "no body"                 | answers(""), until Failed, 1 seen;
        "no JSON"                 | answers("on"), until Failed, 1 seen;
        "JSON, torn"              | answers(r#"{"Parameter":{"Val"#), until Failed, 1 seen;
        "JSON, a list"            | answers("[]"), until Failed, 1 seen;
        "JSON, no parameter"      | answers("{}"), until Failed, 1 seen;
        "JSON, no value"          | answers(r#"{"Parameter":{}}"#), until Failed, 1 seen;
        "JSON, a number"          | answers(r#"{"Parameter":{"Value":7}}"#), until Failed, 1 seen;
        "JSON, 4 KB of brackets"  | answers("[".repeat(4_096)), until Failed, 1 seen;
        "not UTF-8"               | answers(b"{\"Parameter\":{\"Value\":\"on\xff\"}}"), until Failed, 1 seen;

        "a slip"                  | stored("offf"), until Failed, 1 seen;
        "an empty value"          | stored(" "), until Failed, 1 seen;
        "a document, torn"        | stored(r#"{"schema":1,"mode":"o"#), until Failed, 1 seen;
        "a document, no mode"     | stored(r#"{"schema":1}"#), until Failed, 1 seen;
        "a document, no schema"   | stored(r#"{"mode":"off"}"#), until Failed, 1 seen;
        "a document, wrong type"  | stored(r#"{"schema":1,"mode":["on"]}"#), until Failed, 1 seen;
        "a newer schema"          | stored(r#"{"schema":2,"mode":"half-open"}"#), until Failed, 1 seen;
        "4 KB of noise"           | stored(&noise()), until Failed, 1 seen;
        "4 KB of brackets"        | stored(&"[".repeat(4_096)), until Failed, 1 seen;
    }
}

/// An answer that says how long it is, and ends before.
const TORN: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{\"Parameter\":{";
/// What a network says to those who have not paid.
const SIGN_IN: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n<p>Please pay.\r\n";
const REDIRECT: &[u8] =
    b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";

fn line(line: Line) -> Befalls {
    Befalls::Line(line)
}

fn says(bytes: &[u8]) -> Befalls {
    line(Line::Says(bytes.to_vec()))
}

fn stalls(bytes: &[u8]) -> Befalls {
    line(Line::Stalls(bytes.to_vec()))
}

/// A proper answer with this body.
fn answers(body: impl AsRef<[u8]>) -> Befalls {
    says(&json(body))
}

fn refuses(status: u16, code: &str) -> Befalls {
    let fault = Fault::any_call().always();
    Befalls::Fault(fault.fail(status, code, "Not now."))
}

fn stored(text: &str) -> Befalls {
    Befalls::Stored(text.to_owned())
}

/// Printable noise, as long as a parameter may be.
fn noise() -> String {
    let mut random = fastrand::Rng::with_seed(4);
    (0..4_096)
        .map(|_| char::from(random.u8(b' '..=b'~')))
        .collect()
}
