//! What both boundaries have in common: numbers in, numbers out.
//!
//! Must not know: what the numbers are for, every decision is the core's; and a `JsValue`, which is what `src/wasm` is for. The
//! functions here find the slot, turn f64 into checked values and answers into f64, and are a few lines each. Their names in JavaScript
//! stand above them: once for wasm-bindgen, once for the build whose whole boundary is numbers (`src/numbers`).
//!
//! The hot path is [`admit`] and [`settle`]: no string, no object, no allocation, no callback. JavaScript is
//! never called while a breaker is borrowed, so nothing can be borrowed twice. A slot that does not
//! exist answers like a closed breaker that was never used, and lets calls through.

pub mod draft;
pub mod facts;
pub mod fleet;
mod memory;
pub mod number;
pub mod report;
pub(crate) mod slots;
pub(crate) mod sole;

use crate::core::{Breaker, Field, Mode, Permit, State, Verdict};
use number::{
    DEMANDS_ELAPSED, DEMANDS_NEWS, DEMANDS_RANDOM, DEMANDS_TIME_OF_SUCCESS, DEMANDS_TIME_TO_ADMIT, FAILING,
    FILLED, IN_FLIGHT, NOT_CLOSED, STATE_CHANGED, SWITCHED, TEST_ENDED,
};
use std::cell::Cell;
#[cfg(not(feature = "numbers"))]
use wasm_bindgen::prelude::*;

#[global_allocator]
static MEMORY: memory::Memory = memory::Memory::new();

/// Frees a slot. Twice is harmless.
#[cfg_attr(feature = "numbers", unsafe(export_name = "freeSlot"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = freeSlot))]
pub extern "C" fn free_slot(slot: u32) {
    slots::remove(slot);
}

/// Leaves the first slots of a new instance without a breaker for ever: whoever holds one had its breaker in another instance, which trapped.
#[cfg_attr(feature = "numbers", unsafe(export_name = "retireSlots"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = retireSlots))]
pub extern "C" fn retire_slots(count: u32) {
    slots::retire(count);
}

/// Asks for the right to make one call: a permit of 0 or above, a refusal below 0, or NaN where no breaker is in the slot. `random`, here and in what else may
/// open the circuit, is a number from 0 to 1 where [`demand`] asks for one; NaN takes nothing off the open time.
#[cfg_attr(feature = "numbers", unsafe(export_name = "admit"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = admit))]
pub extern "C" fn admit(slot: u32, now: f64, random: f64) -> f64 {
    slots::with(slot, f64::NAN, |breaker| match breaker.admit_if_closed() {
        Some(permit) => permit.0,
        None => admit_on_a_closer_look(breaker, now, random),
    })
}

#[cold]
#[inline(never)]
fn admit_on_a_closer_look(breaker: &mut Breaker, now: f64, random: f64) -> f64 {
    number::of_admission(breaker.admit(now, random))
}

/// Brings back what became of an admitted call that took `elapsed` ms (NaN when it was not timed). Answers what there is to be told, as bits:
/// [`number::STATE_CHANGED`] and [`number::TEST_ENDED`].
#[cfg_attr(feature = "numbers", unsafe(export_name = "settle"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = settle))]
pub extern "C" fn settle(slot: u32, permit: f64, outcome: u32, elapsed: f64, now: f64, random: f64) -> u32 {
    slots::with(slot, 0, |breaker| {
        if outcome == 0 && elapsed.is_nan() && breaker.succeed_if_closed(Permit(permit), now) {
            return 0;
        }
        settle_on_a_closer_look(breaker, permit, outcome, elapsed, now, random)
    })
}

/// As [`settle`], for a failure that asks to be left alone for `retry_after` ms (NaN when it does not), and to open
/// the circuit at once.
#[cfg_attr(feature = "numbers", unsafe(export_name = "settleAsking"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = settleAsking))]
#[allow(clippy::too_many_arguments)] // Numbers are what crosses fast; one object of eight would cost more than the call.
pub extern "C" fn settle_asking(
    slot: u32,
    permit: f64,
    outcome: u32,
    retry_after: f64,
    trips: bool,
    elapsed: f64,
    now: f64,
    random: f64,
) -> u32 {
    slots::with_cold(slot, 0, |breaker| {
        let verdict = Verdict { outcome: number::to_outcome(outcome), retry_after, trips };
        settle_verdict(breaker, permit, verdict, elapsed, now, random)
    })
}

#[inline(never)]
fn settle_on_a_closer_look(
    breaker: &mut Breaker,
    permit: f64,
    outcome: u32,
    elapsed: f64,
    now: f64,
    random: f64,
) -> u32 {
    settle_verdict(breaker, permit, number::to_outcome(outcome).into(), elapsed, now, random)
}

