//! What a breaker counted and why it is in its state, as a list of numbers, and the breaker as a snapshot.
//!
//! Must not know: the hot path, and what the numbers are called in an object: JavaScript reads the names from the table
//! here. Plain numbers go through serde in 2 KB of Wasm; structs with their names took 12 KB more.

use super::slots;
use crate::core::{Breaker, Counts, Field, LatencySummary, Metrics};
use wasm_bindgen::prelude::*;

/// What a report is made of.
struct Facts<'a> {
    breaker: &'a Breaker,
    metrics: Metrics,
    window: Option<Counts>,
    latency: Option<LatencySummary>,
    now: f64,
}

/// Makes the list of names and the numbers of the same rows.
macro_rules! report {
    (|$facts:ident| $($name:literal => $number:expr,)+) => {
        /// The names of the numbers of a report, in their order.
        pub(super) const NAMES: [&str; [$($name),+].len()] = [$($name),+];

        fn numbers($facts: &Facts) -> [f64; NAMES.len()] {
            [$($number),+]
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
    "windowCalls" => facts.window.map_or(f64::NAN, |counts| counts.calls.into()),
    "windowFailures" => facts.window.map_or(f64::NAN, |counts| counts.failures.into()),
    "windowSlowCalls" => facts.window.map_or(f64::NAN, |counts| counts.slow.into()),
    "minimumCalls" => facts.breaker.config().get(Field::MinimumCalls).unwrap_or(f64::NAN),
    "retryAfter" => facts.breaker.retry_after(facts.now),
    "failedTests" => facts.breaker.failed_tests().into(),
    "testExpiresAfter" => facts.breaker.test_expires_after(facts.now),
    "failedRecoveries" => facts.breaker.failed_recoveries().into(),
    "timedCalls" => facts.latency.map_or(f64::NAN, |latency| latency.calls),
    "mean" => facts.latency.map_or(f64::NAN, |latency| latency.mean),
    "p50" => facts.latency.map_or(f64::NAN, |latency| latency.p50),
    "p90" => facts.latency.map_or(f64::NAN, |latency| latency.p90),
    "p99" => facts.latency.map_or(f64::NAN, |latency| latency.p99),
    "openTime" => facts.breaker.open_time(),
}

/// What was counted, and why the breaker is in its state at `now`: NaN where there is nothing to say. `undefined` when there
/// is no such slot.
#[wasm_bindgen]
pub fn report(slot: u32, now: f64) -> JsValue {
    to_js(slots::with_cold(slot, None, |breaker| {
        let (metrics, window, latency) = (breaker.metrics(), breaker.window(now), breaker.latency());
        Some(numbers(&Facts { breaker, metrics, window, latency, now }).to_vec())
    }))
}

/// The state changes kept, each as four numbers: from, to, reason, when in ms of the breaker's clock.
#[wasm_bindgen(js_name = stateChanges)]
pub fn state_changes(slot: u32) -> JsValue {
    to_js(slots::with_cold(slot, None, |breaker| Some(breaker.log().numbers(0.0))))
}

/// The breaker as numbers, with times of a clock whose zero is `origin` ms after the epoch.
#[wasm_bindgen(js_name = snapshot)]
pub fn take_snapshot(slot: u32, origin: f64, now: f64) -> JsValue {
    to_js(slots::with_cold(slot, None, |breaker| Some(breaker.snapshot(origin, now))))
}

fn to_js(numbers: Option<Vec<f64>>) -> JsValue {
    numbers.and_then(|numbers| serde_wasm_bindgen::to_value(&numbers).ok()).unwrap_or(JsValue::UNDEFINED)
}
