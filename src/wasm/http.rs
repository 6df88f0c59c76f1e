//! Judging a `Response`.
//!
//! Must not know: which breaker the call was made through. It reads a status and a header and hands them to the core.
//!
//! No text crosses the boundary: what wasm-bindgen brings along for texts is 2 KB, and a header is a few characters.

use super::number;
use crate::core::Verdict;
use crate::core::http::judge;
use js_sys::JsString;
use std::cell::Cell;
use wasm_bindgen::prelude::*;
use web_sys::Response;

#[wasm_bindgen]
extern "C" {
    /// What JavaScript lends to read headers.
    pub type Headers;

    /// The header `Retry-After` of a response; empty where it has none.
    #[wasm_bindgen(method, js_name = retryAfter)]
    fn retry_after(this: &Headers, response: &Response) -> JsString;
}

/// The longest header that is read, in characters: a date has 29.
const LONGEST_HEADER: usize = 64;

thread_local! {
    static RETRY_AFTER: Cell<f64> = const { Cell::new(f64::NAN) };
}

/// The outcome of a response, plus [`number::TRIPS`] where it opens the circuit at once. Anything with a status and headers will do.
/// `says` is what the caller says of it, by `number::Says`; `rate_limit` what a 429 means, by `number::RATE_LIMITS`; `now` is in ms since
/// the epoch. What a failure asks for is then what [`judged_retry_after`] answers.
#[wasm_bindgen(js_name = judgeResponse)]
pub fn judge_response(response: &Response, headers: &Headers, says: u32, rate_limit: u32, now: f64) -> u32 {
    let status = response.status();
    let fails = number::to_says(says);
    let mut text = [0; LONGEST_HEADER];
    let mut header = None;
    // No verdict on a good response depends on the header, and reading it costs more than the rest.
    if status >= 400 || fails == Some(true) {
        header = read(&headers.retry_after(response), &mut text);
    }
    let Verdict { outcome, retry_after, trips } =
        judge(status, fails, header, number::to_rate_limit(rate_limit), now);
    RETRY_AFTER.set(retry_after);
    number::of_outcome(outcome) + if trips { number::TRIPS } else { 0 }
}

/// The characters of a header; `None` for one that is longer than any that says something.
fn read<'a>(header: &JsString, text: &'a mut [u8; LONGEST_HEADER]) -> Option<&'a str> {
    let text = text.get_mut(..header.length() as usize)?;
    for (index, place) in (0..).zip(text.iter_mut()) {
        let code = header.char_code_at(index);
        // No header that says something has a character beyond ASCII.
        *place = if code < 128.0 { code as u8 } else { b'?' };
    }
    // SAFETY: All bytes are below 128, and so each is a character. Checking it once more is 1 KB of Wasm.
    Some(unsafe { str::from_utf8_unchecked(text) })
}

/// The ms that the response judged last asks for; NaN when it asks for nothing.
#[wasm_bindgen(js_name = judgedRetryAfter)]
pub fn judged_retry_after() -> f64 {
    RETRY_AFTER.get()
}
