//! What the boundary promises to the JavaScript around it, in a real host: numbers are not bent on their way in,
//! every answer has its number, and user code may call back in at any moment.
//!
//! Must not know: the glue. Numbers go through the raw exports, as they do on the hot path; objects through the functions
//! that the glue calls.

use halfopen::boundary::draft::{create, draft_begin, draft_option};
use halfopen::boundary::facts::NAMES as REPORT;
use halfopen::boundary::fleet::{
    fleet_end, fleet_grant, fleet_hold, fleet_refuse, fleet_stage, fleet_take_back, fleet_test_end,
};
use halfopen::boundary::number::{
    self, CONFLICTS, HAS_PROBE, ROWS, TRACKS_LATENCY, TRIPS, UNJUDGED, UNKNOWN_OPTION,
};
use halfopen::boundary::report::report;
use halfopen::boundary::*;
use halfopen::core::http::Header;
use halfopen::core::{Admission, Conflict, Field, Outcome, Problem, Reason, Refusal, State, snapshot};
use halfopen::wasm::http::{judge_response, judged_retry_after};
use halfopen::wasm::lists::{restore, state_changes, take_snapshot};
use halfopen::wasm::probe::start_probe;
use js_sys::{Array, Float64Array, Function, JSON, Promise};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::wasm_bindgen_test as test;

const SUCCESS: u32 = 0;
const FAILURE: u32 = 1;
const IGNORED: u32 = 2;
const TIMED_OUT: u32 = 3;
const REFUSED_OPEN: f64 = -1.0;
const REFUSED_HALF_OPEN_FULL: f64 = -2.0;
const REFUSED_ISOLATED: f64 = -3.0;
const REFUSED_BULKHEAD_FULL: f64 = -4.0;
const UNDECIDED: f64 = -5.0;
const CLOSED: u32 = 0;
const OPEN: u32 = 1;
const HALF_OPEN: u32 = 2;
const UNTIMED: f64 = f64::NAN;
const NO_CHANCE: f64 = f64::NAN;

/// Runs JavaScript with the raw exports as `core` and a slot, and answers what it returned, as a text.
fn in_js(slot: u32, body: &str) -> String {
    let run = Function::new_with_args(
        "core, slot",
        &format!("'use strict'; return String((() => {{ {body} }})())"),
    );
    let answer = run.call2(&JsValue::UNDEFINED, &wasm_bindgen::exports(), &slot.into());
    answer.unwrap_or_else(|error| panic!("{error:?}")).as_string().unwrap()
}

fn number_of(field: Field) -> u32 {
    Field::ALL.iter().position(|other| *other == field).unwrap() as u32
}

/// The slot of a new breaker.
fn breaker(options: &[(Field, f64)]) -> u32 {
    draft_begin();
    for &(field, value) in options {
        assert_eq!(draft_option(number_of(field), value), 0, "{field:?}");
    }
    let slot = create(0);
    assert!(slot >= 0.0, "problem {slot}");
    slot as u32
}

/// How many of the first slots have a breaker: one without has no option in force.
fn live_breakers() -> usize {
    let recovery = number_of(Field::RecoveryTimeout);
    (0..2000).filter(|slot| !option(*slot, recovery).is_nan()).count()
}

/// The rows of a report: one for each slot and time that is asked for, [`ROWS`] at most.
fn rows_of(asked: &[(u32, f64)]) -> Vec<[f64; REPORT.len()]> {
    let rows = report(0).cast::<[f64; REPORT.len()]>();
    for (row, (slot, now)) in asked.iter().enumerate() {
        // SAFETY: There is room for that many rows, and nothing else writes meanwhile.
        unsafe { (&mut (*rows.add(row)))[..2].copy_from_slice(&[f64::from(*slot), *now]) };
    }
    assert_eq!(report(asked.len() as u32).cast(), rows, "the rows lie where they lay");
    // SAFETY: As above.
    (0..asked.len()).map(|row| unsafe { *rows.add(row) }).collect()
}

/// A number of the report at that time.
fn reported(slot: u32, name: &str, now: f64) -> f64 {
    let place = REPORT.iter().position(|other| *other == name).unwrap_or_else(|| panic!("{name}"));
    rows_of(&[(slot, now)])[0][place]
}

fn count(slot: u32, name: &str) -> f64 {
    reported(slot, name, 0.0)
}

/// Settles a call that nobody timed.
fn end(slot: u32, permit: f64, outcome: u32, now: f64) -> u32 {
    settle(slot, permit, outcome, UNTIMED, now, NO_CHANCE)
}

/// The numbers of a list that came out.
fn numbers(list: JsValue) -> Vec<f64> {
    list.unchecked_into::<Array>().iter().map(|number| number.as_f64().unwrap()).collect()
}

#[test]
fn no_number_is_bent_into_a_count() {
    for field in
        [Field::FailureThreshold, Field::SuccessThreshold, Field::HalfOpenCalls, Field::HalfOpenMaxConcurrent]
    {
        let answers = in_js(
            number_of(field),
            "core.draftBegin()
            return [NaN, -1, 2 ** 33, 1.9, 0, -0, 2 ** 32, Infinity, 1, 2 ** 32 - 1].map((it) => core.draftOption(slot, it))",
        );
        let problem = number_of(field) + 1;
        assert_eq!(answers, format!("{}0,0", format!("{problem},").repeat(8)), "{field:?}");
    }
}

#[test]
fn no_number_is_bent_into_a_span() {
    for (field, nothing) in
        [(Field::RecoveryTimeout, 0), (Field::HalfOpenTimeout, number_of(Field::HalfOpenTimeout) + 1)]
    {
        let answers = in_js(
            number_of(field),
            "core.draftBegin()
            return [NaN, -1, -0.5, Infinity, 2 ** 53, 0, 1.9, 2 ** 33].map((it) => core.draftOption(slot, it))",
        );
        let problem = number_of(field) + 1;
        assert_eq!(answers, format!("{}{nothing},0,0", format!("{problem},").repeat(5)), "{field:?}");
    }
}

#[test]
fn a_value_that_was_taken_comes_back_as_it_was() {
    let slot = breaker(&[(Field::RecoveryTimeout, 1.9), (Field::FailureThreshold, 4_294_967_295.0)]);
    let recovery = number_of(Field::RecoveryTimeout);
    let failures = number_of(Field::FailureThreshold);
    assert_eq!((option(slot, recovery), option(slot, failures)), (1.9, 4_294_967_295.0));
    assert_eq!(set_option(slot, recovery, 8_589_934_592.5), 0);
    assert_eq!(option(slot, recovery), 8_589_934_592.5);
    assert_eq!(set_option(slot, recovery, f64::NAN), recovery + 1);
    assert_eq!(option(slot, recovery), 8_589_934_592.5, "what is refused changes nothing");
    free_slot(slot);
}