#[inline(never)]
fn settle_verdict(
    breaker: &mut Breaker,
    permit: f64,
    verdict: Verdict,
    elapsed: f64,
    now: f64,
    random: f64,
) -> u32 {
    breaker.settle(Permit(permit), verdict, elapsed, now, random);
    bit(breaker.log().has_news(), STATE_CHANGED) | bit(breaker.has_test_end(), TEST_ENDED)
}

/// Brings the state up to the time.
#[cfg_attr(feature = "numbers", unsafe(export_name = "check"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = check))]
pub extern "C" fn check(slot: u32, now: f64, random: f64) {
    slots::with_cold(slot, (), |breaker| {
        breaker.check(now, random);
    });
}

/// Takes in a result recorded by hand.
#[cfg_attr(feature = "numbers", unsafe(export_name = "record"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = record))]
pub extern "C" fn record(slot: u32, outcome: u32, now: f64, random: f64) {
    slots::with_cold(slot, (), |breaker| breaker.record(number::to_outcome(outcome), now, random));
}

/// Opens the circuit by hand.
#[cfg_attr(feature = "numbers", unsafe(export_name = "trip"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = trip))]
pub extern "C" fn trip(slot: u32, now: f64) {
    slots::with_cold(slot, (), |breaker| breaker.trip(now));
}

/// Opens the circuit by hand for that many ms; answers 0 or the number of the problem, which is that of an option that takes the same.
#[cfg_attr(feature = "numbers", unsafe(export_name = "tripFor"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = tripFor))]
pub extern "C" fn trip_for(slot: u32, ms: f64, now: f64) -> u32 {
    slots::with_cold(slot, 0, |breaker| breaker.trip_for(ms, now).map_or_else(number::of_problem, |()| 0))
}

/// Closes the circuit by hand.
#[cfg_attr(feature = "numbers", unsafe(export_name = "reset"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = reset))]
pub extern "C" fn reset(slot: u32, now: f64) {
    slots::with_cold(slot, (), |breaker| breaker.reset(now));
}

/// Holds the circuit open by hand.
#[cfg_attr(feature = "numbers", unsafe(export_name = "isolate"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = isolate))]
pub extern "C" fn isolate(slot: u32, now: f64) {
    slots::with_cold(slot, (), |breaker| breaker.isolate(now));
}

/// Ends isolation.
#[cfg_attr(feature = "numbers", unsafe(export_name = "release"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = release))]
pub extern "C" fn release(slot: u32, now: f64) {
    slots::with_cold(slot, (), |breaker| breaker.release(now));
}

/// Lets all calls pass.
#[cfg_attr(feature = "numbers", unsafe(export_name = "disable"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = disable))]
pub extern "C" fn disable(slot: u32) {
    slots::with_cold(slot, (), Breaker::disable);
}

/// Lets all calls pass and counts those that would have been refused.
#[cfg_attr(feature = "numbers", unsafe(export_name = "observe"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = observe))]
pub extern "C" fn observe(slot: u32) {
    slots::with_cold(slot, (), Breaker::observe);
}

/// Acts on its verdicts again.
#[cfg_attr(feature = "numbers", unsafe(export_name = "enable"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = enable))]
pub extern "C" fn enable(slot: u32) {
    slots::with_cold(slot, (), Breaker::enable);
}

/// The number of the state as it stands.
#[cfg_attr(feature = "numbers", unsafe(export_name = "state"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = state))]
pub extern "C" fn state(slot: u32) -> u32 {
    slots::with_cold(slot, 0, |breaker| number::of_state(breaker.state()))
}

/// The number of the mode.
#[cfg_attr(feature = "numbers", unsafe(export_name = "mode"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = mode))]
pub extern "C" fn mode(slot: u32) -> u32 {
    slots::with_cold(slot, 0, |breaker| number::of_mode(breaker.mode()))
}

/// Failures in a row.
#[cfg_attr(feature = "numbers", unsafe(export_name = "failureCount"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = failureCount))]
pub extern "C" fn failure_count(slot: u32) -> f64 {
    slots::with_cold(slot, 0.0, |breaker| breaker.failure_count())
}

/// Successful test requests of the current half-open state.
#[cfg_attr(feature = "numbers", unsafe(export_name = "successCount"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = successCount))]
pub extern "C" fn success_count(slot: u32) -> f64 {
    slots::with_cold(slot, 0.0, |breaker| breaker.success_count())
}

/// When the last failure was; NaN when there is none.
#[cfg_attr(feature = "numbers", unsafe(export_name = "lastFailureTime"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = lastFailureTime))]
pub extern "C" fn last_failure_time(slot: u32) -> f64 {
    slots::with_cold(slot, f64::NAN, |breaker| breaker.last_failure_time().unwrap_or(f64::NAN))
}

