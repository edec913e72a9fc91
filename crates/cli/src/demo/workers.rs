//! The functions of the demonstration app: one of every kind that maintenance has to give back exactly
//! as it was.

use maintenance_sandbox::{FunctionSpec, MappingSpec};

/// The app's name.
pub(super) const APP: &str = "demo";
/// Its environment.
pub(super) const ENV: &str = "dev";
/// Which functions are workers.
pub(super) const WORKERS: &str = "demo-dev-worker-*";
/// A worker that answers before and after, and not during maintenance.
pub(super) const INVOKED: &str = "demo-dev-worker-mail";

/// The other app of the product that the console shows.
pub(super) const BILLING: &str = "billing";
/// Which functions are its workers.
pub(super) const BILLING_WORKERS: &str = "billing-dev-worker-*";

/// The functions of the other app.
pub(super) fn billing() -> Vec<FunctionSpec> {
    vec![
        // Fed by a rule of EventBridge, without a failure destination: what arrives while it is at zero is lost.
        FunctionSpec::new("billing-dev-worker-ledger")
            .reserved(2)
            .invoked_by("events.amazonaws.com"),
        FunctionSpec::new("billing-dev-worker-payments")
            .reserved(8)
            .mapping(MappingSpec::sqs("billing-dev-payments")),
        FunctionSpec::new("billing-dev-worker-pdf").mapping(MappingSpec::sqs("billing-dev-pdf")),
    ]
}

/// The functions.
pub(super) fn functions() -> Vec<FunctionSpec> {
    vec![
        // No worker: it must come through untouched.
        FunctionSpec::new("demo-dev-web").reserved(50).timeout(29),
        // Fed by a bucket, without a dead-letter queue: what arrives while it is at zero is lost.
        FunctionSpec::new("demo-dev-worker-images")
            .reserved(20)
            .timeout(300)
            .invoked_by("s3.amazonaws.com"),
        // At zero already, on purpose: it must not be woken up afterwards.
        FunctionSpec::new("demo-dev-worker-legacy").reserved(0),
        // Unset: it may use whatever the account has left, which is the opposite of zero.
        FunctionSpec::new(INVOKED),
        // Fed by queues, one of which was switched off before.
        FunctionSpec::new("demo-dev-worker-orders")
            .reserved(5)
            .mapping(MappingSpec::sqs("demo-dev-orders"))
            .mapping(MappingSpec::sqs("demo-dev-orders-old").disabled()),
        // Fed by a rule of EventBridge; its dead-letter queue takes what arrives meanwhile.
        FunctionSpec::new("demo-dev-worker-reports")
            .invoked_by("events.amazonaws.com")
            .dead_letter("arn:aws:sqs:us-east-1:123456789012:demo-dev-dead-letters"),
        // Provisioned on an alias, within a reservation: the order of the calls matters.
        FunctionSpec::new("demo-dev-worker-search")
            .reserved(10)
            .versions(2)
            .alias("live", 2)
            .provisioned("live", 4),
    ]
}