#[test]
fn every_problem_has_a_number_of_its_own() {
    let mut numbers = Vec::new();
    draft_begin();
    for (number, field) in (0..).zip(Field::ALL) {
        let refused = draft_option(number, f64::NAN);
        assert_eq!(refused, number::of_problem(Problem::Invalid(field)));
        assert!((1..CONFLICTS).contains(&refused), "{field:?}: {refused}");
        numbers.push(refused);
    }
    assert_eq!(draft_option(number_of(Field::HalfOpenCalls), 1.0), 0);
    assert_eq!(create(0), -f64::from(CONFLICTS), "fewer test requests than must succeed");
    numbers.extend(Conflict::ALL.map(|conflict| number::of_problem(Problem::Conflict(conflict))));
    for (number, other) in [(Field::ALL.len() as u32, 1.0), (u32::MAX, f64::NAN)] {
        assert_eq!(draft_option(number, other), UNKNOWN_OPTION);
    }
    let slot = breaker(&[]);
    for field in [Field::WindowSize, Field::MaxConcurrent, Field::Timeout] {
        let refused = set_option(slot, number_of(field), 1.0);
        assert_eq!(refused, number::of_problem(Problem::Fixed(field)));
        assert!(option(slot, number_of(field)).is_nan(), "what is refused changes nothing");
        numbers.push(refused);
    }
    free_slot(slot);
    numbers.push(UNKNOWN_OPTION);
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), count, "two problems share a number");
    assert!(!numbers.contains(&0), "0 stands for no problem");
}

#[test]
fn no_number_is_bent_into_a_share_a_factor_or_a_timer() {
    let hostile = "[NaN, -1, -0.5, Infinity, -Infinity, 2 ** 53, undefined, '7x', {}]";
    for field in [Field::FailureRate, Field::SlowCallRate, Field::BackoffJitter, Field::Timeout] {
        let answers = in_js(
            number_of(field),
            &format!("core.draftBegin()\n return {hostile}.filter((it) => core.draftOption(slot, it) === 0)"),
        );
        assert_eq!(answers, "", "{field:?}");
    }
    let factor = number_of(Field::BackoffFactor);
    assert_eq!(
        in_js(factor, "return [0, 0.5, NaN, Infinity, 1].map((it) => core.draftOption(slot, it) === 0)"),
        "false,false,false,false,true"
    );
}

#[test]
fn an_option_that_does_not_exist_answers_as_none() {
    let slot = breaker(&[]);
    let none = Field::ALL.len() as u32;
    assert!(option(slot, none).is_nan());
    assert_eq!(set_option(slot, none, 1.0), UNKNOWN_OPTION);
    free_slot(slot);
}

#[test]
fn a_draft_starts_from_the_defaults_and_a_refused_option_leaves_it_as_it_was() {
    let threshold = number_of(Field::FailureThreshold);
    draft_begin();
    assert_eq!(draft_option(threshold, 3.0), 0);
    assert_ne!(draft_option(threshold, -1.0), 0);
    let slot = create(0) as u32;
    assert_eq!(option(slot, threshold), 3.0);
    draft_begin();
    let other = create(0) as u32;
    assert_eq!(option(other, threshold), 5.0);
    free_slot(slot);
    free_slot(other);
}

#[test]
fn the_numbers_that_cross_are_those_of_the_lists() {
    let outcomes = [Outcome::Success, Outcome::Failure, Outcome::Ignored, Outcome::TimedOut];
    assert_eq!(outcomes.map(number::of_outcome), [SUCCESS, FAILURE, IGNORED, TIMED_OUT]);
    assert_eq!([SUCCESS, FAILURE, IGNORED, TIMED_OUT].map(number::to_outcome), outcomes);
    let refusals =
        [Refusal::Open, Refusal::HalfOpenFull, Refusal::Isolated, Refusal::BulkheadFull, Refusal::Undecided];
    assert_eq!(
        refusals.map(|refusal| number::of_admission(Admission::Refused(refusal))),
        [REFUSED_OPEN, REFUSED_HALF_OPEN_FULL, REFUSED_ISOLATED, REFUSED_BULKHEAD_FULL, UNDECIDED]
    );
    assert_eq!(number::SAYS.map(|says| number::to_says(number::of_says(says))), number::SAYS);
    assert_eq!(
        number::RATE_LIMITS.map(|limit| number::to_rate_limit(number::of_rate_limit(limit))),
        number::RATE_LIMITS
    );
    let slot = breaker(&[(Field::RecoveryTimeout, 100.0)]);
    assert_eq!(state(slot), number::of_state(State::Closed));
    trip(slot, 0.0);
    assert_eq!(state(slot), number::of_state(State::Open));
    check(slot, 100.0, NO_CHANCE);
    assert_eq!(state(slot), number::of_state(State::HalfOpen));
    free_slot(slot);
}

/// The judgement of a response of a host, and what it asks for: with that status and header, and no word of the caller's.
fn judged(response: &str, says: u32) -> (u32, f64) {
    let make = |body: &str| Function::new_no_args(body).call0(&JsValue::UNDEFINED).unwrap();
    let headers =
        make(&format!("return {{ get: ({{ headers }}, n) => headers.get({:?}[n]) ?? '' }}", Header::NAMES));
    let response = make(&format!("return {response}"));
    let outcome = judge_response(response.unchecked_ref(), headers.unchecked_ref(), says, 0, 0.0);
    (outcome, judged_retry_after())
}

/// A failure that is no Response, with one header.
fn foreign(name: &str, value: &str) -> String {
    format!("({{ status: 503, headers: {{ get: (name) => name === '{name}' ? '{value}' : null }} }})")
}

#[test]
fn a_response_is_judged_by_its_status_and_headers() {
    let response = |status: u32, header: &str| {
        format!("new Response(null, {{ status: {status}, headers: {{ 'retry-after': '{header}' }} }})")
    };
    assert_eq!(judged(&response(503, "7"), 0), (FAILURE, 7000.0));
    assert_eq!(judged(&response(429, "7"), 0), (FAILURE + TRIPS, 7000.0));
    assert_eq!(judged(&response(503, "Thu, 01 Jan 1970 00:00:05 GMT"), 0), (FAILURE, 5000.0));
    assert_eq!(judged(&response(429, "soon"), 0).0, IGNORED);
    assert!(judged(&response(200, "7"), 0).1.is_nan(), "the header of a good response is not read");
    assert_eq!(judged(&response(200, "7"), number::of_says(Some(true))), (FAILURE, 7000.0));
    assert_eq!(judged(&response(503, "7"), number::of_says(Some(false))).0, SUCCESS);
    assert!(judged("new Response(null, { status: 503 })", 0).1.is_nan());
    assert_eq!(judged(&foreign("retry-after", "3"), 0), (FAILURE, 3000.0));
    assert_eq!(judged(&foreign("retry-after-ms", "3"), 0), (FAILURE, 3.0));
    assert_eq!(judged(&foreign("x-circuit-breaker", "users"), 0).0, IGNORED);
    let dated = "new Response(null, { status: 503, headers: { 'retry-after': 'Thu Jan  1 00:01:05 1970', date: 'Thu, 01 Jan 1970 00:01:00 GMT' } })";
    assert_eq!(judged(dated, 0), (FAILURE, 5000.0));
}

