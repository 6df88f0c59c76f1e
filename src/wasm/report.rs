//! What a breaker counted and why it is in its state, as a list of numbers, and the breaker as a snapshot.
//!
//! Must not know: the hot path, and what the numbers are called in an object: JavaScript reads the names from the lists
//! here. Plain numbers go through serde in 2 KB of Wasm; structs with their names took 12 KB more.

use super::slots;
use crate::core::{Breaker, Field, LatencySummary};
use wasm_bindgen::prelude::*;

/// The numbers of a report, in their order.
pub(super) const NAMES: [&str; 24] = [
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

/// What was counted, and why the breaker is in its state at `now`: NaN where there is nothing to say. `undefined` when there
/// is no such slot.
#[wasm_bindgen]
pub fn report(slot: u32, now: f64) -> JsValue {
    to_js(slots::with_cold(slot, None, |breaker| Some(numbers(breaker, now).to_vec())))
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

fn numbers(breaker: &Breaker, now: f64) -> [f64; NAMES.len()] {
    let metrics = breaker.metrics();
    let window = breaker.window(now);
    let of_window = |count: Option<u32>| count.map_or(f64::NAN, f64::from);
    let none =
        LatencySummary { calls: f64::NAN, mean: f64::NAN, p50: f64::NAN, p90: f64::NAN, p99: f64::NAN };
    let latency = breaker.latency().unwrap_or(none);
    [
        metrics.total(),
        metrics.successful.get(),
        metrics.failed.get(),
        metrics.timed_out.get(),
        metrics.ignored.get(),
        metrics.rejected.get(),
        metrics.would_reject.get(),
        metrics.stale.get(),
        metrics.in_flight.get(),
        breaker.log().total(),
        of_window(window.map(|counts| counts.calls)),
        of_window(window.map(|counts| counts.failures)),
        of_window(window.map(|counts| counts.slow)),
        breaker.config().get(Field::MinimumCalls).unwrap_or(f64::NAN),
        breaker.retry_after(now),
        breaker.failed_tests().into(),
        breaker.test_expires_after(now),
        breaker.failed_recoveries().into(),
        latency.calls,
        latency.mean,
        latency.p50,
        latency.p90,
        latency.p99,
        breaker.open_time(),
    ]
}

fn to_js(numbers: Option<Vec<f64>>) -> JsValue {
    numbers.and_then(|numbers| serde_wasm_bindgen::to_value(&numbers).ok()).unwrap_or(JsValue::UNDEFINED)
}
