//! The open circuit: both sides of its deadline, and what moves it.

use crate::worked::{NO_CHANCE, admitted, breaker, call, change, end, only_news};
use halfopen::core::Outcome::{Failure, Ignored, Success};
use halfopen::core::{Admission, Breaker, Field, Reason, Refusal, State, Verdict, snapshot};
use std::rc::Rc;

const REFUSED: Admission = Admission::Refused(Refusal::Open);

/// Opened by the failure of a call at 1000, for 500 ms.
fn opened() -> Breaker {
    let mut breaker = breaker(&[(Field::FailureThreshold, 1.0), (Field::RecoveryTimeout, 500.0)]);
    call(&mut breaker, Failure, 1000.0);
    assert_eq!(only_news(&mut breaker), change(State::Closed, State::Open, Reason::FailureThreshold, 1000.0));
    breaker
}

#[test]
fn it_refuses_until_its_recovery_time_is_up_and_admits_then() {
    let mut breaker = opened();
    for now in [1000.0, 1001.0, 1499.0, 1499.999] {
        assert_eq!(breaker.admit(now, NO_CHANCE), REFUSED, "at {now}");
        assert_eq!(breaker.state(), State::Open);
    }
    admitted(&mut breaker, 1500.0);
    assert_eq!(only_news(&mut breaker), change(State::Open, State::HalfOpen, Reason::RecoveryDue, 1500.0));
    assert_eq!(breaker.metrics().rejected.get(), 4.0);
}

#[test]
fn a_check_moves_it_on_at_the_deadline_and_not_before() {
    let mut breaker = opened();
    assert_eq!(breaker.check(1499.999, NO_CHANCE), State::Open);
    assert_eq!(breaker.check(1500.0, NO_CHANCE), State::HalfOpen);
}