/// Ms that a caller should wait before it asks; infinity when the circuit is isolated.
#[cfg_attr(feature = "numbers", unsafe(export_name = "retryAfter"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = retryAfter))]
pub extern "C" fn retry_after(slot: u32, now: f64) -> f64 {
    slots::with_cold(slot, 0.0, |breaker| breaker.retry_after(now))
}

/// Ms until the probe has something to do, should nothing else happen; infinity when the circuit is isolated.
#[cfg_attr(feature = "numbers", unsafe(export_name = "probeAfter"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = probeAfter))]
pub extern "C" fn probe_after(slot: u32, now: f64) -> f64 {
    slots::with_cold(slot, 0.0, |breaker| breaker.probe_after(now))
}

/// What would be lost if the breaker were forgotten at `now`, as bits: [`number::IN_FLIGHT`] and those after it. 0 where only its counts
/// would be. `now` may be NaN: then what has left the window since the last call counts too.
#[cfg_attr(feature = "numbers", unsafe(export_name = "standing"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = standing))]
pub extern "C" fn standing(slot: u32, now: f64) -> u32 {
    slots::with_cold(slot, 0, |breaker| {
        let window = breaker.window(now).unwrap_or_default();
        bit(breaker.metrics().in_flight.get() > 0.0, IN_FLIGHT)
            | bit(
                breaker.failure_count() > 0.0
                    || window.failures > 0
                    || window.slow > 0
                    || breaker.is_on_probation(now),
                FAILING,
            )
            | bit(breaker.state() != State::Closed, NOT_CLOSED)
            | bit(breaker.mode() != Mode::Normal, SWITCHED)
            | bit(window.calls > 0, FILLED)
    })
}

/// How many calls have ever asked to pass: whether it was used since the last look.
#[cfg_attr(feature = "numbers", unsafe(export_name = "asked"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = asked))]
pub extern "C" fn asked(slot: u32) -> f64 {
    slots::with_cold(slot, 0.0, |breaker| {
        let metrics = breaker.metrics();
        metrics.total() + metrics.in_flight.get()
    })
}

/// What this generation needs to be told, as bits: `number::DEMANDS_…`.
#[cfg_attr(feature = "numbers", unsafe(export_name = "demand"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = demand))]
pub extern "C" fn demand(slot: u32) -> u32 {
    slots::with_cold(slot, DEMANDS_TIME_TO_ADMIT | DEMANDS_TIME_OF_SUCCESS, |breaker| {
        bit(breaker.needs_time_to_admit(), DEMANDS_TIME_TO_ADMIT)
            | bit(breaker.needs_time_of_success(), DEMANDS_TIME_OF_SUCCESS)
            | bit(breaker.needs_elapsed(), DEMANDS_ELAPSED)
            | bit(breaker.needs_random(), DEMANDS_RANDOM)
            | bit(breaker.log().has_news(), DEMANDS_NEWS)
    })
}

fn bit(is_set: bool, bit: u32) -> u32 {
    if is_set { bit } else { 0 }
}

thread_local! {
    static TAKEN_AT: Cell<f64> = const { Cell::new(f64::NAN) };
}

/// Takes the oldest state change not taken yet, as one number (`number::TRANSITION_…`): 0 when there is none. Its time is then
/// what [`transition_time`] answers.
#[cfg_attr(feature = "numbers", unsafe(export_name = "takeTransition"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = takeTransition))]
pub extern "C" fn take_transition(slot: u32) -> u32 {
    slots::with_cold(slot, 0, |breaker| {
        let Some(transition) = breaker.take_transition() else { return 0 };
        TAKEN_AT.set(transition.at);
        1 + number::TRANSITION_FROM * number::of_state(transition.from)
            + number::TRANSITION_TO * number::of_state(transition.to)
            + number::TRANSITION_REASON * number::of_reason(transition.reason)
    })
}

/// When the state change last taken was, in ms of its breaker's clock.
#[cfg_attr(feature = "numbers", unsafe(export_name = "transitionTime"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = transitionTime))]
pub extern "C" fn transition_time() -> f64 {
    TAKEN_AT.get()
}

/// The value in force of an option, by its number; NaN where it is off.
#[cfg_attr(feature = "numbers", unsafe(export_name = "option"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = option))]
pub extern "C" fn option(slot: u32, field: u32) -> f64 {
    let Some(field) = Field::from_number(field) else { return f64::NAN };
    slots::with_cold(slot, f64::NAN, |breaker| breaker.config().get_or_nan(field))
}

/// Changes an option of a running breaker; answers 0 or the number of the problem.
#[cfg_attr(feature = "numbers", unsafe(export_name = "setOption"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = setOption))]
pub extern "C" fn set_option(slot: u32, field: u32, value: f64) -> u32 {
    let Some(field) = Field::from_number(field) else { return number::UNKNOWN_OPTION };
    slots::with_cold(slot, 0, |breaker| breaker.set(field, value).map_or_else(number::of_problem, |()| 0))
}
