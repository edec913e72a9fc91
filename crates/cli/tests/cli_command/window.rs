//! Looking at a window: its stored flag, what `status` shows of it, and moments for its end.

use jiff::{SignedDuration, Timestamp};
use maintenance_flag::Flag;
use maintenance_tests::{Output, TestEnv};
use serde_json::Value;

pub(crate) const WEB: &str = "/maintenance/demo-dev/flags/web";

pub(crate) fn flag(env: &TestEnv) -> Flag {
    Flag::decode(&env.sandbox().parameters()[WEB].value).expect("a flag")
}

/// What `status` shows of the web role.
pub(crate) fn shown(env: &TestEnv) -> Value {
    env.run(&["status", "--json"]).json()["roles"][0].take()
}

/// A whole second, so long from now.
pub(crate) fn ahead(minutes: i64) -> Timestamp {
    let now = Timestamp::now() + SignedDuration::from_mins(minutes);
    Timestamp::from_second(now.as_second()).expect("a time")
}

pub(crate) fn passed() -> Timestamp {
    ahead(-60)
}

/// It is refused with exit 2 in three parts, and not even a read was sent.
#[track_caller]
pub(crate) fn is_usage<'a>(env: &TestEnv, output: &'a Output, message: &str) -> &'a Output {
    assert!(env.sandbox().calls().is_empty(), "{output:#?}");
    assert!(
        output.stderr.contains("\nCaused by: "),
        "no cause: {output:#?}"
    );
    output.refuses(2, message)
}
