//! The half-open circuit: both sides of its verdicts, of its room and of its leases.

use crate::worked::{NO_CHANCE, admitted, breaker, call, change, end, half_open, only_news};
use halfopen::core::Outcome::{Failure, Ignored, Success};
use halfopen::core::{Admission, Breaker, Field, Reason, Refusal, State};

const FULL: Admission = Admission::Refused(Refusal::HalfOpenFull);

/// Half open, and told so.
fn trial(options: &[(Field, f64)]) -> (Breaker, f64) {
    let (mut breaker, now) = half_open(options);
    while breaker.take_transition().is_some() {}
    (breaker, now)
}

#[test]
fn it_closes_at_the_success_that_reaches_the_threshold_and_not_before() {
    for threshold in [1_u32, 2, 5] {
        let (mut breaker, now) = trial(&[(Field::SuccessThreshold, threshold.into())]);
        for successes in 1..threshold {
            call(&mut breaker, Success, now);
            assert_eq!(breaker.state(), State::HalfOpen, "after {successes} of {threshold}");
            assert_eq!(breaker.success_count(), f64::from(successes));
        }
        call(&mut breaker, Success, now);
        assert_eq!(only_news(&mut breaker), change(State::HalfOpen, State::Closed, Reason::Recovered, now));
        assert_eq!((breaker.success_count(), breaker.failure_count()), (0.0, 0.0));
        assert_eq!(breaker.last_failure_time(), None);
    }
}

#[test]
fn by_default_the_first_failure_opens_it_again_for_a_whole_recovery_time() {
    let (mut breaker, now) = trial(&[]);
    call(&mut breaker, Success, now);
    call(&mut breaker, Failure, now + 1.0);
    assert_eq!(only_news(&mut breaker), change(State::HalfOpen, State::Open, Reason::TestFailed, now + 1.0));
    assert_eq!((breaker.success_count(), breaker.failure_count()), (0.0, 1.0));
    assert_eq!(breaker.retry_after(now + 1.0), 60_000.0);
}