#[test]
fn a_header_is_read_up_to_64_characters_and_any_of_them_may_be_hostile() {
    for (header, wait) in [
        (format!("{}7", "0".repeat(63)), Some(7000.0)),
        (format!("{}7", "0".repeat(64)), None),
        ("\u{661}".to_owned(), None),
        ("\u{137}".to_owned(), None),
        ("\u{1f600}".to_owned(), None),
        (String::new(), None),
    ] {
        let (outcome, asked) = judged(&foreign("retry-after", &header), 0);
        assert_eq!((outcome, (!asked.is_nan()).then_some(asked)), (FAILURE, wait), "{header}");
    }
}

#[test]
fn the_hot_path_answers_in_numbers() {
    let slot = breaker(&[(Field::FailureThreshold, 1.0), (Field::RecoveryTimeout, 100.0)]);
    let permit = admit(slot, 0.0, NO_CHANCE);
    assert!(permit >= 1.0 && permit.fract() == 0.0);
    assert_eq!(end(slot, permit, SUCCESS, 0.0), 0, "no news");
    assert_eq!(end(slot, admit(slot, 0.0, NO_CHANCE), FAILURE, 0.0), 1, "news");
    assert_eq!(end(slot, permit, SUCCESS, 0.0), 1, "news that nobody took is still news");
    assert_eq!(take_transition(slot) & 31, 1 + 2 * CLOSED + 8 * OPEN);
    assert_eq!(end(slot, permit, SUCCESS, 0.0), 0);
    assert_eq!(admit(slot, 99.0, NO_CHANCE), REFUSED_OPEN);
    assert!(admit(slot, 100.0, NO_CHANCE) > permit);
    assert_eq!(admit(slot, 100.0, NO_CHANCE), REFUSED_HALF_OPEN_FULL);
    assert_eq!((state(slot), failure_count(slot), success_count(slot)), (HALF_OPEN, 1.0, 0.0));
    free_slot(slot);
}

#[test]
fn the_demand_for_the_time_is_told_in_bits() {
    let slot = breaker(&[(Field::RecoveryTimeout, 0.0)]);
    assert_eq!(demand(slot), 0);
    trip(slot, 0.0);
    assert_eq!(demand(slot), 3 + 16);
    check(slot, 0.0, NO_CHANCE);
    assert_eq!(demand(slot), 3 + 16);
    free_slot(slot);
}

#[test]
fn what_would_be_lost_with_a_breaker_is_told_in_bits() {
    let slot = breaker(&[]);
    assert_eq!(standing(slot, f64::NAN), 0);
    let permit = admit(slot, 0.0, NO_CHANCE);
    assert_eq!(standing(slot, f64::NAN), 1);
    end(slot, permit, FAILURE, 0.0);
    assert_eq!(standing(slot, f64::NAN), 2);
    record(slot, SUCCESS, 0.0, NO_CHANCE);
    assert_eq!(standing(slot, f64::NAN), 0);
    trip(slot, 0.0);
    assert_eq!(standing(slot, f64::NAN), 4);
    reset(slot, 0.0);
    for switch in [disable, observe] {
        switch(slot);
        assert_eq!(standing(slot, f64::NAN), 8);
        enable(slot);
        assert_eq!(standing(slot, f64::NAN), 0);
    }
    isolate(slot, 0.0);
    assert_eq!(standing(slot, f64::NAN), 12);
}

#[test]
fn what_backoff_remembers_would_be_lost_until_the_circuit_was_closed_for_as_long_as_it_had_been_open() {
    for (factor, bits) in [(Some(2.0), 2), (None, 0)] {
        let mut options = vec![
            (Field::FailureThreshold, 1.0),
            (Field::SuccessThreshold, 1.0),
            (Field::RecoveryTimeout, 100.0),
        ];
        options.extend(factor.map(|factor| (Field::BackoffFactor, factor)));
        let slot = breaker(&options);
        assert_eq!(standing(slot, f64::NAN), 0);
        for (outcome, now) in [(FAILURE, 0.0), (SUCCESS, 100.0)] {
            end(slot, admit(slot, now, NO_CHANCE), outcome, now);
        }
        assert_eq!((state(slot), standing(slot, 199.0), standing(slot, f64::NAN)), (CLOSED, bits, bits));
        assert_eq!(standing(slot, 200.0), 0);
        free_slot(slot);
    }
}

#[test]
fn the_calls_that_asked_grow_by_each_admission_and_refusal_and_by_nothing_else() {
    let slot = breaker(&[]);
    let permit = admit(slot, 0.0, NO_CHANCE);
    assert_eq!(asked(slot), 1.0);
    end(slot, permit, SUCCESS, 0.0);
    record(slot, FAILURE, 0.0, NO_CHANCE);
    trip(slot, 0.0);
    assert_eq!(asked(slot), 1.0);
    assert_eq!((admit(slot, 0.0, NO_CHANCE), asked(slot)), (REFUSED_OPEN, 2.0));
    disable(slot);
    assert_eq!((admit(slot, 0.0, NO_CHANCE), asked(slot)), (UNJUDGED, 3.0));
    end(slot, UNJUDGED, IGNORED, 0.0);
    assert_eq!(asked(slot), 3.0);
}

#[test]
fn a_time_that_is_no_number_passes_through_as_what_it_is() {
    let slot = breaker(&[(Field::FailureThreshold, 1.0), (Field::RecoveryTimeout, 100.0)]);
    let answers = in_js(
        slot,
        "const permit = core.admit(slot, NaN)
        core.settle(slot, permit, 1, NaN, NaN)
        const check = (now) => [core.check(slot, now), core.state(slot)][1]
        return [check(NaN), check(Infinity), core.admit(slot, -Infinity), core.retryAfter(slot, NaN),
            core.lastFailureTime(slot), check(5000), check(5099), check(5100)]",
    );
    assert_eq!(answers, "1,1,-1,100,NaN,1,1,2");
    free_slot(slot);
}

#[test]
fn permits_that_are_none_settle_nothing_and_are_stale() {
    let slot = breaker(&[
        (Field::FailureThreshold, 1.0),
        (Field::RecoveryTimeout, 0.0),
        (Field::SuccessThreshold, 1.0),
    ]);
    let none =
        "for (const permit of [NaN, -1, -2, 0.5, 1.5, 2 ** 33, 2 ** 53, Infinity, -Infinity, undefined])
        for (const outcome of [0, 1, 2]) core.settle(slot, permit, outcome, NaN, 1000)
        return core.state(slot)";
    assert_eq!(in_js(slot, none), "0");
    trip(slot, 0.0);
    assert_eq!(in_js(slot, none), "1");
    check(slot, 0.0, NO_CHANCE);
    assert_eq!(in_js(slot, none), "2");
    assert_eq!((count(slot, "staleCalls"), count(slot, "inFlight")), (90.0, 0.0));
    assert_eq!((failure_count(slot), success_count(slot)), (0.0, 0.0));
    free_slot(slot);
}

