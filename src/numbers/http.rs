//! Judging a response by its status, and by headers that JavaScript writes down where it is told to.
//!
//! Must not know: which breaker the call was made through.

use crate::boundary::number;
use crate::core::Verdict;
use crate::core::http::{Room, judge};
use std::cell::Cell;

#[link(wasm_import_module = "host")]
unsafe extern "C" {
    /// Writes the header of the response under judgement that has that place among `HEADERS` to `room`, a byte a character, unless it
    /// is longer than [`Room`]. Answers how long it is.
    fn header(header: u32, room: *mut u8) -> u32;
}

thread_local! {
    static RETRY_AFTER: Cell<f64> = const { Cell::new(f64::NAN) };
}

/// The outcome of a response with that status, plus [`number::TRIPS`] where it opens the circuit at once. `says` is what the caller says of it,
/// by `number::Says`; `rate_limit` what a 429 means, by `number::RATE_LIMITS`; `now` is in ms since the epoch. What a failure asks for
/// is then what [`judged_retry_after`] answers.
#[unsafe(export_name = "judgeResponse")]
pub extern "C" fn judge_response(status: u32, says: u32, rate_limit: u32, now: f64) -> u32 {
    let read = |name, room: &mut Room| {
        // SAFETY: JavaScript writes no more than the room has.
        unsafe { header(name as u32, room.as_mut_ptr()) as usize }
    };
    let Verdict { outcome, retry_after, trips } =
        judge(status as u16, number::to_says(says), number::to_rate_limit(rate_limit), now, &read);
    RETRY_AFTER.set(retry_after);
    number::of_outcome(outcome) + if trips { number::TRIPS } else { 0 }
}

/// The ms that the response judged last asks for; NaN when it asks for nothing.
#[unsafe(export_name = "judgedRetryAfter")]
pub extern "C" fn judged_retry_after() -> f64 {
    RETRY_AFTER.get()
}
