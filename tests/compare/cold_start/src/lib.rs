//! What the programs share: ask once, and say by the exit code whether the answer was the store's.

#[cfg(feature = "gate")]
use std::process::ExitCode;

/// Runs on a runtime as a Lambda handler's is.
#[cfg(feature = "runtime")]
pub fn on_a_runtime<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(work)
}

/// The first decision of a gate with this source. The store says `off`.
#[cfg(feature = "gate")]
pub fn first_decision(source: impl maintenance_gate::FlagSource) -> ExitCode {
    on_a_runtime(async {
        let gate = maintenance_gate::Gate::builder()
            .app("demo")
            .env("dev")
            .source(source)
            // A busy machine must not end the measurement.
            .refresh_budget(std::time::Duration::from_secs(10))
            .build()
            .expect("a gate");
        let mut request = http::Request::new(());
        let passes = matches!(gate.check(&mut request).await, maintenance_gate::Decision::Pass);
        let is_known = gate.last_known() == Some(maintenance_gate::Mode::Off);
        match passes && is_known {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        }
    })
}