#[test]
fn an_outcome_that_is_none_of_the_four_is_ignored() {
    let slot = breaker(&[(Field::FailureThreshold, 1.0)]);
    let answer = in_js(
        slot,
        "for (const outcome of [4, 7, -1, 2 ** 31, 2 ** 32 - 1]) {
            core.settle(slot, core.admit(slot, 0), outcome, NaN, 0)
            core.record(slot, outcome, 0)
        }
        return core.state(slot)",
    );
    assert_eq!((answer.as_str(), count(slot, "ignoredCalls")), ("0", 5.0));
    free_slot(slot);
}

#[test]
fn a_slot_is_freed_once_and_used_again_with_nothing_left_in_it() {
    let before = live_breakers();
    let slot = breaker(&[(Field::FailureThreshold, 9.0)]);
    trip(slot, 5.0);
    admit(slot, 6.0, NO_CHANCE);
    assert_eq!(live_breakers(), before + 1);
    free_slot(slot);
    free_slot(slot);
    assert_eq!(live_breakers(), before);

    let again = breaker(&[]);
    assert_eq!(again, slot, "the slot freed last is used first");
    let other = breaker(&[]);
    assert_ne!(other, again, "a slot freed twice is not handed out twice");
    assert_eq!((state(again), option(again, number_of(Field::FailureThreshold))), (CLOSED, 5.0));
    assert_eq!((take_transition(again), count(again, "totalCalls")), (0, 0.0));
    trip(other, 0.0);
    assert_eq!(state(again), CLOSED, "each slot is a breaker of its own");
    free_slot(again);
    free_slot(other);
    assert_eq!(live_breakers(), before);
}

#[test]
fn many_slots_are_told_apart_and_all_given_back() {
    let before = live_breakers();
    let slots: Vec<_> = (0..500).map(|_| breaker(&[])).collect();
    for (times, slot) in slots.iter().enumerate() {
        for _ in 0..times % 5 {
            record(*slot, FAILURE, 0.0, NO_CHANCE);
        }
    }
    for (times, slot) in slots.iter().enumerate() {
        assert_eq!(failure_count(*slot), (times % 5) as f64);
    }
    for slot in slots {
        free_slot(slot);
    }
    assert_eq!(live_breakers(), before);
}

#[test]
fn a_slot_without_a_breaker_answers_like_a_closed_one_that_was_never_used() {
    let freed = breaker(&[]);
    free_slot(freed);
    let before = live_breakers();
    for slot in [freed, 1_000_000, u32::MAX] {
        free_slot(slot);
        record(slot, FAILURE, 0.0, NO_CHANCE);
        trip(slot, 0.0);
        reset(slot, 0.0);
        assert!(admit(slot, 0.0, NO_CHANCE).is_nan());
        assert_eq!(end(slot, 1.0, FAILURE, 0.0), 0);
        check(slot, 0.0, NO_CHANCE);
        isolate(slot, 0.0);
        disable(slot);
        assert_eq!((state(slot), mode(slot), standing(slot, f64::NAN), asked(slot)), (CLOSED, 0, 0, 0.0));
        assert!(!restore(slot, &Float64Array::new_with_length(0), 0.0, 0.0));
        assert_eq!((failure_count(slot), success_count(slot), retry_after(slot, 0.0)), (0.0, 0.0, 0.0));
        assert!(last_failure_time(slot).is_nan());
        assert_eq!((demand(slot), take_transition(slot)), (3, 0));
        assert!(option(slot, 0).is_nan());
        assert_eq!(set_option(slot, 0, 7.0), 0);
        assert_eq!(rows_of(&[(slot, 0.0)]), [[0.0; REPORT.len()]]);
        assert_eq!((fleet_hold(slot, 0.0, 1.0, 0.0), fleet_grant(slot, 1.0, 0.0, NO_CHANCE)), (0, 0));
        fleet_end(slot, true, 0.0);
        fleet_end(slot, false, 0.0);
        assert_eq!((fleet_take_back(slot), fleet_stage(slot, 0.0), fleet_test_end(slot)), (0, 0, 0));
        assert_eq!(fleet_refuse(slot), UNJUDGED, "whoever asks is let through");
        for nothing in [state_changes(slot), take_snapshot(slot, 0.0, 0.0)] {
            assert!(nothing.is_undefined());
        }
    }
    assert_eq!(in_js(0, "return core.admit(-1, 0)"), "NaN");
    assert_eq!(live_breakers(), before);
}

#[test]
fn a_state_change_is_one_number_and_its_time_another() {
    let slot = breaker(&[
        (Field::FailureThreshold, 1.0),
        (Field::RecoveryTimeout, 100.0),
        (Field::SuccessThreshold, 1.0),
        (Field::HalfOpenTimeout, 10.0),
    ]);
    end(slot, admit(slot, 1.0, NO_CHANCE), FAILURE, 1.0);
    end(slot, admit(slot, 101.0, NO_CHANCE), FAILURE, 102.0);
    admit(slot, 202.0, NO_CHANCE);
    check(slot, 212.0, NO_CHANCE);
    end(slot, admit(slot, 312.0, NO_CHANCE), SUCCESS, 313.0);
    trip(slot, f64::NAN);
    reset(slot, 400.0);

    let reason = |name: &str| Reason::ALL.iter().position(|other| other.name() == name).unwrap() as u32;
    let expected = [
        (CLOSED, OPEN, "failure_threshold", 1.0),
        (OPEN, HALF_OPEN, "recovery_due", 101.0),
        (HALF_OPEN, OPEN, "test_failed", 102.0),
        (OPEN, HALF_OPEN, "recovery_due", 202.0),
        (HALF_OPEN, OPEN, "test_expired", 212.0),
        (OPEN, HALF_OPEN, "recovery_due", 312.0),
        (HALF_OPEN, CLOSED, "recovered", 313.0),
        (CLOSED, OPEN, "trip", f64::NAN),
        (OPEN, CLOSED, "reset", 400.0),
    ];
    for (from, to, name, at) in expected {
        let news = take_transition(slot);
        assert_eq!(news, 1 + 2 * from + 8 * to + 32 * reason(name), "{name}");
        assert!(
            transition_time() == at || (transition_time().is_nan() && at.is_nan()),
            "{name}: {}",
            transition_time()
        );
    }
    assert_eq!(take_transition(slot), 0);
    free_slot(slot);
}

