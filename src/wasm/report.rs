//! What a breaker counted and why it is in its state, as a list of numbers, and the breaker as a snapshot.
//!
//! Must not know: the hot path, and what the numbers are called (`names.rs`). A report, which somebody may want of a thousand breakers
//! at once, lies in a place of its own, where JavaScript reads it without an object being made. Lists whose length is
//! not known go through serde: a vector of plain numbers takes 0.1 KB of Wasm, structs with their names took 12.

use super::sole::Sole;
use super::{names, slots};
use crate::core::latency::LatencySummary;
use crate::core::{Breaker, Field};
use wasm_bindgen::prelude::*;

type Report = [f64; names::REPORT.len()];

thread_local! {
    static REPORT: Sole<Report> = const { Sole::new([0.0; names::REPORT.len()]) };
}

/// Writes down what was counted, and why the breaker is in its state at `now`: NaN where there is nothing to say. Answers where
/// in memory the numbers lie until the next report, or 0 when there is no such slot.
#[wasm_bindgen]
pub fn report(slot: u32, now: f64) -> *const f64 {
    slots::with_cold(slot, std::ptr::null(), |breaker| {
        REPORT.with(|report| {
            report.with(|place| {
                *place = numbers(breaker, now);
                place.as_ptr()
            })
        })
    })
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

/// The numbers, in the order of [`names::REPORT`].
fn numbers(breaker: &Breaker, now: f64) -> Report {
    let metrics = breaker.metrics();
    let window = breaker.policy().counts(now);
    let of_window = |count: Option<u32>| count.map_or(f64::NAN, f64::from);
    let none =
        LatencySummary { calls: f64::NAN, mean: f64::NAN, p50: f64::NAN, p90: f64::NAN, p99: f64::NAN };
    let latency = breaker.latency().and_then(|latency| latency.summary()).unwrap_or(none);
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
        breaker.backoff().failed_recoveries().into(),
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
