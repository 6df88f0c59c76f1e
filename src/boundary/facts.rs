//! The numbers of a report: each row is a name and where its number comes from.
//!
//! Must not know: how a report gets to JavaScript. `generate.rs` writes the names down for it; they are no part of the Wasm.

use super::number;
use crate::core::{Breaker, Counts, Field, LatencySummary, Metrics, Rejections};

/// What a report is made of.
struct Facts<'a> {
    breaker: &'a Breaker,
    metrics: Metrics,
    rejections: Rejections,
    window: Option<Counts>,
    latency: Option<LatencySummary>,
    now: f64,
}

/// Makes the list of names and the numbers of the same rows.
macro_rules! report {
    (|$facts:ident| $($name:literal => $number:expr,)+) => {
        /// The names of the numbers of a report, in their order.
        pub const NAMES: [&str; [$($name),+].len()] = [$($name),+];

        fn of($facts: &Facts, row: &mut [f64; NAMES.len()]) {
            let mut places = row.iter_mut();
            $(if let Some(place) = places.next() {
                *place = $number;
            })+
        }
    };
}

report! {
    |facts|
    "totalCalls" => facts.metrics.total(),
    "successfulCalls" => facts.metrics.successful.get(),
    "failedCalls" => facts.metrics.failed.get(),
    "timedOutCalls" => facts.metrics.timed_out.get(),
    "ignoredCalls" => facts.metrics.ignored.get(),
    "rejectedCalls" => facts.metrics.rejected.get(),
    "wouldRejectCalls" => facts.metrics.would_reject.get(),
    "staleCalls" => facts.metrics.stale.get(),
    "inFlight" => facts.metrics.in_flight.get(),
    "stateChangeCount" => facts.breaker.log().total(),
    "rejectedOpen" => facts.rejections.open(facts.metrics.rejected),
    "rejectedHalfOpen" => facts.rejections.half_open.get(),
    "rejectedBulkhead" => facts.rejections.bulkhead.get(),
    "rejectedIsolated" => facts.rejections.isolated.get(),
    "windowCalls" => facts.window.map_or(f64::NAN, |counts| counts.calls.into()),
    "windowFailures" => facts.window.map_or(f64::NAN, |counts| counts.failures.into()),
    "windowSlowCalls" => facts.window.map_or(f64::NAN, |counts| counts.slow.into()),
    "minimumCalls" => facts.breaker.config().get_or_nan(Field::MinimumCalls),
    "retryAfter" => facts.breaker.retry_after(facts.now),
    "probeAfter" => facts.breaker.probe_after(facts.now),
    "failedTests" => facts.breaker.failed_tests().into(),
    "testExpiresAfter" => facts.breaker.test_expires_after(facts.now),
    "failedRecoveries" => facts.breaker.failed_recoveries().into(),
    "timedCalls" => facts.latency.map_or(f64::NAN, |latency| latency.calls),
    "mean" => facts.latency.map_or(f64::NAN, |latency| latency.mean),
    "p50" => facts.latency.map_or(f64::NAN, |latency| latency.p50),
    "p90" => facts.latency.map_or(f64::NAN, |latency| latency.p90),
    "p99" => facts.latency.map_or(f64::NAN, |latency| latency.p99),
    "openTime" => facts.breaker.open_time(),
    "state" => number::of_state(facts.breaker.state()).into(),
    "mode" => number::of_mode(facts.breaker.mode()).into(),
    "failureCount" => facts.breaker.failure_count(),
    "successCount" => facts.breaker.success_count(),
    "stateAge" => facts.breaker.log().age(facts.now),
}

/// Writes what was counted, and why the breaker is in its state at `now`, in the order of [`NAMES`]: NaN where there is nothing to say.
#[inline(never)] // Where the row is a place known beforehand, each number takes 5 B of Wasm more.
pub fn write(breaker: &Breaker, now: f64, row: &mut [f64; NAMES.len()]) {
    let (metrics, rejections) = (breaker.metrics(), breaker.rejections());
    let (window, latency) = (breaker.window(now), breaker.latency());
    of(&Facts { breaker, metrics, rejections, window, latency, now }, row);
}
