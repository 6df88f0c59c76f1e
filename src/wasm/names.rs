//! The names of the numbers of a report, in their order.
//!
//! Must not know: how a report is made. `generate.rs` writes them down for JavaScript; they are no part of the Wasm.

/// The names, in the order of [`super::report::numbers`].
pub const REPORT: [&str; 24] = [
    "totalCalls",
    "successfulCalls",
    "failedCalls",
    "timedOutCalls",
    "ignoredCalls",
    "rejectedCalls",
    "wouldRejectCalls",
    "staleCalls",
    "inFlight",
    "stateChangeCount",
    "windowCalls",
    "windowFailures",
    "windowSlowCalls",
    "minimumCalls",
    "retryAfter",
    "failedTests",
    "testExpiresAfter",
    "failedRecoveries",
    "timedCalls",
    "mean",
    "p50",
    "p90",
    "p99",
    "openTime",
];
