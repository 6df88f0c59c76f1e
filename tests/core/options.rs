//! The numeric options: both ends of every range, what follows from what, and what contradicts what.

use crate::windows::MEMBERS;
use crate::worked::{NO_CHANCE, admitted, breaker, config, with};
use halfopen::core::{Breaker, Config, Conflict, Field, Outcome, Problem, State};
use std::rc::Rc;

const LARGEST_COUNT: f64 = 4_294_967_295.0;
pub(crate) const LONGEST_SPAN: f64 = 9_007_199_254_740_991.0;
const LONGEST_TIMER: f64 = 2_147_483_647.0;
pub(crate) const TINY: f64 = f64::MIN_POSITIVE;
const NONSENSE: [f64; 4] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0];

/// An option with the values at both ends of its range, and the next ones outside.
pub(crate) type Range = (Field, [f64; 2], &'static [f64]);

/// Each option but the members of windows.
const RANGES: &[Range] = &[
    (Field::FailureThreshold, [1.0, LARGEST_COUNT], NO_COUNTS),
    (Field::RecoveryTimeout, [0.0, LONGEST_SPAN], NO_SPANS),
    (Field::SuccessThreshold, [1.0, LARGEST_COUNT], NO_COUNTS),
    (Field::HalfOpenCalls, [1.0, LARGEST_COUNT], NO_COUNTS),
    (Field::HalfOpenMaxConcurrent, [1.0, LARGEST_COUNT], NO_COUNTS),
    (Field::HalfOpenTimeout, [TINY, LONGEST_SPAN], NO_POSITIVE_SPANS),
    (Field::FailureRate, [TINY, 1.0], NO_RATES),
    (Field::MinimumCalls, [1.0, LARGEST_COUNT], NO_COUNTS),
    (Field::SlowCallDuration, [TINY, LONGEST_SPAN], NO_POSITIVE_SPANS),
    (Field::SlowCallRate, [TINY, 1.0], NO_RATES),
    (Field::BackoffFactor, [1.0, f64::MAX], &[0.0, 0.999]),
    (Field::BackoffMax, [0.0, LONGEST_SPAN], NO_SPANS),
    (Field::BackoffJitter, [0.0, 1.0], &[-TINY, 1.000_000_1]),
    (Field::MaxRetryAfter, [0.0, LONGEST_SPAN], NO_SPANS),
    (Field::Timeout, [TINY, LONGEST_TIMER], &[0.0, -TINY, LONGEST_TIMER + 1.0]),
    (Field::MaxConcurrent, [1.0, LARGEST_COUNT], NO_COUNTS),
];
const NO_COUNTS: &[f64] = &[0.0, -0.0, 0.5, 1.9, LARGEST_COUNT + 1.0, 8_589_934_592.0, 1e300];
const NO_SPANS: &[f64] = &[-TINY, LONGEST_SPAN + 1.0];
pub(crate) const NO_POSITIVE_SPANS: &[f64] = &[0.0, -TINY, LONGEST_SPAN + 1.0];
const NO_RATES: &[f64] = &[0.0, -TINY, 1.000_000_1, 50.0];

fn ranges() -> impl Iterator<Item = Range> {
    RANGES.iter().chain(MEMBERS.iter().map(|(range, _)| range)).copied()
}

#[test]
fn each_option_takes_both_ends_of_its_range_and_nothing_outside() {
    for (field, ends, outside) in ranges() {
        for good in ends {
            let taken = with(Config::default(), field, good).map(|config| config.get(field));
            assert_eq!(taken, Ok(Some(good)), "{field:?}");
        }
        for bad in outside.iter().chain(&NONSENSE) {
            let answer = with(Config::default(), field, *bad);
            assert_eq!(answer, Err(Problem::Invalid(field)), "{field:?} took {bad}");
        }
    }
}

#[test]
fn every_option_stands_in_the_list_above_or_in_that_of_windows_once() {
    let listed: Vec<_> = ranges().map(|(field, ..)| field).collect();
    assert_eq!(listed.len(), Field::ALL.len());
    for field in Field::ALL {
        assert!(listed.contains(&field), "{field:?}");
    }
}

#[test]
fn the_defaults_are_those_of_the_documents_and_what_was_not_asked_for_is_off() {
    let given: Vec<_> = Field::ALL
        .into_iter()
        .filter_map(|field| Config::default().get(field).map(|value| (field.name(), value)))
        .collect();
    assert_eq!(
        given,
        [
            ("failureThreshold", 5.0),
            ("recoveryTimeout", 60_000.0),
            ("successThreshold", 2.0),
            ("halfOpenCalls", 2.0),
            ("halfOpenMaxConcurrent", 1.0),
            ("halfOpenTimeout", 60_000.0),
            ("maxRetryAfter", 300_000.0),
        ]
    );
}

#[test]
fn options_that_were_not_set_follow_those_they_are_derived_from() {
    let config = config(&[
        (Field::SuccessThreshold, 7.0),
        (Field::RecoveryTimeout, 90_000.0),
        (Field::WindowDuration, 30_000.0),
        (Field::FailureRate, 0.5),
        (Field::BackoffFactor, 3.0),
    ]);
    let derived = [
        (Field::HalfOpenCalls, Some(7.0)),
        (Field::HalfOpenTimeout, Some(90_000.0)),
        (Field::FailureThreshold, None),
        (Field::WindowBuckets, Some(10.0)),
        (Field::MinimumCalls, Some(10.0)),
        (Field::BackoffMax, Some(900_000.0)),
        (Field::BackoffJitter, Some(0.0)),
    ];
    for (field, value) in derived {
        assert_eq!(config.get(field), value, "{field:?}");
    }
}

#[test]
fn fewer_test_requests_than_must_succeed_are_a_contradiction() {
    let with = |calls: f64| {
        with(with(Config::default(), Field::SuccessThreshold, 3.0)?, Field::HalfOpenCalls, calls)?.check()
    };
    let problem = Problem::Conflict(Conflict::HalfOpenCallsBelowSuccessThreshold);
    assert_eq!(with(2.0), Err(problem));
    assert_eq!(with(3.0), Ok(()));
    assert_eq!((problem.option(), problem.expected()), ("halfOpenCalls", "at least `successThreshold`"));
}

#[test]
fn an_option_that_is_refused_leaves_the_running_breaker_as_it_was() {
    let mut breaker = breaker(&[(Field::HalfOpenCalls, 3.0)]);
    let before = Rc::clone(breaker.config());
    assert_eq!(
        breaker.set(Field::SuccessThreshold, 4.0),
        Err(Problem::Conflict(Conflict::HalfOpenCallsBelowSuccessThreshold))
    );
    assert_eq!(
        breaker.set(Field::FailureThreshold, f64::NAN),
        Err(Problem::Invalid(Field::FailureThreshold))
    );
    assert_eq!(
        breaker.set(Field::FailureRate, 0.5),
        Err(Problem::Conflict(Conflict::FailureRateWithoutWindow))
    );
    assert_eq!(*breaker.config(), before);
    assert_eq!(breaker.set(Field::SuccessThreshold, 3.0), Ok(()));
    assert_eq!(breaker.config().get(Field::SuccessThreshold), Some(3.0));
}

#[test]
fn what_a_breaker_is_made_with_for_good_can_not_be_written_later_and_all_else_can() {
    let all = [
        (Field::FailureThreshold, 3.0),
        (Field::HalfOpenCalls, 9.0),
        (Field::HalfOpenTimeout, 10.0),
        (Field::WindowDuration, 1000.0),
        (Field::WindowBuckets, 5.0),
        (Field::FailureRate, 0.5),
        (Field::MinimumCalls, 4.0),
        (Field::SlowCallDuration, 10.0),
        (Field::SlowCallRate, 0.5),
        (Field::BackoffMax, 1e6),
        (Field::Timeout, 100.0),
        (Field::MaxConcurrent, 7.0),
    ];
    let is_made_for_good = |field: Field| {
        matches!(field, Field::Timeout | Field::MaxConcurrent) || field.name().starts_with("window.")
    };
    for field in Field::ALL {
        let mut breaker = breaker(&all);
        let before = breaker.config().get(field);
        // Of the values that every one of them takes.
        let answer = breaker.set(field, 1.0);
        if is_made_for_good(field) {
            assert_eq!(answer, Err(Problem::Fixed(field)));
            assert_eq!(breaker.set(field, f64::NAN), Err(Problem::Fixed(field)), "whatever is written");
            assert_eq!(breaker.config().get(field), before);
        } else {
            let expected = match field {
                // It contradicts the thresholds that are there.
                Field::HalfOpenCalls => Err(Problem::Conflict(Conflict::HalfOpenCallsBelowSuccessThreshold)),
                Field::BackoffMax => Err(Problem::Conflict(Conflict::BackoffMaxBelowRecoveryTimeout)),
                _ => Ok(()),
            };
            assert_eq!(answer, expected, "{field:?}");
        }
    }
    let problem = Problem::Fixed(Field::MaxConcurrent);
    assert_eq!(
        (problem.option(), problem.expected()),
        ("maxConcurrent", "given when the breaker is made, not written later")
    );
}

#[test]
fn rates_and_slowness_written_on_a_running_breaker_count_from_then_on() {
    let mut breaker = breaker(&[
        (Field::WindowSize, 10.0),
        (Field::FailureRate, 1.0),
        (Field::MinimumCalls, 9.0),
        (Field::SlowCallDuration, 1e6),
        (Field::SlowCallRate, 1.0),
    ]);
    let call = |outcome: Outcome, elapsed: f64, breaker: &mut Breaker| {
        let permit = admitted(breaker, 0.0);
        breaker.settle(permit, outcome.into(), elapsed, 0.0, NO_CHANCE);
        breaker.state()
    };
    assert_eq!(call(Outcome::Success, 10.0, &mut breaker), State::Closed);
    breaker.set(Field::MinimumCalls, 2.0).unwrap();
    assert_eq!(call(Outcome::Failure, 10.0, &mut breaker), State::Closed);
    breaker.set(Field::FailureRate, 0.5).unwrap();
    assert_eq!(call(Outcome::Failure, 10.0, &mut breaker), State::Open);
    breaker.reset(0.0);
    breaker.set(Field::SlowCallDuration, 10.0).unwrap();
    breaker.set(Field::SlowCallRate, 0.5).unwrap();
    assert_eq!(call(Outcome::Success, 9.0, &mut breaker), State::Closed);
    assert_eq!(call(Outcome::Success, 10.0, &mut breaker), State::Open);
}

#[test]
fn an_option_set_on_one_breaker_leaves_others_made_of_the_same_options_alone() {
    let shared = Rc::new(config(&[]));
    let mut one = Breaker::new(Rc::clone(&shared));
    let other = Breaker::new(shared);
    one.set(Field::FailureThreshold, 1.0).unwrap();
    assert_eq!(one.config().get(Field::FailureThreshold), Some(1.0));
    assert_eq!(other.config().get(Field::FailureThreshold), Some(5.0));
}

#[test]
fn the_number_of_an_option_is_its_place_in_the_list_and_no_other_number_is_one() {
    for (number, field) in (0_u32..).zip(Field::ALL) {
        assert_eq!(Field::from_number(number), Some(field));
    }
    for none in [u32::try_from(Field::ALL.len()).unwrap(), u32::MAX] {
        assert_eq!(Field::from_number(none), None);
    }
}
