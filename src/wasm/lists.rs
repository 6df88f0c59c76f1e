//! Lists of numbers whose length is not known: the log of state changes, and the breaker as a snapshot, both ways.
//!
//! Must not know: what the numbers are called. They go out through serde: a vector of plain numbers takes 0.1 KB of Wasm, structs with
//! their names took 12.

use crate::boundary::slots;
use js_sys::Float64Array;
use wasm_bindgen::prelude::*;

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

/// Makes a new breaker carry on from a snapshot; false when it is not one of such a breaker, which is then of no
/// more use.
#[wasm_bindgen]
pub fn restore(slot: u32, saved: &Float64Array, origin: f64, now: f64) -> bool {
    // One by one: what copies all at once is 300 B of Wasm.
    let saved: Vec<_> = (0..saved.length()).map(|index| saved.get_index(index)).collect();
    slots::with_cold(slot, false, |breaker| breaker.restore(&saved, origin, now).is_some())
}
