//! What a breaker counted and why it is in its state, as a list of numbers.
//!
//! Must not know: the hot path, and what the numbers are called (`facts.rs`). A report, which somebody may want of a thousand breakers
//! at once, lies in a place of its own, where JavaScript reads it without an object being made.

use super::facts::{self, NAMES};
use super::slots;
use super::sole::Sole;
#[cfg(not(feature = "numbers"))]
use wasm_bindgen::prelude::*;

thread_local! {
    static REPORT: Sole<[f64; NAMES.len()]> = const { Sole::new([0.0; NAMES.len()]) };
}

/// Writes down what was counted, and why the breaker is in its state at `now`: NaN where there is nothing to say. Answers where
/// in memory the numbers lie until the next report, or 0 when there is no such slot.
#[cfg_attr(feature = "numbers", unsafe(export_name = "report"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = report))]
pub extern "C" fn report(slot: u32, now: f64) -> *const f64 {
    slots::with_cold(slot, std::ptr::null(), |breaker| {
        REPORT.with(|report| {
            report.with(|place| {
                *place = facts::numbers(breaker, now);
                place.as_ptr()
            })
        })
    })
}
