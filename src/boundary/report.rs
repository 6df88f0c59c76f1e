//! What breakers counted and why they are in their states: a row of numbers for each.
//!
//! Must not know: the hot path, and what the numbers are called (`facts.rs`). The rows lie in one place, where JavaScript writes which breakers it
//! asks for and reads what they answer: a thousand breakers take a few crossings, and neither an object nor an allocation each.

use super::facts::{self, NAMES};
use super::number::ROWS;
use super::slots;
use super::sole::Sole;
#[cfg(not(feature = "numbers"))]
use wasm_bindgen::prelude::*;

thread_local! {
    static REPORT: Sole<[[f64; NAMES.len()]; ROWS]> = const { Sole::new([[0.0; NAMES.len()]; ROWS]) };
}

/// Writes the first `count` rows: each begins with a slot and the time for its breaker, and becomes what that breaker counted and why it is in its
/// state then. NaN where there is nothing to say, 0 everywhere when there is no such slot. Answers where in memory the rows lie; it is the same
/// place each time.
#[cfg_attr(feature = "numbers", unsafe(export_name = "report"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = report))]
pub extern "C" fn report(count: u32) -> *mut f64 {
    REPORT.with(|report| {
        report.with(|rows| {
            for row in rows.iter_mut().take(count as usize) {
                let [slot, now, ..] = *row;
                row.fill(0.0);
                slots::with_cold(slot as u32, (), |breaker| facts::write(breaker, now, row));
            }
            rows.as_mut_ptr().cast()
        })
    })
}