#[test]
fn a_report_is_a_list_of_numbers_with_nan_where_there_is_nothing_to_say() {
    let slot = breaker(&[(Field::FailureThreshold, 1.0), (Field::RecoveryTimeout, 100.0)]);
    let late = admit(slot, 0.0, NO_CHANCE);
    for outcome in [SUCCESS, IGNORED, TIMED_OUT] {
        end(slot, admit(slot, 1.0, NO_CHANCE), outcome, 1.5);
    }
    end(slot, late, SUCCESS, 2.0);
    isolate(slot, 2.0);
    admit(slot, 3.0, NO_CHANCE);
    release(slot, 100.0);
    admit(slot, 200.0, NO_CHANCE);
    let expected = [
        ("totalCalls", 5.0),
        ("successfulCalls", 1.0),
        ("failedCalls", 1.0),
        ("timedOutCalls", 1.0),
        ("ignoredCalls", 1.0),
        ("rejectedCalls", 1.0),
        ("wouldRejectCalls", 0.0),
        ("staleCalls", 1.0),
        ("inFlight", 1.0),
        ("stateChangeCount", 2.0),
        ("rejectedOpen", 0.0),
        ("rejectedHalfOpen", 0.0),
        ("rejectedBulkhead", 0.0),
        ("rejectedIsolated", 1.0),
        ("windowCalls", f64::NAN),
        ("windowFailures", f64::NAN),
        ("windowSlowCalls", f64::NAN),
        ("minimumCalls", f64::NAN),
        ("retryAfter", 1000.0),
        ("probeAfter", 59_990.0),
        ("failedTests", 0.0),
        ("testExpiresAfter", 59_990.0),
        ("failedRecoveries", 0.0),
        ("timedCalls", f64::NAN),
        ("mean", f64::NAN),
        ("p50", f64::NAN),
        ("p90", f64::NAN),
        ("p99", f64::NAN),
        ("openTime", 0.0),
        ("state", HALF_OPEN.into()),
        ("mode", 0.0),
        ("failureCount", 1.0),
        ("successCount", 0.0),
        ("stateAge", 10.0),
    ];
    assert_eq!(REPORT, expected.map(|(name, _)| name));
    for (name, number) in expected {
        let got = reported(slot, name, 210.0);
        assert!(got == number || (got.is_nan() && number.is_nan()), "{name}: {got}");
    }
    free_slot(slot);
}

#[test]
fn a_report_has_a_row_for_each_slot_at_its_own_time_and_no_more_than_fit() {
    let slots: Vec<_> = (0..ROWS).map(|_| breaker(&[(Field::RecoveryTimeout, 100.0)])).collect();
    for slot in &slots[1..] {
        trip(*slot, 0.0);
    }
    let mut asked: Vec<_> = slots.iter().copied().zip((0..).map(f64::from)).collect();
    asked[5].0 = number::NO_SLOT;
    let rows = rows_of(&asked);
    let [state, wait] = ["state", "retryAfter"].map(|name| REPORT.iter().position(|it| *it == name).unwrap());
    for (row, numbers) in rows.iter().enumerate() {
        let expected = if row == 0 || row == 5 { (0.0, 0.0) } else { (OPEN.into(), 100.0 - row as f64) };
        assert_eq!((numbers[state], numbers[wait]), expected, "row {row}");
    }
    // More than fit are those that fit: nothing is written behind them.
    let place = report(0);
    assert_eq!(report(u32::MAX), place);
    for slot in slots {
        free_slot(slot);
    }
}

#[test]
fn a_report_counts_refusals_by_kind_and_they_add_up() {
    let slot = breaker(&[
        (Field::FailureThreshold, 1.0),
        (Field::MaxConcurrent, 2.0),
        (Field::RecoveryTimeout, 100.0),
    ]);
    let kinds = || {
        ["rejectedOpen", "rejectedHalfOpen", "rejectedBulkhead", "rejectedIsolated", "rejectedCalls"]
            .map(|name| count(slot, name))
    };
    let permits = [admit(slot, 0.0, NO_CHANCE), admit(slot, 0.0, NO_CHANCE)];
    assert_eq!((admit(slot, 0.0, NO_CHANCE), kinds()), (REFUSED_BULKHEAD_FULL, [0.0, 0.0, 1.0, 0.0, 1.0]));
    for permit in permits {
        end(slot, permit, FAILURE, 0.0);
    }
    assert_eq!((admit(slot, 1.0, NO_CHANCE), kinds()), (REFUSED_OPEN, [1.0, 0.0, 1.0, 0.0, 2.0]));
    isolate(slot, 1.0);
    assert_eq!((admit(slot, 1.0, NO_CHANCE), kinds()), (REFUSED_ISOLATED, [1.0, 0.0, 1.0, 1.0, 3.0]));
    release(slot, 1.0);
    assert!(admit(slot, 1.0, NO_CHANCE) > UNJUDGED);
    assert_eq!((admit(slot, 1.0, NO_CHANCE), kinds()), (REFUSED_HALF_OPEN_FULL, [1.0, 1.0, 1.0, 1.0, 4.0]));
    observe(slot);
    assert_eq!((admit(slot, 1.0, NO_CHANCE), kinds()), (UNJUDGED, [1.0, 1.0, 1.0, 1.0, 4.0]));
    free_slot(slot);
}

#[test]
fn a_report_tells_what_is_in_the_window_and_how_long_calls_took() {
    draft_begin();
    for (field, value) in [
        (Field::WindowDuration, 1000.0),
        (Field::FailureRate, 0.5),
        (Field::SlowCallRate, 1.0),
        (Field::SlowCallDuration, 100.0),
    ] {
        assert_eq!(draft_option(number_of(field), value), 0);
    }
    let slot = create(TRACKS_LATENCY) as u32;
    assert_eq!(demand(slot), 2 + 4);
    for (outcome, elapsed) in
        [(SUCCESS, 50.0), (FAILURE, 100.0), (SUCCESS, 150.0), (SUCCESS, -1.0), (SUCCESS, UNTIMED)]
    {
        settle(slot, admit(slot, 0.0, NO_CHANCE), outcome, elapsed, 0.0, NO_CHANCE);
    }
    let window = |now| {
        ["windowCalls", "windowFailures", "windowSlowCalls", "minimumCalls"]
            .map(|name| reported(slot, name, now))
    };
    assert_eq!(window(0.0), [5.0, 1.0, 2.0, 10.0]);
    assert_eq!(window(1000.0), [0.0, 0.0, 0.0, 10.0]);
    assert_eq!((count(slot, "timedCalls"), count(slot, "mean")), (3.0, 100.0));
    free_slot(slot);
}

#[test]
fn the_last_64_state_changes_are_kept_as_four_numbers_each_and_all_are_counted() {
    let slot = breaker(&[]);
    for time in 0..100 {
        trip(slot, time.into());
        reset(slot, time.into());
    }
    let changes = numbers(state_changes(slot));
    assert_eq!((changes.len(), count(slot, "stateChangeCount")), (64 * 4, 200.0));
    let reason = |reason| Reason::ALL.iter().position(|other| *other == reason).unwrap() as f64;
    assert_eq!(changes[252..], [f64::from(OPEN), CLOSED.into(), reason(Reason::Reset), 99.0]);
    free_slot(slot);
}

