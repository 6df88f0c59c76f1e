//! A circuit that a fleet holds open, walked by hand: both sides of every threshold.
//!
//! Must not know: who the fleet is.

use crate::worked::{NO_CHANCE, admitted, breaker, change, end, half_open, only_news};
use halfopen::core::{
    Admission, Breaker, Field, Outcome, Permit, ProbeStep, Reason, Refusal, Stage, State, TestEnd, Verdict,
};

const DUE: f64 = 1000.0;
const STALE: f64 = 5000.0;
const LEASE: f64 = 300.0;

/// Held since 0.
fn held(options: &[(Field, f64)]) -> Breaker {
    let mut breaker = breaker(options);
    assert!(breaker.hold(DUE, STALE, 0.0));
    assert_eq!(only_news(&mut breaker), change(State::Closed, State::Open, Reason::Fleet, 0.0));
    breaker
}

fn refused(breaker: &mut Breaker, now: f64) -> Refusal {
    match breaker.admit(now, NO_CHANCE) {
        Admission::Refused(refusal) => refusal,
        Admission::Granted(permit) => panic!("let through at {now} with {permit:?}"),
    }
}

/// The test of a fleet that began at `now`.
fn tested(breaker: &mut Breaker, now: f64) -> Permit {
    assert!(breaker.grant(LEASE, now, NO_CHANCE));
    admitted(breaker, now)
}

#[test]
fn the_fleet_is_asked_from_when_a_test_is_due_until_its_verdict_is_stale() {
    let mut breaker = held(&[]);
    for (now, stage, refusal, hint) in [
        (0.0, Stage::Held, Refusal::Open, DUE),
        (DUE - 0.5, Stage::Held, Refusal::Open, 0.5),
        (DUE, Stage::Due, Refusal::Undecided, 250.0),
        (STALE - 250.5, Stage::Due, Refusal::Undecided, 250.0),
        (STALE - 249.5, Stage::Due, Refusal::Undecided, 249.5),
        (STALE - 0.5, Stage::Due, Refusal::Undecided, 1.0),
    ] {
        assert_eq!(breaker.stage(now), stage, "at {now}");
        assert_eq!(breaker.retry_after(now), hint, "at {now}");
        assert_eq!(refused(&mut breaker, now), refusal, "at {now}");
        assert_eq!(breaker.check(now, NO_CHANCE), State::Open);
    }
    assert_eq!((breaker.stage(STALE), breaker.retry_after(STALE)), (Stage::Stale, 0.0));
    admitted(&mut breaker, STALE);
    assert_eq!((breaker.state(), breaker.stage(STALE)), (State::HalfOpen, Stage::None));
    assert_eq!(only_news(&mut breaker).reason, Reason::RecoveryDue);
}

#[test]
fn a_call_that_is_undecided_counts_once_it_is_refused_or_asks_again() {
    let mut breaker = held(&[]);
    assert_eq!(refused(&mut breaker, DUE), Refusal::Undecided);
    assert_eq!(breaker.metrics().total(), 0.0);
    assert_eq!(breaker.refuse(), Refusal::Open);
    assert_eq!(breaker.metrics().rejected.get(), 1.0);
    let test = tested(&mut breaker, DUE);
    end(&mut breaker, test, Outcome::Success, DUE);
    assert_eq!(refused(&mut breaker, DUE), Refusal::Undecided);
    assert_eq!(breaker.refuse(), Refusal::HalfOpenFull);
    assert_eq!((breaker.metrics().rejected.get(), breaker.metrics().total()), (2.0, 3.0));
}

#[test]
fn spans_that_are_none_are_no_verdict() {
    let mut breaker = breaker(&[]);
    for (due, stale) in [(-0.5, 5.0), (5.0, 4.5), (f64::NAN, 5.0), (0.0, f64::NAN), (0.0, f64::INFINITY)] {
        assert!(!breaker.hold(due, stale, 0.0), "{due}, {stale}");
        assert_eq!((breaker.state(), breaker.stage(0.0)), (State::Closed, Stage::None));
    }
    assert!(breaker.hold(5.0, 5.0, 0.0));
    assert_eq!((breaker.stage(4.5), breaker.stage(5.0)), (Stage::Held, Stage::Stale));
}

