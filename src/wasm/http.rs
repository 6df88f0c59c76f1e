//! Judging a `Response`.
//!
//! Must not know: which breaker the call was made through. It reads a status and headers and hands them to the core.
//!
//! No text crosses the boundary: what wasm-bindgen brings along for texts is 2 KB, and a header is a few characters.

use crate::boundary::number;
use crate::core::Verdict;
use crate::core::http::{Room, judge};
use js_sys::JsString;
use std::cell::Cell;
use wasm_bindgen::prelude::*;
use web_sys::Response;

#[wasm_bindgen]
extern "C" {
    /// What JavaScript lends to read headers.
    pub type Headers;

    /// The header of a response that has that place among `HEADERS`; empty where there is none.
    #[wasm_bindgen(method)]
    fn get(this: &Headers, response: &Response, header: u32) -> JsString;
}

thread_local! {
    static RETRY_AFTER: Cell<f64> = const { Cell::new(f64::NAN) };
}

/// The outcome of a response, plus [`number::TRIPS`] where it opens the circuit at once. Anything with a status and headers will do.
/// `says` is what the caller says of it, by `number::Says`; `rate_limit` what a 429 means, by `number::RATE_LIMITS`; `now` is in ms since
/// the epoch. What a failure asks for is then what [`judged_retry_after`] answers.
#[wasm_bindgen(js_name = judgeResponse)]
pub fn judge_response(response: &Response, headers: &Headers, says: u32, rate_limit: u32, now: f64) -> u32 {
    let read = |header, room: &mut Room| read(&headers.get(response, header as u32), room);
    let Verdict { outcome, retry_after, trips } =
        judge(response.status(), number::to_says(says), number::to_rate_limit(rate_limit), now, &read);
    RETRY_AFTER.set(retry_after);
    number::of_outcome(outcome) + if trips { number::TRIPS } else { 0 }
}

/// The characters of a header, unless it is longer than any that says something; and how many there are.
fn read(header: &JsString, room: &mut Room) -> usize {
    let length = header.length() as usize;
    for (index, place) in (0..).zip(room.get_mut(..length).unwrap_or_default()) {
        let code = header.char_code_at(index);
        // No header that says something has a character beyond ASCII.
        *place = if code < 128.0 { code as u8 } else { b'?' };
    }
    length
}

/// The ms that the response judged last asks for; NaN when it asks for nothing.
#[wasm_bindgen(js_name = judgedRetryAfter)]
pub fn judged_retry_after() -> f64 {
    RETRY_AFTER.get()
}
