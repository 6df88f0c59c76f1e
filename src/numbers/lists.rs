//! Lists of numbers whose length is not known: the log of state changes, and the breaker as a snapshot, both ways. Each lies in one
//! place until the next list is asked for.
//!
//! Must not know: what the numbers are called.

use crate::boundary::slots;
use crate::boundary::sole::Sole;
use crate::core::Breaker;
use std::ptr::null;

thread_local! {
    static LIST: Sole<Vec<f64>> = const { Sole::new(Vec::new()) };
}

/// Writes down what the breaker answers; answers where it lies, or 0 when there is no such slot.
fn list(slot: u32, of: impl FnOnce(&Breaker) -> Vec<f64>) -> *const f64 {
    slots::with_cold(slot, null(), |breaker| {
        LIST.with(|list| {
            list.with(|place| {
                *place = of(breaker);
                place.as_ptr()
            })
        })
    })
}

/// How many numbers the list has.
#[unsafe(export_name = "listLength")]
pub extern "C" fn list_length() -> u32 {
    LIST.with(|list| list.with(|place| place.len() as u32))
}

/// Makes room for a list of that many numbers, which JavaScript writes where this answers.
#[unsafe(export_name = "listRoom")]
pub extern "C" fn list_room(length: u32) -> *mut f64 {
    LIST.with(|list| {
        list.with(|place| {
            *place = vec![0.0; length as usize];
            place.as_mut_ptr()
        })
    })
}

/// The state changes kept, each as four numbers: from, to, reason, when in ms of the breaker's clock.
#[unsafe(export_name = "stateChanges")]
pub extern "C" fn state_changes(slot: u32) -> *const f64 {
    list(slot, |breaker| breaker.log().numbers(0.0))
}

/// The breaker as numbers, with times of a clock whose zero is `origin` ms after the epoch.
#[unsafe(export_name = "snapshot")]
pub extern "C" fn take_snapshot(slot: u32, origin: f64, now: f64) -> *const f64 {
    list(slot, |breaker| breaker.snapshot(origin, now))
}

/// Makes a new breaker carry on from the snapshot that is the list; false when it is not one of such a breaker, which is then
/// of no more use.
#[unsafe(export_name = "restore")]
pub extern "C" fn restore(slot: u32, origin: f64, now: f64) -> bool {
    let saved = LIST.with(|list| list.with(std::mem::take));
    slots::with_cold(slot, false, |breaker| breaker.restore(&saved, origin, now).is_some())
}