#[test]
fn a_grant_admits_one_call_within_its_lease_due_or_not() {
    let mut breaker = held(&[(Field::HalfOpenMaxConcurrent, 3.0), (Field::HalfOpenCalls, 9.0)]);
    assert!(breaker.grant(LEASE, 0.0, NO_CHANCE));
    assert_eq!(breaker.state(), State::Open);
    assert_eq!((breaker.retry_after(LEASE - 0.5), breaker.retry_after(LEASE)), (0.0, DUE - LEASE));
    let mut late = breaker.clone();
    assert_eq!(refused(&mut late, LEASE), Refusal::Open);
    let test = admitted(&mut breaker, LEASE - 0.5);
    assert_eq!(breaker.state(), State::HalfOpen);
    assert_eq!(refused(&mut breaker, LEASE - 0.5), Refusal::HalfOpenFull);
    assert!(breaker.grant(LEASE, LEASE, NO_CHANCE), "a test is under way");
    assert!(!breaker.take_back(), "and no other may pass");
    end(&mut breaker, test, Outcome::Success, LEASE);
    assert_eq!(breaker.take_test_end(), Some(TestEnd::Success));
    assert_eq!(breaker.take_test_end(), None);
    assert_eq!(breaker.state(), State::HalfOpen);
    assert_eq!(refused(&mut breaker, LEASE), Refusal::HalfOpenFull, "not due yet");
}

#[test]
fn a_grant_that_is_taken_back_admits_nobody() {
    let mut breaker = held(&[]);
    assert!(!breaker.take_back());
    assert!(breaker.grant(LEASE, DUE, NO_CHANCE));
    assert!(breaker.take_back());
    assert!(!breaker.take_back());
    assert_eq!(refused(&mut breaker, DUE), Refusal::Undecided);
}

#[test]
fn a_test_ends_as_it_ends() {
    let slow = [
        (Field::SlowCallDuration, 100.0),
        (Field::SlowCallRate, 1.0),
        (Field::MinimumCalls, 1.0),
        (Field::WindowSize, 5.0),
    ];
    for (outcome, elapsed, told, state) in [
        (Outcome::Success, 99.5, TestEnd::Success, State::HalfOpen),
        (Outcome::Success, 100.0, TestEnd::Failure, State::Open),
        (Outcome::Failure, 0.0, TestEnd::Failure, State::Open),
        (Outcome::TimedOut, 0.0, TestEnd::Failure, State::Open),
        (Outcome::Ignored, 0.0, TestEnd::Ignored, State::HalfOpen),
    ] {
        let mut breaker = held(&slow);
        let test = tested(&mut breaker, DUE);
        assert!(!breaker.has_test_end());
        breaker.settle(test, outcome.into(), elapsed, DUE, NO_CHANCE);
        assert!(breaker.has_test_end());
        assert_eq!(breaker.take_test_end(), Some(told), "{outcome:?} after {elapsed}");
        assert_eq!(breaker.state(), state, "{outcome:?} after {elapsed}");
    }
}

#[test]
fn a_test_expires_with_its_lease_and_else_with_the_half_open_timeout() {
    for (lease, at) in [(LEASE, LEASE), (f64::NAN, 700.0)] {
        let mut breaker = held(&[(Field::HalfOpenTimeout, 700.0)]);
        assert!(breaker.grant(lease, DUE, NO_CHANCE));
        let test = admitted(&mut breaker, DUE);
        assert_eq!(breaker.test_expires_after(DUE), at);
        assert_eq!(breaker.check(DUE + at - 0.5, NO_CHANCE), State::HalfOpen);
        assert_eq!(breaker.take_test_end(), None);
        assert_eq!(breaker.check(DUE + at, NO_CHANCE), State::Open);
        assert_eq!(breaker.take_test_end(), Some(TestEnd::Expired));
        end(&mut breaker, test, Outcome::Success, DUE + at);
        assert_eq!(breaker.take_test_end(), None, "it was told");
    }
}

