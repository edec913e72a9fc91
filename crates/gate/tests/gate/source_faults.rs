//! What a store that is ill does to a gate: nothing, and for a reason that it tells. Through real
//! sockets, for each source that has any.

use std::time::Duration;

use maintenance_gate::{Decision, Gate, ManualClock, ParameterValue, Throttled};
use serde_json::json;

use crate::source_contract::Wire;
use crate::support::{PARAMETER, Reply, START, Stub, TOKEN, captured, demo, get};

/// What AWS says of a signature it refuses: it quotes what was signed.
fn quoting(what: &str) -> String {
    format!("The Canonical String should have been 'x-amz-security-token:{TOKEN}' {what}")
}

/// A reply, and what of it goes into the reason; the extension only ever knows the status.
fn faults() -> Vec<(Reply, &'static str, &'static str)> {
    let denied =
        "User: arn:aws:sts::1:assumed-role/web is not authorized to perform: ssm:GetParameter";
    let huge = json!({"Parameter": {"Value": "x".repeat(1_000_000)}});
    let own = "not that of GetParameter";
    vec![
        (
            Reply::error(400, "AccessDeniedException", denied),
            "AccessDeniedException User: arn:aws:sts::1:assumed-role/web is not authorized",
            "HTTP 400",
        ),
        (
            Reply::error(400, "ThrottlingException", "Rate exceeded"),
            "ThrottlingException Rate exceeded",
            "HTTP 400",
        ),
        (
            Reply::error(400, "ExpiredTokenException", &quoting("expired")),
            "ExpiredTokenException",
            "HTTP 400",
        ),
        (
            Reply::error(400, "InvalidSignatureException", &quoting("refused")),
            "InvalidSignatureException",
            "HTTP 400",
        ),
        (
            Reply::error(403, "UnrecognizedClientException", &quoting("unknown")),
            "UnrecognizedClientException",
            "HTTP 403",
        ),
        (
            Reply::error(500, "InternalServerError", "try later"),
            "InternalServerError",
            "HTTP 500",
        ),
        (Reply::body(503, "<html>busy</html>"), "", "HTTP 503"),
        (Reply::body(404, ""), "", "HTTP 404"),
        (Reply::body(302, ""), "", "HTTP 302"),
        (Reply::body(200, ""), "", own),
        (Reply::body(200, "off"), "", own),
        (Reply::body(200, "{}"), "", own),
        (Reply::body(200, r#"{"Parameter":{"Value":null}}"#), "", own),
        (Reply::body(200, r#"{"Parameter":{"Value":"off"}"#), "", own),
        (Reply::is_cut_off(), "", "end of file"),
        (Reply::closes(), "", "closed"),
        (Reply::Says(b"\x15\x03\x01 what?\r\n\r\n".to_vec()), "", ""),
        (Reply::json(200, &huge), "", "more than 65536 bytes"),
    ]
}

struct Bench {
    gate: Gate,
    clock: ManualClock,
    stub: Stub,
}

impl Bench {
    /// A gate that knows that the flag is on.
    async fn new(wire: Wire) -> Self {
        let stub = Stub::start([Reply::value("on")]).await;
        let clock = ManualClock::new(START);
        let gate = demo()
            .source(wire.source(stub.port))
            .clock(clock.clone())
            .ttl(Duration::ZERO)
            .refresh_budget(Duration::from_secs(10))
            .build()
            .unwrap();
        let bench = Self { gate, clock, stub };
        assert!(bench.blocks().await);
        bench
    }

    async fn blocks(&self) -> bool {
        // Longer than any backoff.
        self.clock.advance(Duration::from_secs(100));
        matches!(self.gate.check(&mut get()).await, Decision::Block(_))
    }

    /// The reasons of the failures since the last look.
    fn reasons() -> Vec<String> {
        captured()
            .iter()
            .filter(|event| event["fields"]["code"] == "M504")
            .map(|event| event["fields"]["reason"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[tokio::test]
async fn the_last_known_state_stays_until_the_store_is_well_again() {
    captured();
    for wire in Wire::ALL {
        for (reply, reason, short) in faults() {
            let bench = Bench::new(wire).await;
            bench.stub.then([reply.clone()]);
            assert!(bench.blocks().await, "{wire:?} {reply:?}");
            let said = Bench::reasons();
            assert_eq!(said.len(), 1, "{wire:?}: {said:?}");
            assert!(!said[0].contains(TOKEN), "{wire:?}: {}", said[0]);
            let expected = match wire {
                // It takes a megabyte of noise for a flag, which then is malformed.
                Wire::Sdk if short.starts_with("more than") => "",
                Wire::Sdk => reason,
                Wire::Ssm if !reason.is_empty() => reason,
                Wire::Ssm | Wire::Extension => short,
            };
            assert!(
                said[0].contains(expected),
                "{wire:?}: {} and not {expected}",
                said[0]
            );
            bench.stub.then([Reply::value("off")]);
            assert!(!bench.blocks().await, "{wire:?} after {reply:?}");
        }
    }
}

#[tokio::test]
async fn a_flag_that_was_never_read_stays_unknown_and_is_never_off() {
    for wire in Wire::ALL {
        for (reply, _, _) in faults() {
            let stub = Stub::start([reply.clone()]).await;
            let fetched = wire.source(stub.port).fetch(PARAMETER).await;
            // A megabyte of noise, to the SDK.
            let is_noise =
                |read: Option<ParameterValue>| read.is_some_and(|it| it.text().len() == 1_000_000);
            assert!(fetched.map_or(true, is_noise), "{wire:?} {reply:?}");
            let gate = demo()
                .source(wire.source(stub.port))
                .refresh_budget(Duration::from_secs(10))
                .build()
                .unwrap();
            let _ = gate.check(&mut get()).await;
            assert_eq!(gate.last_known(), None, "{wire:?} {reply:?}");
        }
    }
}

#[tokio::test]
async fn a_store_that_asks_for_less_is_heard() {
    let too_many = [
        (
            Reply::error(400, "ThrottlingException", "Rate exceeded"),
            true,
        ),
        (Reply::error(400, "TooManyRequestsException", ""), true),
        (Reply::body(429, "slow down"), true),
        (Reply::error(400, "AccessDeniedException", "no"), false),
        (Reply::body(503, ""), false),
        (Reply::closes(), false),
    ];
    for wire in Wire::ALL {
        for (reply, throttled) in &too_many {
            let stub = Stub::start([reply.clone()]).await;
            let error = wire.source(stub.port).fetch(PARAMETER).await.unwrap_err();
            // What Parameter Store tells the extension, it does not pass on.
            let heard = match (wire, reply) {
                (Wire::Extension, Reply::Says(bytes)) => bytes.starts_with(b"HTTP/1.1 429"),
                _ => *throttled,
            };
            assert_eq!(error.is::<Throttled>(), heard, "{wire:?} {error}");
        }
    }
}

#[tokio::test]
async fn a_store_that_hangs_costs_a_request_its_budget_and_no_more() {
    for wire in Wire::ALL {
        let stub = Stub::start([Reply::IsSilent]).await;
        let gate = demo()
            .source(wire.source(stub.port))
            .refresh_budget(Duration::from_millis(20))
            .build()
            .unwrap();
        assert!(matches!(gate.check(&mut get()).await, Decision::Pass));
        assert_eq!(gate.last_known(), None);
        // And the next one goes on at once.
        assert!(matches!(gate.check(&mut get()).await, Decision::Pass));
        assert!(stub.received().len() <= 1, "{wire:?}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_an_error_that_says_so() {
    for wire in Wire::ALL {
        // A port that needs a privilege and has no service any more.
        let error = wire.source(1).fetch(PARAMETER).await.unwrap_err();
        let said = error.to_string().to_lowercase();
        assert!(said.contains("refused"), "{wire:?}: {said}");
    }
}
