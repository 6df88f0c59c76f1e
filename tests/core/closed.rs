//! The closed circuit: both sides of what opens it.

use crate::worked::{NO_CHANCE, admitted, breaker, call, change, end, only_news};
use halfopen::core::Outcome::{Failure, Ignored, Success};
use halfopen::core::{Field, Reason, State};

const DEFAULT_THRESHOLD: usize = 5;

#[test]
fn it_opens_at_the_failure_that_reaches_the_threshold_and_not_before() {
    for threshold in [1_u32, 2, 5, 40] {
        let mut breaker = breaker(&[(Field::FailureThreshold, threshold.into())]);
        for failures in 1..threshold {
            call(&mut breaker, Failure, 10.0);
            assert_eq!(breaker.state(), State::Closed, "after {failures} of {threshold}");
        }
        call(&mut breaker, Failure, 20.0);
        assert_eq!(breaker.state(), State::Open, "after {threshold} of {threshold}");
        assert_eq!(breaker.failure_count(), f64::from(threshold));
        assert_eq!(
            only_news(&mut breaker),
            change(State::Closed, State::Open, Reason::FailureThreshold, 20.0)
        );
    }
}

#[test]
fn a_success_ends_the_run_of_failures() {
    let mut breaker = breaker(&[]);
    for _ in 1..DEFAULT_THRESHOLD {
        call(&mut breaker, Failure, 0.0);
    }
    call(&mut breaker, Success, 0.0);
    assert_eq!(breaker.failure_count(), 0.0);
    for _ in 1..DEFAULT_THRESHOLD {
        call(&mut breaker, Failure, 0.0);
    }
    assert_eq!(breaker.state(), State::Closed);
    call(&mut breaker, Failure, 0.0);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn an_ignored_call_neither_lengthens_nor_ends_the_run_of_failures() {
    let mut breaker = breaker(&[(Field::FailureThreshold, 2.0)]);
    call(&mut breaker, Failure, 0.0);
    for _ in 0..10 {
        call(&mut breaker, Ignored, 0.0);
        breaker.record(Ignored, 0.0, NO_CHANCE);
    }
    assert_eq!((breaker.state(), breaker.failure_count()), (State::Closed, 1.0));
    call(&mut breaker, Failure, 0.0);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn a_run_of_failures_does_not_age() {
    let mut breaker = breaker(&[(Field::FailureThreshold, 2.0)]);
    call(&mut breaker, Failure, 0.0);
    call(&mut breaker, Failure, 1e12);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn a_failure_recorded_by_hand_counts_like_that_of_a_call_but_is_no_call() {
    let mut breaker = breaker(&[(Field::FailureThreshold, 2.0)]);
    call(&mut breaker, Failure, 0.0);
    breaker.record(Failure, 7.0, NO_CHANCE);
    assert_eq!((breaker.state(), breaker.last_failure_time()), (State::Open, Some(7.0)));
    assert_eq!((breaker.metrics().failed.get(), breaker.metrics().total()), (1.0, 1.0));
}

#[test]
fn any_number_of_calls_pass_at_once_with_the_permit_of_their_generation() {
    let mut breaker = breaker(&[]);
    let first = admitted(&mut breaker, 0.0);
    for _ in 0..1000 {
        assert_eq!(admitted(&mut breaker, 0.0), first);
        assert_eq!(breaker.admit_if_closed(), Some(first));
    }
    assert_eq!(breaker.metrics().in_flight.get(), 2001.0);
    breaker.reset(0.0);
    assert_ne!(admitted(&mut breaker, 0.0), first);
}

#[test]
fn failures_of_calls_that_were_in_flight_at_a_reset_do_not_count() {
    let mut breaker = breaker(&[(Field::FailureThreshold, 1.0)]);
    let permit = admitted(&mut breaker, 0.0);
    breaker.reset(0.0);
    end(&mut breaker, permit, Failure, 1.0);
    assert_eq!((breaker.state(), breaker.failure_count()), (State::Closed, 0.0));
    assert_eq!(breaker.metrics().stale.get(), 1.0);
    assert!(!breaker.log().has_news(), "closing a closed circuit is no news");
}

#[test]
fn of_calls_in_flight_together_the_one_that_reaches_the_threshold_opens_and_the_rest_are_stale() {
    let mut breaker = breaker(&[(Field::FailureThreshold, 2.0)]);
    let permits: Vec<_> = (0..5).map(|_| admitted(&mut breaker, 0.0)).collect();
    for permit in permits {
        end(&mut breaker, permit, Failure, 0.0);
    }
    assert_eq!((breaker.state(), breaker.failure_count()), (State::Open, 2.0));
    assert_eq!((breaker.metrics().failed.get(), breaker.metrics().stale.get()), (2.0, 3.0));
}

#[test]
fn a_threshold_lowered_to_the_current_run_opens_at_the_next_failure() {
    let mut breaker = breaker(&[]);
    for _ in 0..4 {
        call(&mut breaker, Failure, 0.0);
    }
    breaker.set(Field::FailureThreshold, 2.0).unwrap();
    assert_eq!(breaker.state(), State::Closed);
    call(&mut breaker, Failure, 0.0);
    assert_eq!((breaker.state(), breaker.failure_count()), (State::Open, 5.0));
}

#[test]
fn the_time_of_the_last_failure_stays_until_the_circuit_is_closed_anew() {
    let mut breaker = breaker(&[]);
    assert_eq!(breaker.last_failure_time(), None);
    call(&mut breaker, Failure, 3.0);
    call(&mut breaker, Success, 4.0);
    assert_eq!(breaker.last_failure_time(), Some(3.0));
    call(&mut breaker, Failure, f64::NAN);
    assert_eq!((breaker.last_failure_time(), breaker.failure_count()), (Some(3.0), 1.0));
    breaker.reset(5.0);
    assert_eq!((breaker.last_failure_time(), breaker.failure_count()), (None, 0.0));
}

#[test]
fn a_closed_circuit_needs_no_time_to_admit_and_any_other_does() {
    let mut breaker = breaker(&[(Field::FailureThreshold, 1.0), (Field::RecoveryTimeout, 0.0)]);
    assert_eq!((breaker.needs_time_to_admit(), breaker.needs_time_of_success()), (false, false));
    assert!(breaker.admit_if_closed().is_some());
    call(&mut breaker, Failure, 0.0);
    assert_eq!((breaker.needs_time_to_admit(), breaker.needs_time_of_success()), (true, true));
    assert_eq!(breaker.admit_if_closed(), None);
    assert_eq!(breaker.check(0.0, NO_CHANCE), State::HalfOpen);
    assert_eq!((breaker.needs_time_to_admit(), breaker.needs_time_of_success()), (true, true));
    assert_eq!(breaker.admit_if_closed(), None);
    assert_eq!(breaker.metrics().in_flight.get(), 1.0, "what was not granted is not in flight");
}