#[test]
fn its_state_stands_until_somebody_asks() {
    let breaker = opened();
    assert_eq!(breaker.retry_after(1e9), 0.0);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn the_time_left_runs_from_the_whole_recovery_time_down_to_nothing() {
    let mut breaker = opened();
    for (now, left) in [(1000.0, 500.0), (1200.0, 300.0), (1499.0, 1.0), (1500.0, 0.0), (9000.0, 0.0)] {
        assert_eq!(breaker.retry_after(now), left, "at {now}");
    }
    assert_eq!(breaker.check(1500.0, NO_CHANCE), State::HalfOpen);
    assert_eq!(breaker.retry_after(1500.0), 0.0);
    breaker.reset(1500.0);
    assert_eq!(breaker.retry_after(1500.0), 0.0);
}

#[test]
fn without_a_recovery_time_it_admits_at_once() {
    let mut breaker = breaker(&[(Field::RecoveryTimeout, 0.0)]);
    breaker.trip(1000.0);
    assert_eq!(breaker.state(), State::Open);
    admitted(&mut breaker, 1000.0);
}

#[test]
fn opened_by_hand_it_holds_for_the_whole_recovery_time_though_nothing_ever_failed() {
    let mut breaker = breaker(&[(Field::RecoveryTimeout, 500.0)]);
    breaker.trip(1000.0);
    assert_eq!(only_news(&mut breaker), change(State::Closed, State::Open, Reason::Trip, 1000.0));
    assert_eq!((breaker.failure_count(), breaker.last_failure_time()), (0.0, None));
    assert_eq!(breaker.admit(1499.0, NO_CHANCE), REFUSED);
    admitted(&mut breaker, 1500.0);
}

#[test]
fn opened_by_hand_once_more_it_starts_its_time_again_and_that_is_no_news() {
    let mut breaker = opened();
    breaker.trip(1400.0);
    assert_eq!(breaker.take_transition(), None);
    assert_eq!(breaker.admit(1899.0, NO_CHANCE), REFUSED);
    admitted(&mut breaker, 1900.0);
}

#[test]
fn a_failure_recorded_by_hand_adds_to_the_count_and_starts_the_time_again() {
    let mut breaker = opened();
    breaker.record(Failure, 1400.0, NO_CHANCE);
    assert_eq!((breaker.failure_count(), breaker.last_failure_time()), (2.0, Some(1400.0)));
    assert_eq!(breaker.admit(1899.0, NO_CHANCE), REFUSED);
    admitted(&mut breaker, 1900.0);
}

/// Open at 1000 and due at once, in each way there is, with the open time that a failure recorded by hand starts.
fn due_at_once() -> [(&'static str, Breaker, f64); 6] {
    let options: &[(Field, f64)] = &[
        (Field::FailureThreshold, 1.0),
        (Field::RecoveryTimeout, 500.0),
        (Field::BackoffFactor, 2.0),
        (Field::BackoffJitter, 1.0),
    ];
    let settled = |options: &[(Field, f64)], retry_after: f64, trips: bool, random: f64| {
        let mut breaker = breaker(options);
        let permit = admitted(&mut breaker, 1000.0);
        let verdict = Verdict { retry_after, trips, ..Failure.into() };
        breaker.settle(permit, verdict, f64::NAN, 1000.0, random);
        breaker
    };
    let mut released = breaker(options);
    released.isolate(1000.0);
    released.release(1000.0);
    let mut tripped = breaker(options);
    tripped.trip_for(0.0, 1000.0).unwrap();
    let no_waits = [options, &[(Field::MaxRetryAfter, 0.0)]].concat();
    [
        ("released", released, 500.0),
        ("opened by hand for no time", tripped, 500.0),
        ("by chance", settled(options, f64::NAN, false, 1.0), 0.0),
        ("asked for 0", settled(options, 0.0, true, 0.0), 0.0),
        ("asked for -0", settled(options, -0.0, true, 0.0), 0.0),
        ("asked for more than may be", settled(&no_waits, 70.0, true, 0.0), 0.0),
    ]
}

#[test]
fn due_at_once_it_starts_the_recovery_time_at_a_failure_by_hand_unless_0_is_its_own_time() {
    for (how, mut breaker, again) in due_at_once() {
        assert_eq!((breaker.state(), breaker.open_time()), (State::Open, 0.0), "{how}");
        breaker.record(Failure, 1400.0, NO_CHANCE);
        assert_eq!(breaker.open_time(), again, "{how}");
        breaker.record(Failure, 1400.0, NO_CHANCE);
        assert_eq!(breaker.open_time(), again, "{how}, once more");
    }
}

#[test]
fn a_snapshot_tells_an_open_time_of_0_from_none() {
    for (how, breaker, again) in due_at_once() {
        let mut other = Breaker::new(Rc::clone(breaker.config()));
        let saved = breaker.snapshot(0.0, 1000.0);
        assert_eq!(other.restore(&saved, 0.0, 1000.0), Some(()), "{how}");
        assert_eq!(other.open_time(), 0.0, "{how}");
        other.record(Failure, 1400.0, NO_CHANCE);
        assert_eq!(other.open_time(), again, "{how}");
    }
}

#[test]
fn a_snapshot_of_0_1_0_has_0_for_none() {
    let place = |name| snapshot::NAMES.iter().position(|known| *known == name).unwrap();
    let (version, span) = (place("version"), place("span"));
    for (how, breaker, _) in due_at_once() {
        let mut saved = breaker.snapshot(0.0, 1000.0);
        (saved[version], saved[span]) = (1.0, 0.0);
        let mut other = Breaker::new(Rc::clone(breaker.config()));
        assert_eq!(other.restore(&saved, 0.0, 1000.0), Some(()), "{how}");
        other.record(Failure, 1400.0, NO_CHANCE);
        assert_eq!(other.open_time(), 500.0, "{how}");
    }
}

#[test]
fn a_success_recorded_by_hand_zeroes_the_count_and_leaves_the_time() {
    let mut breaker = opened();
    breaker.record(Success, 1400.0, NO_CHANCE);
    breaker.record(Ignored, 1400.0, NO_CHANCE);
    assert_eq!((breaker.failure_count(), breaker.last_failure_time()), (0.0, Some(1000.0)));
    assert_eq!(breaker.admit(1499.0, NO_CHANCE), REFUSED);
    admitted(&mut breaker, 1500.0);
}

#[test]
fn a_late_result_neither_closes_it_nor_moves_its_deadline() {
    for outcome in [Success, Failure, Ignored] {
        let mut breaker = breaker(&[(Field::RecoveryTimeout, 500.0)]);
        let late = admitted(&mut breaker, 0.0);
        breaker.trip(1000.0);
        end(&mut breaker, late, outcome, 1400.0);
        assert_eq!((breaker.state(), breaker.failure_count()), (State::Open, 0.0));
        assert_eq!(breaker.last_failure_time(), None);
        assert_eq!(breaker.retry_after(1400.0), 100.0);
        assert_eq!((breaker.metrics().stale.get(), breaker.metrics().in_flight.get()), (1.0, 0.0));
    }
}

#[test]
fn a_recovery_time_written_while_open_counts_at_once() {
    let mut breaker = opened();
    breaker.set(Field::RecoveryTimeout, 100.0).unwrap();
    assert_eq!(breaker.admit(1099.0, NO_CHANCE), REFUSED);
    breaker.set(Field::RecoveryTimeout, 200.0).unwrap();
    assert_eq!(breaker.admit(1199.0, NO_CHANCE), REFUSED);
    admitted(&mut breaker, 1200.0);
}

#[test]
fn a_recovery_time_written_while_backoff_keeps_it_open_bounds_that_time_too() {
    let mut breaker = breaker(&[
        (Field::FailureThreshold, 1.0),
        (Field::RecoveryTimeout, 500.0),
        (Field::BackoffFactor, 2.0),
        (Field::MaxRetryAfter, 0.0),
    ]);
    let call = admitted(&mut breaker, 1000.0);
    end(&mut breaker, call, Failure, 1000.0);
    // Ten recovery times are the most that backoff leads to.
    breaker.set(Field::RecoveryTimeout, 20.0).unwrap();
    assert_eq!((breaker.open_time(), breaker.retry_after(1000.0)), (200.0, 200.0));
    assert_eq!(breaker.admit(1199.0, NO_CHANCE), REFUSED);
    admitted(&mut breaker, 1200.0);
}

#[test]
fn closed_by_hand_it_admits_and_has_forgotten_its_failures() {
    let mut breaker = opened();
    breaker.reset(1001.0);
    assert_eq!(only_news(&mut breaker), change(State::Open, State::Closed, Reason::Reset, 1001.0));
    assert_eq!((breaker.failure_count(), breaker.last_failure_time()), (0.0, None));
    admitted(&mut breaker, 1001.0);
}

#[test]
fn a_clock_that_went_back_an_hour_costs_one_recovery_time_at_most() {
    let mut breaker = opened();
    let back = 1000.0 - 3_600_000.0;
    assert_eq!(breaker.retry_after(back), 500.0);
    assert_eq!(breaker.admit(back, NO_CHANCE), REFUSED);
    assert_eq!(breaker.admit(back + 499.0, NO_CHANCE), REFUSED);
    admitted(&mut breaker, back + 500.0);
}

#[test]
fn a_clock_that_answers_nonsense_brings_nothing_about() {
    let mut breaker = opened();
    for nonsense in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(breaker.admit(nonsense, NO_CHANCE), REFUSED);
        assert_eq!(breaker.check(nonsense, NO_CHANCE), State::Open);
        assert_eq!(breaker.retry_after(nonsense), 500.0);
    }
    assert_eq!(breaker.admit(1499.0, NO_CHANCE), REFUSED);
    admitted(&mut breaker, 1500.0);
}

#[test]
fn opened_at_a_time_unknown_it_counts_from_the_first_time_seen() {
    let mut breaker = breaker(&[(Field::RecoveryTimeout, 500.0)]);
    breaker.trip(f64::NAN);
    assert_eq!(breaker.retry_after(7000.0), 500.0);
    assert_eq!(breaker.admit(7000.0, NO_CHANCE), REFUSED);
    assert_eq!(breaker.admit(7499.0, NO_CHANCE), REFUSED);
    admitted(&mut breaker, 7500.0);
}

#[test]
fn opened_for_the_first_time_when_nobody_knows_the_time_it_is_no_failed_recovery() {
    for nonsense in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for was_reset in [false, true] {
            let mut breaker = breaker(&[(Field::FailureThreshold, 1.0), (Field::BackoffFactor, 2.0)]);
            if was_reset {
                breaker.reset(nonsense);
            }
            breaker.record(Failure, nonsense, NO_CHANCE);
            assert_eq!((breaker.failed_recoveries(), breaker.open_time()), (0, 60_000.0), "{nonsense}");
        }
    }
}