#[test]
fn what_the_modes_refuse_and_let_through_has_numbers_of_its_own() {
    let slot = breaker(&[(Field::FailureThreshold, 1.0), (Field::MaxConcurrent, 1.0)]);
    let permit = admit(slot, 0.0, NO_CHANCE);
    assert_eq!(admit(slot, 0.0, NO_CHANCE), REFUSED_BULKHEAD_FULL);
    end(slot, permit, SUCCESS, 0.0);
    isolate(slot, 0.0);
    assert_eq!(
        (admit(slot, 1e9, NO_CHANCE), retry_after(slot, 0.0), mode(slot)),
        (REFUSED_ISOLATED, f64::INFINITY, 1)
    );
    enable(slot);
    assert_eq!(mode(slot), 1, "isolation is ended by release alone");
    release(slot, 5.0);
    assert_eq!((state(slot), mode(slot), retry_after(slot, 5.0)), (OPEN, 0, 0.0));
    trip(slot, 5.0);
    disable(slot);
    assert_eq!((admit(slot, f64::NAN, NO_CHANCE), mode(slot)), (UNJUDGED, 2));
    end(slot, UNJUDGED, FAILURE, 6.0);
    observe(slot);
    assert_eq!((admit(slot, 6.0, NO_CHANCE), mode(slot)), (UNJUDGED, 3));
    assert_eq!(count(slot, "wouldRejectCalls"), 1.0);
    enable(slot);
    assert_eq!(admit(slot, 6.0, NO_CHANCE), REFUSED_OPEN);
    free_slot(slot);
}

#[test]
fn switches_by_hand_are_numbers_that_go_on_beneath_each_other() {
    let slot = breaker(&[]);
    observe(slot);
    isolate(slot, 0.0);
    assert_eq!((mode(slot), admit(slot, 0.0, NO_CHANCE)), (1, REFUSED_ISOLATED));
    disable(slot);
    assert_eq!(
        (mode(slot), admit(slot, 0.0, NO_CHANCE), standing(slot, 0.0) & number::SWITCHED),
        (2, UNJUDGED, 8)
    );
    enable(slot);
    assert_eq!((mode(slot), retry_after(slot, 0.0)), (1, f64::INFINITY));
    reset(slot, 0.0);
    assert_eq!((mode(slot), state(slot)), (0, CLOSED));
    free_slot(slot);
}

#[test]
fn a_fleets_verdict_its_grants_and_what_it_hears_are_numbers() {
    let slot = breaker(&[(Field::SuccessThreshold, 1.0)]);
    assert_eq!((fleet_stage(slot, 0.0), fleet_grant(slot, 50.0, 0.0, NO_CHANCE)), (0, 0));
    for (due, stale) in [(f64::NAN, 5.0), (5.0, f64::INFINITY), (-1.0, 5.0), (5.0, 4.0)] {
        assert_eq!((fleet_hold(slot, due, stale, 0.0), state(slot)), (1, CLOSED), "{due} {stale}");
    }
    assert_eq!((fleet_hold(slot, 100.0, 500.0, 0.0), state(slot)), (0, OPEN));
    assert_eq!([0.0, 99.5, 100.0, 499.5, 500.0].map(|at| fleet_stage(slot, at)), [1, 1, 2, 2, 3]);
    assert_eq!((admit(slot, 99.5, NO_CHANCE), retry_after(slot, 99.5)), (REFUSED_OPEN, 0.5));
    assert_eq!(admit(slot, 100.0, NO_CHANCE), UNDECIDED);
    assert_eq!((count(slot, "rejectedCalls"), fleet_refuse(slot)), (1.0, REFUSED_OPEN));
    assert_eq!(count(slot, "rejectedCalls"), 2.0);
    assert_eq!((fleet_grant(slot, 50.0, 100.0, NO_CHANCE), fleet_take_back(slot)), (1, 1));
    assert_eq!((fleet_take_back(slot), admit(slot, 100.0, NO_CHANCE)), (0, UNDECIDED));
    fleet_grant(slot, 50.0, 100.0, NO_CHANCE);
    while take_transition(slot) != 0 {}
    let permit = admit(slot, 149.5, NO_CHANCE);
    assert!(permit > 0.0);
    assert_eq!((state(slot), fleet_test_end(slot)), (HALF_OPEN, 0));
    take_transition(slot);
    assert_eq!(end(slot, permit, SUCCESS, 150.0), number::TEST_ENDED, "no state has changed");
    assert_eq!((fleet_test_end(slot), fleet_test_end(slot), state(slot)), (1, 0, HALF_OPEN));
    assert_eq!(admit(slot, 150.0, NO_CHANCE), UNDECIDED);
    assert_eq!(fleet_refuse(slot), REFUSED_HALF_OPEN_FULL);
    fleet_grant(slot, f64::NAN, 150.0, NO_CHANCE);
    let told = end(slot, admit(slot, 150.0, NO_CHANCE), FAILURE, 150.0);
    assert_eq!((told, fleet_test_end(slot)), (number::STATE_CHANGED | number::TEST_ENDED, 2));
    fleet_hold(slot, 0.0, 500.0, 150.0);
    fleet_end(slot, true, 150.0);
    assert_eq!((state(slot), fleet_stage(slot, 150.0)), (CLOSED, 0));
    fleet_hold(slot, 100.0, 500.0, 150.0);
    fleet_end(slot, false, 150.0);
    assert_eq!((state(slot), fleet_stage(slot, 150.0), retry_after(slot, 150.0)), (OPEN, 0, 0.0));
    free_slot(slot);
}

#[test]
fn no_number_is_bent_into_the_time_of_a_trip() {
    let slot = breaker(&[]);
    for nonsense in [f64::NAN, f64::INFINITY, -1.0, -f64::MIN_POSITIVE, 9_007_199_254_740_992.0] {
        assert_eq!(trip_for(slot, nonsense, 0.0), 1 + number_of(Field::RecoveryTimeout), "{nonsense}");
        assert_eq!(state(slot), CLOSED);
    }
    for ms in [0.0, 0.5, 9_007_199_254_740_991.0] {
        assert_eq!((trip_for(slot, ms, 0.0), retry_after(slot, 0.0)), (0, ms));
    }
    free_slot(slot);
    assert_eq!(trip_for(slot, 5.0, 0.0), 0, "there is no such slot");
}

#[test]
fn a_failure_may_ask_for_an_open_time_which_is_bounded_and_chance_comes_on_top_of_it_and_off_the_breakers_own()
 {
    let options =
        [(Field::RecoveryTimeout, 1000.0), (Field::MaxRetryAfter, 5000.0), (Field::BackoffJitter, 0.5)];
    let slot = breaker(&options);
    assert_eq!(demand(slot), 8);
    for (asked, open) in [(3000.0, 4500.0), (f64::INFINITY, 7500.0), (-1.0, 0.0), (f64::NAN, 500.0)] {
        reset(slot, 0.0);
        while take_transition(slot) != 0 {}
        let permit = admit(slot, 0.0, NO_CHANCE);
        assert_eq!(settle_asking(slot, permit, FAILURE, asked, true, UNTIMED, 0.0, 1.0), 1);
        assert_eq!(retry_after(slot, 0.0), open, "asked for {asked}");
    }
    for nonsense in [f64::NAN, -1.0, 2.0] {
        reset(slot, 0.0);
        settle_asking(slot, admit(slot, 0.0, nonsense), FAILURE, UNTIMED, true, UNTIMED, 0.0, nonsense);
        assert_eq!(retry_after(slot, 0.0), 1000.0);
    }
    trip(slot, 0.0);
    assert_eq!(retry_after(slot, 0.0), 1000.0, "opened by hand, chance has no share");
    free_slot(slot);
}