#[test]
fn a_failed_test_leaves_the_circuit_its_own_open_time_until_it_is_held_again() {
    let mut breaker = held(&[(Field::RecoveryTimeout, 2000.0), (Field::HalfOpenCalls, 9.0)]);
    let test = tested(&mut breaker, DUE);
    end(&mut breaker, test, Outcome::Failure, DUE);
    assert_eq!((breaker.state(), breaker.stage(DUE)), (State::Open, Stage::Held));
    assert_eq!(breaker.stage(DUE + 1999.5), Stage::Held);
    assert_eq!(breaker.stage(DUE + 2000.0), Stage::Due);
    let mut let_go = breaker.clone();
    let_go.let_go(DUE + 1999.5);
    assert_eq!(let_go.state(), State::Open, "its own evidence");
    assert!(breaker.hold(100.0, 200.0, DUE));
    assert_eq!((breaker.stage(DUE + 99.5), breaker.stage(DUE + 100.0)), (Stage::Held, Stage::Due));
    breaker.let_go(DUE);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn the_fleet_lets_go_of_a_circuit_unless_something_else_keeps_it_open() {
    let mut breaker = held(&[]);
    breaker.let_go(0.0);
    assert_eq!(only_news(&mut breaker), change(State::Open, State::Closed, Reason::Fleet, 0.0));
    breaker.let_go(0.0);
    assert_eq!(breaker.take_transition(), None);

    let mut half = held(&[]);
    tested(&mut half, DUE);
    half.let_go(DUE);
    assert_eq!((half.state(), half.stage(DUE)), (State::Closed, Stage::None));

    let mut isolated = held(&[]);
    isolated.isolate(0.0);
    isolated.let_go(0.0);
    assert_eq!((isolated.state(), isolated.retry_after(0.0)), (State::Open, f64::INFINITY));

    for (at, state) in [(1999.5, State::Open), (2000.0, State::Closed)] {
        let mut tripped = held(&[]);
        assert_eq!(tripped.trip_for(2000.0, 0.0), Ok(()));
        assert!(!tripped.grant(LEASE, 1999.5, NO_CHANCE), "opened by hand");
        assert!(tripped.grant(LEASE, 2000.0, NO_CHANCE));
        tripped.let_go(at);
        assert_eq!(tripped.state(), state, "at {at}");
    }
}

#[test]
fn a_grant_is_of_no_use_while_what_was_asked_for_by_hand_lasts() {
    let mut breaker = held(&[]);
    assert!(breaker.grant(LEASE, DUE, NO_CHANCE));
    assert_eq!(breaker.trip_for(200.0, DUE), Ok(()));
    assert_eq!(refused(&mut breaker, DUE + 199.5), Refusal::Open);
    admitted(&mut breaker, DUE + 200.0);
}

#[test]
fn tripped_by_hand_it_stays_open_for_a_recovery_time_at_least_whatever_the_fleet_says() {
    let mut breaker = held(&[(Field::RecoveryTimeout, 2000.0)]);
    breaker.trip(0.0);
    assert!(breaker.hold(10.0, STALE, 0.0));
    assert_eq!((breaker.stage(1999.5), breaker.stage(2000.0)), (Stage::Held, Stage::Due));
    breaker.let_go(1999.5);
    assert_eq!(breaker.check(1999.5, NO_CHANCE), State::Open);
    assert_eq!(breaker.check(2000.0, NO_CHANCE), State::HalfOpen);
}

#[test]
fn a_verdict_ends_a_trial_of_the_breakers_own_and_none_of_the_fleets() {
    let (mut own, due) = half_open(&[]);
    let test = admitted(&mut own, due);
    own.take_transition();
    own.take_transition();
    assert!(own.hold(0.0, STALE, due));
    assert_eq!(only_news(&mut own), change(State::HalfOpen, State::Open, Reason::Fleet, due));
    end(&mut own, test, Outcome::Failure, due);
    assert_eq!(own.metrics().stale.get(), 1.0);
    assert_eq!(own.take_test_end(), None);

    let mut breaker = held(&[]);
    let test = tested(&mut breaker, DUE);
    assert!(breaker.hold(DUE, STALE, DUE));
    assert_eq!(breaker.state(), State::HalfOpen);
    end(&mut breaker, test, Outcome::Success, DUE);
    assert!(breaker.hold(0.0, STALE, DUE));
    assert_eq!(breaker.state(), State::HalfOpen, "the same again");
    assert!(breaker.hold(0.5, STALE, DUE));
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn once_stale_a_trial_of_the_fleets_becomes_the_breakers_own() {
    let mut breaker = held(&[(Field::SuccessThreshold, 2.0)]);
    let test = tested(&mut breaker, DUE);
    end(&mut breaker, test, Outcome::Success, DUE);
    assert_eq!(refused(&mut breaker, STALE - 0.5), Refusal::Undecided);
    let test = admitted(&mut breaker, STALE);
    end(&mut breaker, test, Outcome::Success, STALE);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn the_probe_tests_by_grant_alone_and_callers_do_where_it_is_lost() {
    let mut breaker = breaker(&[(Field::HalfOpenTimeout, 500.0)]);
    breaker.leave_tests_to_probe();
    assert!(breaker.hold(DUE, STALE, 0.0));
    assert_eq!(breaker.next_of_probe(0.0, NO_CHANCE), ProbeStep::Wait(DUE));
    assert_eq!(breaker.next_of_probe(DUE, NO_CHANCE), ProbeStep::Wait(250.0));
    assert_eq!(refused(&mut breaker, DUE), Refusal::Open, "no caller is asked for");
    assert!(breaker.grant(LEASE, DUE, NO_CHANCE));
    assert_eq!((breaker.probe_after(DUE), breaker.retry_after(DUE)), (0.0, 1.0));
    assert_eq!(refused(&mut breaker, DUE), Refusal::Open);
    let ProbeStep::Test(..) = breaker.next_of_probe(DUE, NO_CHANCE) else { panic!("it was granted") };
    assert_eq!(breaker.check(DUE + LEASE, NO_CHANCE), State::Open, "it does not answer");
    assert!(breaker.hold(0.0, STALE, DUE + LEASE));
    assert_eq!(refused(&mut breaker, DUE + LEASE), Refusal::Undecided);
    tested(&mut breaker, DUE + LEASE);
}

#[test]
fn a_full_bulkhead_refuses_before_anybody_is_asked_and_keeps_the_grant() {
    let mut breaker = breaker(&[(Field::MaxConcurrent, 1.0)]);
    let call = admitted(&mut breaker, 0.0);
    assert!(breaker.hold(0.0, STALE, 0.0));
    assert_eq!(refused(&mut breaker, 0.0), Refusal::BulkheadFull);
    assert!(breaker.grant(LEASE, 0.0, NO_CHANCE));
    assert_eq!(refused(&mut breaker, 0.0), Refusal::BulkheadFull);
    end(&mut breaker, call, Outcome::Success, 0.0);
    admitted(&mut breaker, 0.0);
}

#[test]
fn a_failure_that_asks_for_more_or_trips_is_the_tests_like_any_other() {
    let mut breaker = held(&[]);
    let test = tested(&mut breaker, DUE);
    end(&mut breaker, test, Verdict { outcome: Outcome::Failure, retry_after: 9000.0, trips: true }, DUE);
    assert_eq!((breaker.state(), breaker.take_test_end()), (State::Open, Some(TestEnd::Failure)));
    assert_eq!(breaker.retry_after(DUE), 9000.0);
}

#[test]
fn a_snapshot_knows_no_fleet() {
    let breaker = held(&[]);
    let saved = breaker.snapshot(0.0, 0.0);
    let mut heir = crate::worked::breaker(&[]);
    assert_eq!(heir.restore(&saved, 0.0, 0.0), Some(()));
    assert_eq!((heir.state(), heir.stage(0.0), heir.retry_after(0.0)), (State::Open, Stage::None, 0.0));
}
