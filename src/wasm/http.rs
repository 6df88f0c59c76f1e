//! Judging a `Response`.
//!
//! Must not know: which breaker the call was made through. It reads a status and a header and hands them to the core.

use super::number;
use crate::core::Verdict;
use crate::core::http::{RateLimit, judge};
use std::cell::Cell;
use wasm_bindgen::prelude::*;
use web_sys::Response;

/// Added to the outcome of a failure that opens the circuit at once.
const TRIPS: u32 = 16;

thread_local! {
    static RETRY_AFTER: Cell<f64> = const { Cell::new(f64::NAN) };
}

/// The outcome of a response: 0 success, 1 failure, 2 ignored, 17 a failure that opens the circuit at once. `fails` is what the
/// caller says of it, if anything; `rate_limit` what a 429 means: 0 pause, 1 failure, 2 ignored; `now` is in ms since the
/// epoch. What the failure asks for is then what [`judged_retry_after`] answers.
#[wasm_bindgen(js_name = judgeResponse)]
pub fn judge_response(response: &Response, fails: Option<bool>, rate_limit: u32, now: f64) -> u32 {
    let status = response.status();
    // No verdict on a good response depends on the header, and reading it costs more than the rest.
    let is_read = status >= 400 || fails == Some(true);
    let header = if is_read { response.headers().get("retry-after").ok().flatten() } else { None };
    judge_status(status, header, fails, rate_limit, now)
}

/// As [`judge_response`], for clients that have no `Response`.
#[wasm_bindgen(js_name = judgeStatus)]
pub fn judge_status(
    status: u16,
    retry_after: Option<String>,
    fails: Option<bool>,
    rate_limit: u32,
    now: f64,
) -> u32 {
    let rate_limit = match rate_limit {
        0 => RateLimit::Pause,
        1 => RateLimit::Failure,
        _ => RateLimit::Ignored,
    };
    let Verdict { outcome, retry_after, trips } =
        judge(status, fails, retry_after.as_deref(), rate_limit, now);
    RETRY_AFTER.set(retry_after);
    number::of_outcome(outcome) + if trips { TRIPS } else { 0 }
}

/// The ms that the response judged last asks for; NaN when it asks for nothing.
#[wasm_bindgen(js_name = judgedRetryAfter)]
pub fn judged_retry_after() -> f64 {
    RETRY_AFTER.get()
}