#[test]
fn whatever_may_open_the_circuit_brings_the_number_for_jitter() {
    let options = [
        (Field::FailureThreshold, 1.0),
        (Field::RecoveryTimeout, 1000.0),
        (Field::BackoffFactor, 1.0),
        (Field::BackoffJitter, 0.5),
        (Field::HalfOpenTimeout, 10.0),
    ];
    let half_open = || {
        let slot = breaker(&options);
        trip(slot, 0.0);
        admit(slot, 1000.0, 1.0);
        slot
    };
    let [settled, recorded] = [(); 2].map(|()| breaker(&options));
    let [admitted, checked] = [(); 2].map(|()| half_open());
    settle(settled, admit(settled, 1010.0, 0.0), FAILURE, UNTIMED, 1010.0, 1.0);
    record(recorded, FAILURE, 1010.0, 1.0);
    assert_eq!(admit(admitted, 1010.0, 1.0), REFUSED_OPEN, "its test request expired");
    check(checked, 1010.0, 1.0);
    for slot in [settled, recorded, admitted, checked] {
        assert_eq!((state(slot), retry_after(slot, 1010.0)), (OPEN, 500.0));
        free_slot(slot);
    }
}

#[test]
fn a_snapshot_goes_out_as_numbers_and_comes_back_by_the_raw_export() {
    let options =
        [(Field::WindowSize, 5.0), (Field::FailureThreshold, 3.0), (Field::RecoveryTimeout, 1000.0)];
    let slot = breaker(&options);
    for outcome in [SUCCESS, FAILURE, FAILURE, FAILURE] {
        end(slot, admit(slot, 7.0, NO_CHANCE), outcome, 7.0);
    }
    let saved = numbers(take_snapshot(slot, 1e12, 107.0));
    assert!(saved.len() > snapshot::NAMES.len());
    assert_eq!(saved[..2], [2.0, 1e12 + 107.0]);
    let text = String::from(JSON::stringify(&Float64Array::from(&saved[..])).unwrap());
    assert!(text.contains("null") || !saved.iter().any(|number| number.is_nan()));

    let heir = breaker(&options);
    // Another zero of the clock, 200 ms later.
    assert!(restore(heir, &Float64Array::from(&saved[..]), 1e12 + 50.0, 257.0));
    assert_eq!((state(heir), retry_after(heir, 257.0), failure_count(heir)), (OPEN, 700.0, 3.0));
    assert_eq!(take_transition(heir), 0, "what is restored is no news");
    assert_eq!(count(heir, "failedCalls"), 3.0);
    assert_eq!(reported(heir, "windowCalls", 257.0), 4.0);
    for slot in [slot, heir] {
        free_slot(slot);
    }
}

#[test]
fn a_snapshot_of_hostile_numbers_is_refused_or_makes_a_breaker_that_answers() {
    let options = [(Field::WindowDuration, 1000.0), (Field::FailureThreshold, 3.0)];
    let slot = breaker(&options);
    record(slot, FAILURE, 0.0, NO_CHANCE);
    trip(slot, 0.0);
    let saved = numbers(take_snapshot(slot, 0.0, 0.0));
    free_slot(slot);
    for place in 0..=saved.len() {
        for hostile in [f64::NAN, f64::INFINITY, -1.0, 0.5, 4e9, 9_007_199_254_740_993.0, 1e308] {
            let mut changed = saved.clone();
            match changed.get_mut(place) {
                Some(number) => *number = hostile,
                None => changed.push(hostile),
            }
            let slot = breaker(&options);
            if restore(slot, &Float64Array::from(&changed[..]), 0.0, 0.0) {
                assert!(place < saved.len(), "one number too many was taken");
                release(slot, 0.0);
                enable(slot);
                check(slot, 1e16, NO_CHANCE);
                assert!(admit(slot, 1e16, NO_CHANCE) >= 1.0, "number {place} as {hostile}");
            }
            free_slot(slot);
        }
        let slot = breaker(&options);
        assert_eq!(restore(slot, &Float64Array::from(&saved[..place]), 0.0, 0.0), place == saved.len());
        free_slot(slot);
    }
}

/// A host of the probe's task whose promises are settled by hand: `wake()`, `ok()`, `fail(error)`.
fn fake_host() -> JsValue {
    let make = Function::new_no_args(
        "const log = []
        const pending = (names) => new Promise((...settle) => names.forEach((name, index) => { host[name] = settle[index] }))
        const host = {
            alive: true, time: 0, began: 0, log,
            lives: () => host.alive,
            now: () => host.time,
            elapsed: () => host.time - host.began,
            random: () => NaN,
            sleep(ms) { log.push('sleep ' + ms); return pending(['wake', 'breakSleep']) },
            async probe(patience) {
                log.push('probe ' + patience)
                host.began = host.time
                if (host.throws) throw host.throws
                return pending(['ok', 'fail'])
            },
            tell(failure) { log.push(failure === undefined ? 'tell' : 'tell ' + (failure.message ?? failure)) },
            ended() { log.push('ended') }
        }
        return host",
    );
    make.call0(&JsValue::UNDEFINED).unwrap()
}

/// Starts the probe of a slot and runs JavaScript beside it, with `host` and `turn()`, which lets everything that is due
/// run and answers what the host was asked for since. Answers what it returned, as a text.
async fn beside_the_probe(slot: u32, host: &JsValue, body: &str) -> String {
    start_probe(slot, host.clone().unchecked_into());
    let run = Function::new_with_args(
        "core, slot, host",
        &format!(
            "'use strict'
            const turn = () => new Promise((resolve) => setTimeout(() => resolve(host.log.splice(0).join(', '))))
            return (async () => {{ {body} }})().then(String)"
        ),
    );
    let promise = run.call3(&JsValue::UNDEFINED, &wasm_bindgen::exports(), &slot.into(), host).unwrap();
    let answer = JsFuture::from(promise.unchecked_into::<Promise>()).await;
    answer.unwrap_or_else(|error| panic!("{error:?}")).as_string().unwrap()
}

/// A breaker whose test requests are the probe's, open since 0 for 1000 ms.
fn probed() -> u32 {
    draft_begin();
    for (field, value) in [(Field::RecoveryTimeout, 1000.0), (Field::HalfOpenTimeout, 500.0)] {
        assert_eq!(draft_option(number_of(field), value), 0);
    }
    let slot = create(HAS_PROBE) as u32;
    trip(slot, 0.0);
    slot
}

#[test]
async fn the_probe_waits_tests_and_closes_the_circuit_once_its_dependency_is_well() {
    let slot = probed();
    let answer = beside_the_probe(
        slot,
        &fake_host(),
        "const seen = []
        seen.push(await turn())
        host.time = 400
        host.wake()
        seen.push(await turn())
        host.time = 1000
        host.wake()
        seen.push(await turn(), core.state(slot), core.admit(slot, 1000))
        host.fail(new Error('still down'))
        seen.push(await turn(), core.state(slot))
        host.time = 2000
        host.wake()
        seen.push(await turn())
        host.ok()
        seen.push(await turn(), core.successCount(slot))
        host.ok()
        seen.push(await turn(), core.state(slot))
        return seen.join('; ')",
    )
    .await;
    assert_eq!(
        answer,
        "sleep 1000; sleep 600; tell, probe 500; 2; -2; tell still down, sleep 1000; 1; tell, probe 500; tell, tell, probe 500; 1; tell, ended; 0"
    );
    assert_eq!((count(slot, "successfulCalls"), count(slot, "failedCalls")), (2.0, 1.0));
    assert_eq!((count(slot, "rejectedCalls"), count(slot, "inFlight")), (1.0, 0.0));
    free_slot(slot);
}

