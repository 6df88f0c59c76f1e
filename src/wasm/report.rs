//! What a breaker counted and why it is in its state, as a list of numbers, and the breaker as a snapshot.
//!
//! Must not know: the hot path, and what the numbers are called (`facts.rs`). A report, which somebody may want of a thousand breakers
//! at once, lies in a place of its own, where JavaScript reads it without an object being made. Lists whose length is
//! not known go through serde: a vector of plain numbers takes 0.1 KB of Wasm, structs with their names took 12.

use super::facts::{self, NAMES};
use super::slots;
use super::sole::Sole;
use wasm_bindgen::prelude::*;

thread_local! {
    static REPORT: Sole<[f64; NAMES.len()]> = const { Sole::new([0.0; NAMES.len()]) };
}

/// Writes down what was counted, and why the breaker is in its state at `now`: NaN where there is nothing to say. Answers where
/// in memory the numbers lie until the next report, or 0 when there is no such slot.
#[wasm_bindgen]
pub fn report(slot: u32, now: f64) -> *const f64 {
    slots::with_cold(slot, std::ptr::null(), |breaker| {
        REPORT.with(|report| {
            report.with(|place| {
                *place = facts::numbers(breaker, now);
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

fn to_js(numbers: Option<Vec<f64>>) -> JsValue {
    numbers.and_then(|numbers| serde_wasm_bindgen::to_value(&numbers).ok()).unwrap_or(JsValue::UNDEFINED)
}