#[test]
fn it_opens_at_the_failure_that_puts_the_threshold_out_of_reach_and_not_before() {
    let options = [(Field::SuccessThreshold, 2.0), (Field::HalfOpenCalls, 5.0)];
    let (mut breaker, now) = trial(&options);
    for _ in 0..3 {
        call(&mut breaker, Failure, now);
    }
    assert_eq!(breaker.state(), State::HalfOpen, "two successes of the last two would do");
    call(&mut breaker, Success, now);
    call(&mut breaker, Failure, now);
    assert_eq!(breaker.state(), State::Open);

    let (mut breaker, now) = trial(&options);
    for outcome in [Failure, Failure, Failure, Success, Success] {
        call(&mut breaker, outcome, now);
    }
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_success_leaves_the_failures_counted_until_the_circuit_closes() {
    let (mut breaker, now) = trial(&[(Field::HalfOpenCalls, 3.0)]);
    call(&mut breaker, Failure, now);
    call(&mut breaker, Success, now);
    assert_eq!((breaker.failure_count(), breaker.success_count()), (1.0, 1.0));
    call(&mut breaker, Success, now);
    assert_eq!((breaker.failure_count(), breaker.success_count()), (0.0, 0.0));
}

#[test]
fn by_default_one_test_request_is_in_flight_at_a_time() {
    let (mut breaker, now) = trial(&[]);
    let first = admitted(&mut breaker, now);
    assert_eq!(breaker.admit(now, NO_CHANCE), FULL);
    assert_eq!(breaker.metrics().rejected.get(), 1.0);
    end(&mut breaker, first, Success, now);
    admitted(&mut breaker, now);
}

#[test]
fn as_many_are_in_flight_as_the_limit_says_and_no_more() {
    let (mut breaker, now) = trial(&[(Field::HalfOpenCalls, 9.0), (Field::HalfOpenMaxConcurrent, 3.0)]);
    let permits = [(); 3].map(|()| admitted(&mut breaker, now));
    assert_eq!(breaker.admit(now, NO_CHANCE), FULL);
    end(&mut breaker, permits[1], Failure, now);
    admitted(&mut breaker, now);
    assert_eq!(breaker.admit(now, NO_CHANCE), FULL);
    assert_ne!(permits[0], permits[1], "each test request holds a lease of its own");
}

#[test]
fn no_more_are_admitted_than_may_be_judged() {
    let options =
        [(Field::SuccessThreshold, 2.0), (Field::HalfOpenCalls, 3.0), (Field::HalfOpenMaxConcurrent, 9.0)];
    let (mut breaker, now) = trial(&options);
    call(&mut breaker, Success, now);
    let second = admitted(&mut breaker, now);
    let third = admitted(&mut breaker, now);
    assert_eq!(breaker.admit(now, NO_CHANCE), FULL, "one judged, two in flight, three in all");
    end(&mut breaker, second, Failure, now);
    assert_eq!(breaker.admit(now, NO_CHANCE), FULL);
    end(&mut breaker, third, Success, now);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn an_ignored_test_request_gives_its_permit_back_and_decides_nothing() {
    let (mut breaker, now) = trial(&[(Field::SuccessThreshold, 1.0)]);
    for _ in 0..100 {
        call(&mut breaker, Ignored, now);
    }
    assert_eq!((breaker.state(), breaker.success_count()), (State::HalfOpen, 0.0));
    assert_eq!(breaker.metrics().ignored.get(), 100.0);
    call(&mut breaker, Success, now);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn results_recorded_by_hand_count_like_those_of_test_requests() {
    let (mut breaker, now) = trial(&[]);
    breaker.record(Success, now, NO_CHANCE);
    assert_eq!((breaker.state(), breaker.success_count()), (State::HalfOpen, 1.0));
    breaker.record(Success, now, NO_CHANCE);
    assert_eq!(breaker.state(), State::Closed);

    let (mut breaker, now) = trial(&[]);
    breaker.record(Failure, now, NO_CHANCE);
    assert_eq!((breaker.state(), breaker.failure_count()), (State::Open, 1.0));
    assert_eq!(breaker.metrics().total(), 0.0);
}

#[test]
fn a_lease_ends_at_its_last_millisecond_and_not_before() {
    let (mut breaker, now) = trial(&[(Field::HalfOpenTimeout, 50.0)]);
    admitted(&mut breaker, now);
    assert_eq!(breaker.check(now + 49.999, NO_CHANCE), State::HalfOpen);
    assert_eq!(breaker.admit(now + 49.999, NO_CHANCE), FULL);
    assert_eq!(breaker.check(now + 50.0, NO_CHANCE), State::Open);
    assert_eq!(
        only_news(&mut breaker),
        change(State::HalfOpen, State::Open, Reason::TestExpired, now + 50.0)
    );
    assert_eq!((breaker.failure_count(), breaker.last_failure_time()), (1.0, Some(now + 50.0)));
    assert_eq!((breaker.metrics().failed.get(), breaker.metrics().in_flight.get()), (1.0, 1.0));
}

#[test]
fn what_an_expired_test_request_answers_later_is_stale() {
    let (mut breaker, now) =
        trial(&[(Field::SuccessThreshold, 1.0), (Field::HalfOpenCalls, 2.0), (Field::HalfOpenTimeout, 50.0)]);
    let hung = admitted(&mut breaker, now);
    assert_eq!(breaker.check(now + 50.0, NO_CHANCE), State::HalfOpen, "one failure is to spare");
    end(&mut breaker, hung, Success, now + 51.0);
    assert_eq!((breaker.state(), breaker.success_count()), (State::HalfOpen, 0.0));
    let metrics = breaker.metrics();
    assert_eq!((metrics.failed.get(), metrics.stale.get(), metrics.in_flight.get()), (1.0, 1.0, 0.0));
    call(&mut breaker, Failure, now + 52.0);
    assert_eq!(breaker.state(), State::Open, "the expired one had taken the failure to spare");
}

#[test]
fn an_expired_test_request_makes_room_for_another() {
    let (mut breaker, now) =
        trial(&[(Field::SuccessThreshold, 1.0), (Field::HalfOpenCalls, 2.0), (Field::HalfOpenTimeout, 50.0)]);
    admitted(&mut breaker, now);
    assert_eq!(breaker.admit(now + 49.0, NO_CHANCE), FULL);
    admitted(&mut breaker, now + 50.0);
}

#[test]
fn each_lease_runs_from_its_own_admission() {
    let (mut breaker, now) = trial(&[
        (Field::SuccessThreshold, 1.0),
        (Field::HalfOpenCalls, 3.0),
        (Field::HalfOpenMaxConcurrent, 2.0),
        (Field::HalfOpenTimeout, 50.0),
    ]);
    admitted(&mut breaker, now);
    let second = admitted(&mut breaker, now + 30.0);
    breaker.check(now + 79.0, NO_CHANCE);
    assert_eq!(breaker.metrics().failed.get(), 1.0);
    end(&mut breaker, second, Success, now + 79.0);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn leases_that_end_together_all_count_and_open_the_circuit_once() {
    let (mut breaker, now) = trial(&[
        (Field::SuccessThreshold, 2.0),
        (Field::HalfOpenCalls, 3.0),
        (Field::HalfOpenMaxConcurrent, 3.0),
        (Field::HalfOpenTimeout, 50.0),
    ]);
    for _ in 0..3 {
        admitted(&mut breaker, now);
    }
    assert_eq!(breaker.check(now + 50.0, NO_CHANCE), State::Open);
    assert_eq!(
        only_news(&mut breaker),
        change(State::HalfOpen, State::Open, Reason::TestExpired, now + 50.0)
    );
    assert_eq!((breaker.metrics().failed.get(), breaker.failure_count()), (3.0, 3.0));
    assert_eq!(breaker.retry_after(now + 50.0), 60_000.0);
}

#[test]
fn leases_that_end_together_leave_it_open_for_no_time_where_chance_took_all_of_it() {
    let (mut breaker, due) = trial(&[
        (Field::HalfOpenMaxConcurrent, 2.0),
        (Field::HalfOpenTimeout, 50.0),
        (Field::BackoffJitter, 1.0),
    ]);
    admitted(&mut breaker, due);
    admitted(&mut breaker, due);
    assert_eq!(breaker.check(due + 50.0, 1.0), State::HalfOpen);
    assert_eq!(breaker.failure_count(), 2.0);
}

#[test]
fn by_default_a_lease_lasts_a_minute_or_the_recovery_time_whichever_is_longer() {
    for (recovery, lease) in [(0.0, 60_000.0), (59_999.0, 60_000.0), (60_001.0, 60_001.0)] {
        let (mut breaker, now) = trial(&[(Field::RecoveryTimeout, recovery)]);
        assert_eq!(breaker.config().get(Field::HalfOpenTimeout), Some(lease));
        admitted(&mut breaker, now);
        assert_eq!(breaker.admit(now + lease - 1.0, NO_CHANCE), FULL);
        breaker.check(now + lease, NO_CHANCE);
        assert_eq!(breaker.metrics().failed.get(), 1.0);
    }
}

#[test]
fn a_lease_holds_under_a_clock_that_went_back_for_one_whole_lease_at_most() {
    let (mut breaker, now) = trial(&[(Field::HalfOpenTimeout, 50.0)]);
    admitted(&mut breaker, now);
    let back = now - 3_600_000.0;
    assert_eq!(breaker.check(back, NO_CHANCE), State::HalfOpen);
    assert_eq!(breaker.check(back + 49.0, NO_CHANCE), State::HalfOpen);
    assert_eq!(breaker.check(back + 50.0, NO_CHANCE), State::Open);
}

#[test]
fn a_lease_given_at_a_time_unknown_runs_from_the_first_time_seen() {
    let (mut breaker, now) = trial(&[(Field::HalfOpenTimeout, 50.0)]);
    admitted(&mut breaker, f64::NAN);
    for nonsense in [f64::NAN, f64::INFINITY] {
        assert_eq!(breaker.check(nonsense, NO_CHANCE), State::HalfOpen);
    }
    assert_eq!(breaker.check(now + 10.0, NO_CHANCE), State::HalfOpen);
    assert_eq!(breaker.check(now + 59.0, NO_CHANCE), State::HalfOpen);
    assert_eq!(breaker.check(now + 60.0, NO_CHANCE), State::Open);
}

#[test]
fn results_of_the_closed_time_before_decide_nothing() {
    let mut breaker = breaker(&[(Field::RecoveryTimeout, 0.0), (Field::SuccessThreshold, 1.0)]);
    let [early, earlier] = [(); 2].map(|()| admitted(&mut breaker, 0.0));
    breaker.trip(0.0);
    assert_eq!(breaker.check(0.0, NO_CHANCE), State::HalfOpen);
    end(&mut breaker, early, Success, 0.0);
    end(&mut breaker, earlier, Failure, 0.0);
    assert_eq!((breaker.state(), breaker.success_count()), (State::HalfOpen, 0.0));
    assert_eq!(breaker.metrics().stale.get(), 2.0);
    call(&mut breaker, Success, 0.0);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn test_requests_of_an_earlier_trial_decide_nothing_in_a_later_one() {
    let (mut breaker, now) = trial(&[(Field::RecoveryTimeout, 100.0), (Field::SuccessThreshold, 1.0)]);
    let early = admitted(&mut breaker, now);
    breaker.trip(now);
    assert_eq!(breaker.check(now + 100.0, NO_CHANCE), State::HalfOpen);
    let own = admitted(&mut breaker, now + 100.0);
    end(&mut breaker, early, Failure, now + 100.0);
    assert_eq!(breaker.state(), State::HalfOpen);
    assert_eq!(breaker.admit(now + 100.0, NO_CHANCE), FULL, "the room is still taken");
    end(&mut breaker, own, Success, now + 100.0);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_permit_settled_twice_counts_once() {
    let (mut breaker, now) = trial(&[]);
    let permit = admitted(&mut breaker, now);
    end(&mut breaker, permit, Success, now);
    end(&mut breaker, permit, Success, now);
    assert_eq!((breaker.state(), breaker.success_count()), (State::HalfOpen, 1.0));
    assert_eq!((breaker.metrics().stale.get(), breaker.metrics().in_flight.get()), (1.0, 0.0));
}

#[test]
fn opened_or_closed_by_hand_it_says_so_and_forgets_its_test_requests() {
    let (mut breaker, now) = trial(&[]);
    call(&mut breaker, Success, now);
    let hung = admitted(&mut breaker, now);
    breaker.trip(now);
    assert_eq!(only_news(&mut breaker), change(State::HalfOpen, State::Open, Reason::Trip, now));
    assert_eq!((breaker.success_count(), breaker.retry_after(now)), (0.0, 60_000.0));
    end(&mut breaker, hung, Success, now);
    assert_eq!((breaker.state(), breaker.success_count()), (State::Open, 0.0));

    let (mut breaker, now) = trial(&[]);
    call(&mut breaker, Success, now);
    let hung = admitted(&mut breaker, now);
    breaker.reset(now);
    assert_eq!(only_news(&mut breaker), change(State::HalfOpen, State::Closed, Reason::Reset, now));
    end(&mut breaker, hung, Failure, now);
    assert_eq!((breaker.failure_count(), breaker.success_count()), (0.0, 0.0));
}

#[test]
fn a_success_threshold_lowered_in_a_trial_closes_at_the_next_success() {
    let (mut breaker, now) = trial(&[(Field::SuccessThreshold, 5.0)]);
    call(&mut breaker, Success, now);
    call(&mut breaker, Success, now);
    breaker.set(Field::SuccessThreshold, 1.0).unwrap();
    assert_eq!(breaker.state(), State::HalfOpen);
    call(&mut breaker, Success, now);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn test_requests_judged_before_their_number_was_lowered_leave_room_for_one_that_decides() {
    let (mut breaker, now) = trial(&[(Field::SuccessThreshold, 2.0), (Field::HalfOpenCalls, 9.0)]);
    for _ in 0..4 {
        call(&mut breaker, Failure, now);
    }
    breaker.set(Field::HalfOpenCalls, 2.0).unwrap();
    let permit = admitted(&mut breaker, now);
    assert_eq!(breaker.admit(now, NO_CHANCE), FULL);
    end(&mut breaker, permit, Failure, now);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn a_test_request_that_expired_keeps_no_place_of_those_that_calls_in_flight_have() {
    let options =
        [(Field::MaxConcurrent, 1.0), (Field::SuccessThreshold, 1.0), (Field::RecoveryTimeout, 1000.0)];
    let (mut breaker, mut now) = trial(&options);
    let mut hung = Vec::new();
    // More than are listed: what is forgotten keeps no place either.
    for _ in 0..100 {
        hung.push(admitted(&mut breaker, now));
        assert_eq!(breaker.admit(now, NO_CHANCE), Admission::Refused(Refusal::BulkheadFull));
        now += 60_000.0;
        assert_eq!(breaker.check(now, NO_CHANCE), State::Open);
        now += 1000.0;
    }
    call(&mut breaker, Success, now);
    assert_eq!((breaker.state(), breaker.metrics().in_flight.get()), (State::Closed, 100.0));
    // One place is left, and no more come of late results.
    let call = admitted(&mut breaker, now);
    for late in hung.into_iter().rev().take(64) {
        end(&mut breaker, late, Success, now);
        assert_eq!(breaker.admit(now, NO_CHANCE), Admission::Refused(Refusal::BulkheadFull));
    }
    end(&mut breaker, call, Success, now);
    admitted(&mut breaker, now);
}