#[test]
async fn the_probe_ends_when_the_circuit_needs_it_no_more_or_its_breaker_is_gone() {
    for (deed, left) in [
        ("core.reset(slot, 1)", 0),
        ("core.isolate(slot, 1)", 1),
        ("core.disable(slot)", 1),
        ("core.freeSlot(slot)", 0),
        ("host.alive = false", 1),
    ] {
        let slot = probed();
        let answer = beside_the_probe(
            slot,
            &fake_host(),
            &format!("await turn(); {deed}; host.wake(); return [await turn(), core.state(slot)]"),
        )
        .await;
        assert_eq!(answer, format!("ended,{left}"), "{deed}");
        free_slot(slot);
    }
}

#[test]
async fn a_breaker_that_goes_while_it_is_tested_is_not_touched() {
    let slot = probed();
    let answer = beside_the_probe(
        slot,
        &fake_host(),
        "host.time = 1000
        await turn()
        host.alive = false
        host.fail(new Error('too late'))
        return [await turn(), core.state(slot)]",
    )
    .await;
    assert_eq!(answer, format!("ended,{HALF_OPEN}"));
    free_slot(slot);
}

#[test]
async fn a_test_that_was_overtaken_by_hand_is_stale_and_one_that_rejects_at_once_has_failed() {
    let slot = probed();
    let answer = beside_the_probe(
        slot,
        &fake_host(),
        "host.time = 1000
        await turn()
        core.trip(slot, 1000)
        host.ok()
        const seen = [await turn(), core.state(slot)]
        host.throws = new Error('no way')
        host.time = 2000
        host.wake()
        seen.push(await turn(), core.state(slot))
        host.breakSleep(new Error('no timers'))
        seen.push(await turn())
        return seen.join('; ')",
    )
    .await;
    assert_eq!(answer, "tell, sleep 1000; 1; tell, probe 500, tell no way, sleep 1000; 1; ended");
    assert_eq!((count(slot, "staleCalls"), count(slot, "inFlight")), (1.0, 0.0));
    free_slot(slot);
}

#[test]
async fn a_clock_of_the_host_that_answers_nonsense_makes_the_probe_wait() {
    let slot = probed();
    let answer = beside_the_probe(
        slot,
        &fake_host(),
        "const seen = []
        for (const nonsense of [NaN, Infinity, -Infinity]) {
            host.time = nonsense
            host.wake?.()
            seen.push(await turn())
        }
        core.freeSlot(slot)
        host.wake()
        seen.push(await turn())
        return seen.join('; ')",
    )
    .await;
    assert_eq!(answer, "sleep 1000; sleep 1000; sleep 1000; ended");
}

#[test]
fn user_code_may_call_back_in_between_an_admission_and_its_result() {
    let slot = breaker(&[(Field::FailureThreshold, 3.0), (Field::RecoveryTimeout, 100.0)]);
    let answers = in_js(
        slot,
        "const log = []
        function call(now, outcome, fn) {
            const permit = core.admit(slot, now)
            log.push(permit > 0 ? 'in' : permit)
            if (permit < 0) return
            fn?.()
            core.settle(slot, permit, outcome, NaN, now)
        }
        // Calls inside of calls, the innermost of which opens the circuit under the others.
        call(1, 0, () => call(2, 1, () => {
            core.record(slot, 1, 3)
            core.record(slot, 1, 3)
            call(4, 1)
            call(5, 0)
        }))
        log.push(core.state(slot), core.failureCount(slot))
        // A test request that resets the circuit, opens it by hand and looks around before it ends.
        call(200, 0, () => {
            core.reset(slot, 200)
            core.trip(slot, 201)
            core.check(slot, 202)
            log.push(core.state(slot), core.retryAfter(slot, 202))
        })
        log.push(core.state(slot), core.successCount(slot))
        return log",
    );
    assert_eq!(answers, "in,in,in,-1,1,3,in,1,99,1,0");
    let counts = ["totalCalls", "successfulCalls", "failedCalls", "rejectedCalls", "staleCalls", "inFlight"];
    assert_eq!(counts.map(|name| count(slot, name)), [5.0, 0.0, 1.0, 1.0, 3.0, 0.0]);
    free_slot(slot);
}

#[test]
fn user_code_may_free_its_own_breaker_or_make_others_while_a_call_is_in_flight() {
    let slot = breaker(&[]);
    let before = live_breakers();
    let answers = in_js(
        slot,
        "const permit = core.admit(slot, 0)
        core.draftBegin()
        const others = Array.from({ length: 100 }, () => core.create(0))
        core.freeSlot(slot)
        const heir = core.create(0)
        const news = core.settle(slot, permit, 1, NaN, 0)
        const answers = [heir === slot, news, core.failureCount(heir), new Set([...others, heir]).size]
        for (const other of [...others, heir]) core.freeSlot(other)
        return answers",
    );
    // The first generation of any breaker has the same number, so the heir takes the result in: a slot may be freed
    // only when nobody holds a permit of it. The handlers of a call hold the breaker, and so its slot.
    assert_eq!(answers, "true,0,1,101");
    assert_eq!(live_breakers(), before - 1);
}

#[test]
fn no_two_blocks_of_memory_share_a_byte_whatever_their_sizes_and_what_is_given_back_is_used_again() {
    let mut seed = 7_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize % below
    };
    let pages = || core::arch::wasm32::memory_size(0);
    let mut blocks: Vec<(u8, Vec<u8>)> = Vec::new();
    let mut reached = 0;
    for round in 0..40_000_usize {
        let mark = (round % 251) as u8;
        match random(4) {
            0 | 1 if blocks.len() < 200 => {
                // Around each power of two up to 128 KiB, both sides of the end of the small classes among them.
                let size = (1 << random(18)) + random(3) - 1;
                let block = vec![mark; size.max(1)];
                assert_eq!(block.as_ptr() as usize % 8, 0);
                blocks.push((mark, block));
            }
            2 if !blocks.is_empty() => {
                let place = random(blocks.len());
                let (mark, block) = &mut blocks[place];
                block.resize(block.len() + random(100), *mark);
            }
            _ if !blocks.is_empty() => {
                let (mark, block) = blocks.swap_remove(random(blocks.len()));
                assert!(block.iter().all(|byte| *byte == mark));
            }
            _ => {}
        }
        if round == 20_000 {
            reached = pages();
        }
    }
    assert!(blocks.iter().all(|(mark, block)| block.iter().all(|byte| byte == mark)));
    assert!(pages() < 2 * reached, "{} pages, and {reached} half-way", pages());
}
