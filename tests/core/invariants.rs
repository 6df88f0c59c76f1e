//! The numbered invariants of `src/core/machine.rs`, each under random lives.
//!
//! Must not know: how the machine keeps them. A case that failed once is kept in `invariants.regressions` beside this
//! file and tried first ever after.

use crate::life::{
    Call, Deed, Ledger, Life, ORIGIN, Setup, Standing, Step, View, innards, is_failure, settings, setups,
    steps,
};
use crate::random::thorough;
use crate::textbook::{self, Textbook};
use crate::windows::List;
use crate::worked::{NO_CHANCE, UNJUDGED};
use halfopen::core::{Admission, Breaker, Field, Mode, Outcome, Permit, Refusal, Stage, State, TestEnd};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Steps under a clock that runs as a clock should.
fn steps_in_time() -> impl Strategy<Value = Vec<Step>> {
    steps().prop_map(|steps| steps.into_iter().filter(Step::keeps_time).collect())
}

fn option(breaker: &Breaker, field: Field) -> f64 {
    breaker.config().get(field).unwrap_or(f64::INFINITY)
}

/// Steps of a breaker that no fleet holds.
fn without_fleet(steps: Vec<Step>) -> Vec<Step> {
    steps.into_iter().filter(|step| !step.is_of_fleet()).collect()
}

/// The breaker left to its own verdicts.
fn at_liberty(life: &Life, now: f64) -> Breaker {
    let mut breaker = unswitched(life, now);
    breaker.leave_fleet();
    breaker
}

/// The breaker without switches, and with nothing in flight that could fill a bulkhead.
fn unswitched(life: &Life, now: f64) -> Breaker {
    let mut breaker = life.breaker.clone();
    breaker.release(now);
    breaker.enable();
    if breaker.config().get(Field::MaxConcurrent).is_some() {
        for call in &life.in_flight {
            breaker.settle(call.permit, Outcome::Ignored.into(), f64::NAN, now, NO_CHANCE);
        }
    }
    breaker
}

/// Asks for a call, in the place of the probe where that is to test.
fn ask(breaker: &mut Breaker, by_probe: bool, now: f64) -> Option<Permit> {
    breaker.check(now, NO_CHANCE);
    let admission = if by_probe && breaker.state() != State::Closed {
        breaker.admit_probe(now, NO_CHANCE)
    } else {
        breaker.admit(now, NO_CHANCE)
    };
    match admission {
        Admission::Granted(permit) => Some(permit),
        Admission::Refused(_) => None,
    }
}

/// The first time at which that many ms have passed. Beyond 2^53 ms a sum is rounded, which may be down.
fn after(now: f64, ms: f64) -> f64 {
    let later = now + ms;
    if later - now < ms { later.next_up() } else { later }
}

/// Whether somebody is let through within one half-open timeout and one open time, and a caller within one half-open timeout more
/// where a probe that asks no more was to test.
fn admits_soon(breaker: &Breaker, probed: bool, now: f64) -> bool {
    let soon = |by_probe: bool| {
        let (mut breaker, mut now) = (breaker.clone(), now);
        let mut asked = |breaker: &mut Breaker, wait: f64| {
            now = after(now, wait);
            ask(breaker, by_probe, now).is_some()
        };
        let lease = option(&breaker, Field::HalfOpenTimeout);
        if asked(&mut breaker, 0.0) || breaker.state() == State::HalfOpen && asked(&mut breaker, lease) {
            return true;
        }
        let open = breaker.open_time();
        asked(&mut breaker, open) || probed && !by_probe && asked(&mut breaker, lease)
    };
    soon(false) && soon(probed)
}

/// Whether the circuit closes once every call succeeds, though every call so far hangs for ever: by its probe, and without it.
fn closes_in_the_end(breaker: &Breaker, probed: bool, now: f64) -> bool {
    [false, probed].into_iter().all(|by_probe| {
        let (mut breaker, mut now) = (breaker.clone(), now);
        for _ in 0..50 {
            now += option(&breaker, Field::HalfOpenTimeout).max(breaker.open_time());
            if let Some(permit) = ask(&mut breaker, by_probe, now) {
                breaker.settle(permit, Outcome::Success.into(), f64::NAN, now, NO_CHANCE);
            }
        }
        breaker.state() == State::Closed
    })
}

/// The switches, when an open circuit is due and whose its test requests are, as an onlooker keeps it under a clock that runs as a clock
/// should.
#[derive(Clone, Copy, Debug)]
struct Watch {
    isolated: bool,
    leniency: Mode,
    /// Since when the current open time runs.
    since: f64,
    /// Until when it was opened by hand at least.
    held_until: f64,
    /// When the probe last asked, or the circuit was due before it did.
    heard: f64,
    /// A caller had to test, or a test request expired, since the probe last tested.
    probe_is_lost: bool,
}

impl Watch {
    fn new() -> Watch {
        Watch {
            isolated: false,
            leniency: Mode::Normal,
            since: 0.0,
            held_until: 0.0,
            heard: 0.0,
            probe_is_lost: false,
        }
    }

    /// The switch that is in force.
    fn mode(&self) -> Mode {
        match (self.leniency, self.isolated) {
            (Mode::Disabled, _) => Mode::Disabled,
            (_, true) => Mode::Isolated,
            (leniency, false) => leniency,
        }
    }

    /// What is left of the time for which it was opened by hand.
    fn held(&self, now: f64) -> f64 {
        (self.held_until - now).max(0.0)
    }

    fn see(&mut self, before: &View, step: &Step, deed: Deed, after: &View, now: f64, is_held: bool) {
        let was_due = self.since + before.open_time;
        let released = self.isolated && matches!(step, Step::Release);
        match step {
            Step::Isolate => self.isolated = true,
            Step::Release | Step::Reset => self.isolated = false,
            Step::Disable => self.leniency = Mode::Disabled,
            Step::Observe => self.leniency = Mode::Observing,
            Step::Enable => self.leniency = Mode::Normal,
            _ => {}
        }
        let failed = matches!(deed, Deed::Recorded(Outcome::Failure | Outcome::TimedOut));
        let by_hand = matches!(deed, Deed::Tripped | Deed::TrippedFor(_) | Deed::Isolated);
        match after.state {
            State::Closed => {}
            State::Open => {
                if before.state != State::Open || by_hand || released || failed {
                    self.since = now;
                }
            }
            State::HalfOpen => {
                if before.state == State::Open {
                    self.heard = was_due;
                } else if before.changes != after.changes || matches!(deed, Deed::Reborn(_)) {
                    self.heard = now;
                }
                if let Deed::ProbeAdmitted(_) = deed
                    && matches!(before.mode, Mode::Normal | Mode::Observing)
                {
                    self.heard = now;
                }
            }
        }
        match deed {
            Deed::Tripped if is_held => {
                self.held_until =
                    self.held_until.max(now + after.config.get(Field::RecoveryTimeout).unwrap());
            }
            Deed::TrippedFor(ms) => self.held_until = self.held_until.max(now + ms),
            Deed::Reset => self.held_until = now,
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(thorough())]

    #[test]
    fn invariant_1_a_late_result_changes_nothing_but_the_stale_count_and_that_in_flight(
        setup in setups(), steps in steps()
    ) {
        let mut life = Life::new(&setup);
        for step in &steps {
            let untouched = life.breaker.clone();
            let before = View::of(&untouched);
            let deed = life.live(step);
            let after = View::of(&life.breaker);
            let (standing, outcome) = match deed {
                Deed::Settled(call, verdict, _) => (call.standing, verdict.outcome),
                Deed::SettledForeign => (Standing::Late, Outcome::Ignored),
                _ => continue,
            };
            let mut expected = before.clone();
            expected.metrics.land();
            match standing {
                Standing::Current => {
                    prop_assert_eq!(after.metrics.stale, before.metrics.stale, "a result in time counts: {:?}", deed);
                    continue;
                }
                Standing::Late => expected.metrics.stale += 1.0,
                Standing::Unjudged => expected.metrics.count(outcome),
            }
            prop_assert_eq!(&after, &expected, "{:?}", deed);
            prop_assert_eq!(innards(&life.breaker), innards(&untouched), "{:?}", deed);
        }
    }

    #[test]
    fn invariant_2_test_requests_keep_to_their_limits_and_are_refused_at_the_limit_only(
        setup in setups(), steps in steps()
    ) {
        let mut life = Life::new(&setup);
        // Results that counted in the current half-open state, and whether its options are still those of its start.
        let (mut judged, mut as_begun) = (0, true);
        for step in &steps {
            let before = View::of(&life.breaker);
            let deed = life.live(step);
            let after = View::of(&life.breaker);
            if after.changes != before.changes {
                (judged, as_begun) = (0, true);
            } else if after.state == State::HalfOpen {
                judged += life.expired;
                match deed {
                    Deed::Settled(call, verdict, _) => {
                        let counts = call.is_current() && before.mode != Mode::Disabled;
                        judged += usize::from(counts && verdict.outcome != Outcome::Ignored);
                    }
                    Deed::Recorded(outcome) => judged += usize::from(outcome != Outcome::Ignored),
                    Deed::Set => as_begun &= after.config == before.config,
                    _ => {}
                }
            }
            if after.state != State::HalfOpen {
                continue;
            }
            if life.hold.is_some() {
                // What was granted was judged by the fleet.
                as_begun = false;
                prop_assert!(life.leases() <= 1, "{} tests of the fleet's in flight", life.leases());
                continue;
            }
            let limit = |field| after.config.get(field).unwrap() as usize;
            let (calls, at_once) = (limit(Field::HalfOpenCalls), limit(Field::HalfOpenMaxConcurrent));
            let in_flight = life.leases();
            match deed {
                Deed::Admitted(Admission::Granted(permit)) | Deed::ProbeAdmitted(Admission::Granted(permit))
                    if in_flight > 1 && permit != UNJUDGED =>
                {
                    prop_assert!(in_flight <= at_once, "{} in flight of {}", in_flight, at_once);
                    prop_assert!(in_flight + judged <= calls, "{} + {} of {}", in_flight, judged, calls);
                }
                Deed::Admitted(Admission::Refused(Refusal::BulkheadFull)) => {
                    prop_assert!(life.in_place() >= after.config.get(Field::MaxConcurrent).unwrap());
                }
                Deed::Admitted(Admission::Refused(refusal)) => {
                    prop_assert_eq!(refusal, Refusal::HalfOpenFull);
                    if !setup.probed {
                        prop_assert!(in_flight > 0, "nobody is in flight");
                        prop_assert!(in_flight >= at_once || in_flight + judged >= calls, "there was room");
                    }
                }
                _ => {}
            }
            if as_begun {
                prop_assert!(in_flight <= at_once, "{} in flight of {}", in_flight, at_once);
                prop_assert!(judged < calls, "no verdict after {} of {}", judged, calls);
            }
        }
    }

    #[test]
    fn invariant_3_nothing_wedges(setup in setups(), steps in steps()) {
        let mut life = Life::new(&setup);
        for step in &steps {
            life.live(step);
            let now = life.working_clock();
            let asked = unswitched(&life, now);
            // A fleet that is not heard of has its word until then.
            let later = after(now, life.stale_span());
            let mut heard = asked.clone();
            heard.check(now, NO_CHANCE);
            prop_assert!(admits_soon(&heard, setup.probed, later), "nobody was admitted: {:?}", asked);
        }
        let now = life.working_clock();
        let mut breaker = unswitched(&life, now);
        breaker.check(now, NO_CHANCE);
        prop_assert!(closes_in_the_end(&breaker, setup.probed, now + life.stale_span()), "{:?}", breaker);
    }

    #[test]
    fn invariant_4_an_open_circuit_refuses_to_the_millisecond_and_admits_then(
        setup in setups(), steps in steps_in_time().prop_map(without_fleet)
    ) {
        let mut life = Life::new(&setup);
        let mut watch = Watch::new();
        for step in &steps {
            let now = life.now();
            let before = View::of(&life.breaker);
            let in_place = life.in_place();
            let due = watch.since + before.open_time;
            let is_due = now >= due && !watch.isolated;
            let is_held = life.hold.is_some();
            let deed = life.live(step);
            let after = View::of(&life.breaker);
            watch.see(&before, step, deed, &after, now, is_held);
            if before.state == State::Open {
                let full = in_place >= before.config.get(Field::MaxConcurrent).unwrap_or(f64::INFINITY);
                match (deed, before.mode) {
                    (Deed::Admitted(answer), Mode::Disabled) => {
                        prop_assert_eq!(answer, Admission::Granted(UNJUDGED));
                        prop_assert_eq!(after.state, State::Open);
                    }
                    (Deed::Admitted(answer), Mode::Isolated) => {
                        prop_assert_eq!(answer, Admission::Refused(Refusal::Isolated));
                        prop_assert_eq!(after.state, State::Open);
                    }
                    (Deed::Admitted(answer), mode) => {
                        // Whether the probe is lost, and so has less time, is invariant 14's affair.
                        let patience = before.config.get(Field::HalfOpenTimeout).unwrap();
                        let tests = matches!(answer, Admission::Granted(permit) if permit != UNJUDGED);
                        let left_alone = now - due >= patience || tests && now - due >= patience.min(100.0);
                        let passes = is_due && !full && (!setup.probed || left_alone);
                        let expected = match answer {
                            Admission::Granted(permit) if passes => {
                                prop_assert!(permit != UNJUDGED, "due at {}, at {}", due, now);
                                answer
                            }
                            _ if mode == Mode::Observing => Admission::Granted(UNJUDGED),
                            _ if !is_due => Admission::Refused(Refusal::Open),
                            _ if full => Admission::Refused(Refusal::BulkheadFull),
                            _ => Admission::Refused(Refusal::HalfOpenFull),
                        };
                        prop_assert_eq!(answer, expected, "due at {}, at {}", due, now);
                        prop_assert!(!passes || answer != Admission::Refused(Refusal::HalfOpenFull));
                        prop_assert_eq!(after.state == State::HalfOpen, is_due);
                    }
                    (Deed::ProbeAdmitted(answer), mode) => {
                        let asks = matches!(mode, Mode::Normal | Mode::Observing);
                        prop_assert_eq!(matches!(answer, Admission::Granted(_)), asks && is_due);
                        prop_assert_eq!(after.state == State::HalfOpen, asks && is_due);
                    }
                    (Deed::Checked, _) => prop_assert_eq!(after.state == State::HalfOpen, is_due),
                    (Deed::Reset, _) => prop_assert_eq!(after.state, State::Closed),
                    _ => prop_assert_eq!(after.state, State::Open, "{:?}", deed),
                }
            }
            if after.state == State::Open {
                let recovery = after.config.get(Field::RecoveryTimeout).unwrap();
                let own = match deed {
                    Deed::Tripped | Deed::Isolated => Some(recovery),
                    Deed::TrippedFor(_) => Some(0.0),
                    Deed::Released if watch.since == now && before.open_time != after.open_time => Some(0.0),
                    _ => None,
                };
                if let Some(own) = own {
                    prop_assert_eq!(after.open_time, watch.held(now).max(own));
                }
                let now = life.now();
                let left = (after.open_time - (now - watch.since)).max(0.0);
                let left = if watch.isolated { f64::INFINITY } else { left };
                prop_assert_eq!(life.breaker.probe_after(now), left);
                if left > 0.0 || !setup.probed {
                    prop_assert_eq!(life.breaker.retry_after(now), left);
                }
            }
        }
    }

    #[test]
    fn invariant_12_each_switch_is_ended_by_its_opposite_alone_and_disabling_outranks_isolation_which_outranks_observing(
        setup in setups(), steps in steps()
    ) {
        let mut life = Life::new(&setup);
        let mut watch = Watch::new();
        for step in &steps {
            let before = View::of(&life.breaker);
            let is_held = life.hold.is_some();
            let deed = life.live(step);
            let after = View::of(&life.breaker);
            watch.see(&before, step, deed, &after, life.now(), is_held);
            prop_assert_eq!(after.mode, watch.mode(), "after {:?}", step);
            prop_assert!(!watch.isolated || after.state == State::Open, "isolated and {:?}", after.state);
            // What is beneath shows once what is above has ended.
            let mut bare = life.breaker.clone();
            bare.enable();
            prop_assert_eq!(bare.mode(), if watch.isolated { Mode::Isolated } else { Mode::Normal });
            let mut free = life.breaker.clone();
            free.release(life.now());
            prop_assert_eq!(free.mode(), watch.leniency);
            if let Deed::Admitted(answer) = deed {
                match watch.mode() {
                    Mode::Isolated => prop_assert_eq!(answer, Admission::Refused(Refusal::Isolated)),
                    Mode::Disabled | Mode::Observing => {
                        prop_assert!(matches!(answer, Admission::Granted(_)), "{:?}", answer);
                    }
                    Mode::Normal => prop_assert!(answer != Admission::Granted(UNJUDGED)),
                }
            }
        }
    }

    #[test]
    fn invariant_13_a_circuit_opened_by_hand_for_a_time_refuses_until_then_and_what_comes_after_does_not_know_of_it(
        setup in setups(), steps in steps_in_time(), ms in 0..10_000_u32
    ) {
        let mut life = Life::new(&setup);
        let mut watch = Watch::new();
        for step in &steps {
            let before = View::of(&life.breaker);
            let now = life.now();
            let is_held = life.hold.is_some();
            let deed = life.live(step);
            let after = View::of(&life.breaker);
            watch.see(&before, step, deed, &after, now, is_held);
            if watch.held(now) > 0.0 {
                prop_assert_eq!(after.state, State::Open, "{} ms too early, by {:?}", watch.held(now), step);
            }

            let now = life.now();
            let mut tripped = at_liberty(&life, now);
            let mut other = tripped.clone();
            let ms = f64::from(ms) / 2.0;
            prop_assert_eq!(tripped.trip_for(ms, now), Ok(()));
            let until = watch.held(now).max(ms);
            prop_assert_eq!(tripped.open_time(), until);
            if until > 0.0 {
                prop_assert_eq!(tripped.check(now + until - 0.5, NO_CHANCE), State::Open);
            }
            prop_assert_eq!(tripped.check(now + until, NO_CHANCE), State::HalfOpen);
            // From there on it is as if it had been opened by hand without a time of its own.
            other.trip(now);
            let later = now + other.open_time().max(until);
            prop_assert_eq!(other.check(later, NO_CHANCE), State::HalfOpen);
            tripped.check(later, NO_CHANCE);
            for breaker in [&mut tripped, &mut other] {
                breaker.record(Outcome::Failure, later, 1.0);
            }
            prop_assert_eq!(tripped.open_time(), other.open_time());
            prop_assert_eq!(View::of(&tripped), View::of(&other));
        }
    }

    #[test]
    fn invariant_14_callers_test_once_the_probe_has_not_asked_for_one_half_open_timeout_and_not_before(
        setup in setups(), steps in steps_in_time().prop_map(without_fleet)
    ) {
        let setup = Setup { probed: true, ..setup };
        let mut life = Life::new(&setup);
        let mut watch = Watch::new();
        for step in &steps {
            let before = View::of(&life.breaker);
            let (now, leases) = (life.now(), life.leases());
            let is_held = life.hold.is_some();
            let deed = life.live(step);
            let after = View::of(&life.breaker);
            watch.see(&before, step, deed, &after, now, is_held);
            if after.state == State::Closed || matches!(deed, Deed::Reborn(_)) {
                watch.probe_is_lost = false;
            }
            watch.probe_is_lost |= life.expired > 0;
            if after.state != State::HalfOpen {
                continue;
            }
            let patience = after.config.get(Field::HalfOpenTimeout).unwrap();
            let patience = if watch.probe_is_lost { patience.min(100.0) } else { patience };
            let is_left = now - watch.heard >= patience;
            match deed {
                Deed::ProbeAdmitted(Admission::Granted(_)) => watch.probe_is_lost = false,
                Deed::Admitted(Admission::Granted(permit)) if permit != UNJUDGED => {
                    prop_assert!(is_left, "the probe asked at {}, and a caller tests at {}", watch.heard, now);
                    watch.probe_is_lost = true;
                }
                Deed::Admitted(Admission::Refused(Refusal::HalfOpenFull)) if leases == 0 => {
                    prop_assert!(!is_left, "the probe has not asked since {}, and nobody tests at {}", watch.heard, now);
                }
                _ => {}
            }
        }
    }

    #[test]
    fn invariant_15_who_is_refused_is_told_to_wait_and_who_is_not_told_to_is_not_refused(
        setup in setups(), steps in steps()
    ) {
        let mut life = Life::new(&setup);
        for step in &steps {
            life.live(step);
            for now in [life.now(), life.now() + 0.5, life.now() + 1000.0, f64::NAN, f64::INFINITY] {
                let mut asked = life.breaker.clone();
                let hint = asked.retry_after(now);
                asked.enable();
                let answer = asked.admit(now, life.random);
                let told = asked.retry_after(now);
                match answer {
                    Admission::Refused(Refusal::BulkheadFull) => {}
                    Admission::Refused(refusal) => {
                        prop_assert!(hint > 0.0, "{:?} at {} after {} ms", refusal, now, hint);
                        prop_assert!(told > 0.0, "{:?} at {}", refusal, now);
                        let stage = asked.stage(now);
                        match refusal {
                            Refusal::Isolated => prop_assert_eq!(told, f64::INFINITY),
                            Refusal::Undecided => prop_assert!((1.0..=250.0).contains(&told), "{}", told),
                            _ if matches!(stage, Stage::Held | Stage::Due) => {
                                prop_assert!(stage == Stage::Held || told <= 250.0, "{}", told);
                                let idle = life.leases() == 0 && life.grant.is_none();
                                if now.is_finite() && stage == Stage::Held && idle {
                                    prop_assert!(asked.stage(after(now, told)) != Stage::Held, "after {} ms", told);
                                    prop_assert!(told < 0.5 || asked.stage(now + told - 0.5) != Stage::Due);
                                }
                            }
                            Refusal::HalfOpenFull => prop_assert!((1.0..=1000.0).contains(&told), "{}", told),
                            _ if now.is_finite() => {
                                // Told the truth, and nobody has to wait longer.
                                let later = asked.check(now + told, NO_CHANCE);
                                prop_assert_eq!(later, State::HalfOpen, "after {} ms", told);
                            }
                            _ => {}
                        }
                    }
                    Admission::Granted(_) => {
                        let is_near = hint <= 1000.0;
                        prop_assert!(is_near, "told to wait {} ms, and let through at {}", hint, now);
                    }
                }
            }
        }
    }

    #[test]
    fn the_open_time_is_the_recovery_time_grown_by_backoff_less_jitter_or_what_a_failure_asked_for(
        setup in setups(), steps in steps()
    ) {
        let mut life = Life::new(&setup);
        for step in &steps {
            let before = View::of(&life.breaker);
            let deed = life.live(step);
            let after = View::of(&life.breaker);
            let recovery = after.config.get(Field::RecoveryTimeout).unwrap();
            let verdict = match deed {
                Deed::Settled(_, verdict, _) => verdict,
                // A test request expired, or a failure was recorded by hand.
                Deed::Admitted(_) | Deed::ProbeAdmitted(_) | Deed::Checked | Deed::Recorded(_) => Outcome::Failure.into(),
                _ => continue,
            };
            if after.state != State::Open || before.state == State::Open {
                continue;
            }
            let longest_asked = after.config.get(Field::MaxRetryAfter).unwrap();
            // A slow success opens as well, but asks for nothing.
            let asks = is_failure(verdict.outcome);
            let asked = if asks { verdict.retry_after.clamp(0.0, longest_asked) } else { f64::NAN };
            let grown = match after.config.get(Field::BackoffFactor) {
                None => recovery,
                Some(factor) => {
                    let row = i32::from(after.failed_recoveries);
                    let longest = after.config.get(Field::BackoffMax).unwrap().max(recovery);
                    (recovery * factor.powi(row)).min(longest)
                }
            };
            let jitter = after.config.get(Field::BackoffJitter).unwrap_or(0.0);
            let share = jitter * if (0.0..=1.0).contains(&life.random) { life.random } else { 0.0 };
            let own = grown * (1.0 - share);
            let is_pause = verdict.trips && !asked.is_nan();
            let expected = if is_pause || asked > own { asked * (1.0 + share) } else { own };
            prop_assert_eq!(after.open_time, expected, "{:?}", deed);
            if is_pause {
                prop_assert_eq!(after.failed_recoveries, before.failed_recoveries, "a pause is no failed recovery");
            }
        }
    }

    #[test]
    fn invariant_5_every_call_that_asked_stands_in_exactly_one_count(setup in setups(), steps in steps()) {
        let mut life = Life::new(&setup);
        let mut ledger = Ledger::default();
        let (mut asked, mut expired, mut lost) = (0, 0, 0.0);
        for step in steps.iter().filter(|step| !matches!(step, Step::SettleForeign(..))) {
            let before = View::of(&life.breaker);
            match life.live(step) {
                Deed::Admitted(answer) => {
                    asked += 1;
                    match answer {
                        Admission::Granted(permit) => {
                            ledger.in_flight += 1.0;
                            if permit == UNJUDGED && before.mode == Mode::Observing {
                                ledger.would_reject += 1.0;
                            }
                        }
                        Admission::Refused(refusal) => ledger.refuse(refusal),
                    }
                }
                // Nobody is refused when the probe is.
                Deed::ProbeAdmitted(Admission::Granted(_)) => {
                    asked += 1;
                    ledger.in_flight += 1.0;
                }
                Deed::Settled(call, verdict, _) => {
                    ledger.land();
                    if call.standing == Standing::Late {
                        ledger.stale += 1.0;
                    } else {
                        ledger.count(verdict.outcome);
                    }
                }
                Deed::Reborn(calls) => {
                    ledger.in_flight = Default::default();
                    lost += calls as f64;
                }
                _ => {}
            }
            for _ in 0..life.expired {
                ledger.failed += 1.0;
                expired += 1;
            }
            prop_assert_eq!(&Ledger::from(&life.breaker), &ledger, "after {:?}", step);
            prop_assert_eq!(ledger.in_flight, life.in_flight.len() as f64);
            prop_assert_eq!(life.breaker.metrics().total() + ledger.in_flight + lost, f64::from(asked + expired));
        }
    }

    #[test]
    fn once_every_call_has_ended_none_is_in_flight_and_a_test_request_ends_once(
        setup in setups(), steps in steps()
    ) {
        let mut life = Life::new(&setup);
        for step in steps.iter().filter(|step| !matches!(step, Step::SettleForeign(..))) {
            life.live(step);
        }
        let now = life.now();
        let mut twice = life.breaker.clone();
        for Call { permit, lease, .. } in life.in_flight.drain(..) {
            life.breaker.settle(permit, Outcome::Ignored.into(), f64::NAN, now, NO_CHANCE);
            if lease.is_some() {
                twice.settle(permit, Outcome::Ignored.into(), f64::NAN, now, NO_CHANCE);
                let once = twice.clone();
                twice.settle(permit, Outcome::Failure.into(), f64::NAN, now, NO_CHANCE);
                prop_assert_eq!(innards(&twice), innards(&once));
                prop_assert_eq!(twice.metrics().stale.get(), once.metrics().stale.get() + 1.0);
            }
        }
        prop_assert_eq!(life.breaker.metrics().in_flight.get(), 0.0);
        prop_assert_eq!(life.breaker.test_expires_after(now), f64::INFINITY);
    }

    #[test]
    fn invariant_6_reading_changes_nothing(setup in setups(), steps in steps(), time in -1e6..1e7_f64) {
        let mut life = Life::new(&setup);
        let mut unread = Life::new(&setup);
        for step in &steps {
            for at in [time, life.now(), f64::NAN, f64::INFINITY] {
                read_everything(&mut life.breaker, at);
            }
            life.live(step);
            unread.live(step);
        }
        read_everything(&mut life.breaker, time);
        prop_assert_eq!(View::of(&life.breaker), View::of(&unread.breaker));
        prop_assert_eq!(innards(&life.breaker), innards(&unread.breaker));
    }

    #[test]
    fn invariant_7_no_clock_moves_a_state_by_nonsense_or_a_deadline_beyond_its_span(
        setup in setups(), steps in steps()
    ) {
        let mut life = Life::new(&setup);
        for step in &steps {
            life.live(step);

            let before = View::of(&life.breaker);
            for nonsense in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut asked = life.breaker.clone();
                asked.check(nonsense, NO_CHANCE);
                prop_assert_eq!(&View::of(&asked), &before, "a check at {}", nonsense);
                prop_assert_eq!(innards(&asked), innards(&life.breaker));
                // An admission may give a lease or count a refusal; it moves no state, but by what a fleet grants, which is no matter of time.
                asked.take_back();
                let _ = asked.admit(nonsense, NO_CHANCE);
                let _ = asked.admit_probe(nonsense, NO_CHANCE);
                prop_assert_eq!(asked.state(), before.state, "an admission at {}", nonsense);
            }

            let now = life.now();
            let mut later = life.breaker.clone();
            if !now.is_finite() || later.probe_after(now) == f64::INFINITY {
                continue;
            }
            // A verdict of a fleet's moves no deadline beyond its own span, and no other.
            let asked = later.probe_after(now);
            let longest = life.hold.map_or(0.0, |hold| hold.due.max(250.0));
            prop_assert!(!matches!(later.stage(now), Stage::Held | Stage::Due) || asked <= longest.max(before.open_time), "{} ms of {}", asked, longest);
            later.leave_fleet();
            let left = if before.state == State::Open { later.probe_after(now) } else { 0.0 };
            prop_assert!((0.0..=before.open_time).contains(&left), "{} ms left", left);
            match later.check(now, NO_CHANCE) {
                State::Closed => {}
                State::Open => {
                    let state = later.check(now + later.open_time(), NO_CHANCE);
                    prop_assert_eq!(state, State::HalfOpen, "still open after a whole open time");
                }
                State::HalfOpen => {
                    let (held, judged) = (leases_held(&later), later.metrics().failed.get());
                    later.check(now + option(&later, Field::HalfOpenTimeout), NO_CHANCE);
                    prop_assert_eq!(later.metrics().failed.get() - judged, held, "a lease outlived its span");
                }
            }
        }
    }

    #[test]
    fn invariant_8_one_call_after_another_it_is_the_textbook_class(
        failures in 1..5_u32, recovery in 0..3000_u32, successes in 1..4_u32, deeds in vec(textbook_deeds(), 0..60)
    ) {
        let [failures, recovery, successes] = [failures, recovery, successes].map(f64::from);
        let mut textbook = Textbook::new(failures, recovery, successes);
        let mut breaker = crate::worked::breaker(&[
            (Field::FailureThreshold, failures),
            (Field::RecoveryTimeout, recovery),
            (Field::SuccessThreshold, successes),
        ]);
        let mut now = 1_700_000_000_000.0;
        for deed in &deeds {
            match *deed {
                TextbookDeed::Call(succeeds) => {
                    let expected = textbook.call(succeeds, now);
                    match breaker.admit(now, NO_CHANCE) {
                        Admission::Granted(permit) => {
                            prop_assert_eq!(expected, Ok(()));
                            let outcome = if succeeds { Outcome::Success } else { Outcome::Failure };
                            breaker.settle(permit, outcome.into(), f64::NAN, now, NO_CHANCE);
                        }
                        Admission::Refused(refusal) => {
                            prop_assert_eq!(refusal, Refusal::Open);
                            prop_assert_eq!(expected, Err(breaker.retry_after(now)));
                        }
                    }
                }
                TextbookDeed::Check => prop_assert_eq!(as_textbook(breaker.check(now, NO_CHANCE)), textbook.check_state(now)),
                TextbookDeed::RecordSuccess => {
                    textbook.record_success();
                    breaker.record(Outcome::Success, now, NO_CHANCE);
                }
                TextbookDeed::RecordFailure => {
                    textbook.record_failure(now);
                    breaker.record(Outcome::Failure, now, NO_CHANCE);
                }
                TextbookDeed::Trip => {
                    textbook.trip_by_hand(now);
                    breaker.trip(now);
                }
                TextbookDeed::Reset => {
                    textbook.reset();
                    breaker.reset(now);
                }
                TextbookDeed::FailureThreshold(count) => {
                    textbook.failure_threshold = count;
                    prop_assert_eq!(breaker.set(Field::FailureThreshold, count), Ok(()));
                }
                TextbookDeed::SuccessThreshold(count) => {
                    textbook.success_threshold = count;
                    prop_assert_eq!(breaker.set(Field::SuccessThreshold, count), Ok(()));
                }
                TextbookDeed::RecoveryTimeout(ms) => {
                    textbook.recovery_timeout = ms;
                    prop_assert_eq!(breaker.set(Field::RecoveryTimeout, ms), Ok(()));
                }
                TextbookDeed::Wait(ms) => now += ms,
                TextbookDeed::WaitForRetryAnd(ms) => now += (breaker.retry_after(now) + ms).max(0.0),
            }
            prop_assert_eq!(as_textbook(breaker.state()), textbook.state, "after {:?}", deed);
            prop_assert_eq!(breaker.failure_count(), textbook.failure_count, "after {:?}", deed);
            prop_assert_eq!(breaker.success_count(), textbook.success_count, "after {:?}", deed);
            prop_assert_eq!(breaker.last_failure_time(), textbook.last_failure_time, "after {:?}", deed);
        }
    }

    #[test]
    fn invariant_9_the_window_counts_what_a_list_of_its_calls_counts(setup in setups(), steps in steps()) {
        let mut life = Life::new(&setup);
        let list = List::new(&setup.config);
        prop_assert_eq!(list.is_some(), life.breaker.window(life.now()).is_some());
        let Some(mut list) = list else { return Ok(()) };
        for step in &steps {
            let (now, before) = (life.now(), View::of(&life.breaker));
            let deed = life.live(step);
            let after = View::of(&life.breaker);
            if before.state == State::Closed {
                let is_slow = |elapsed: f64| before.config.get(Field::SlowCallDuration).is_some_and(|slow| elapsed >= slow);
                match deed {
                    Deed::Settled(call, verdict, elapsed)
                        if call.is_current() && before.mode != Mode::Disabled && verdict.outcome != Outcome::Ignored =>
                    {
                        list.push(is_failure(verdict.outcome), is_slow(elapsed), now);
                    }
                    Deed::Recorded(outcome) if outcome != Outcome::Ignored => list.push(is_failure(outcome), false, now),
                    _ => {}
                }
            }
            match deed {
                Deed::Reset => list.clear(),
                Deed::Reborn(_) => list.reborn(now),
                _ if before.state != State::Closed && after.state == State::Closed => list.clear(),
                _ => {}
            }
            let now = life.now();
            for at in [now, now + 0.5, now + 100.0, now + 1000.0, now - 1.0, f64::NAN] {
                let counts = life.breaker.window(at).unwrap();
                prop_assert_eq!((counts.calls, counts.failures, counts.slow), list.counts(at), "at {}", at);
            }
        }
    }

    #[test]
    fn a_window_of_time_holds_every_call_of_all_but_one_part_of_it_and_none_that_is_older_than_the_whole(
        duration in 1..5000_u32, buckets in 1..20_u32, calls in vec((any::<bool>(), 0..2000_u32), 0..80)
    ) {
        let (duration, buckets) = (f64::from(duration) / 7.0, f64::from(buckets));
        let mut breaker = crate::worked::breaker(&[
            (Field::WindowDuration, duration),
            (Field::WindowBuckets, buckets),
            (Field::FailureRate, 1.0),
            (Field::MinimumCalls, 1e9),
        ]);
        let mut times = Vec::new();
        let mut now = 0.0;
        for (fails, gap) in calls {
            now += f64::from(gap) / 11.0;
            breaker.record(if fails { Outcome::Failure } else { Outcome::Success }, now, NO_CHANCE);
            times.push(now);
            let counted = breaker.window(now).unwrap().calls as usize;
            // A hair's breadth for the rounding of quotients.
            let within = |ms: f64| times.iter().filter(|time| now - **time < ms).count();
            prop_assert!(counted >= within(duration - duration / buckets - 1e-6), "{} calls", counted);
            prop_assert!(counted <= within(duration + 1e-6), "{} calls", counted);
        }
    }

    #[test]
    fn invariant_10_a_snapshot_carried_on_behaves_as_the_old_breaker_would_have(
        setup in setups(), early in steps_in_time(), late in steps_in_time(), away in select(vec![0.0, 0.5, 100.0, 5000.0])
    ) {
        // A window that forgets with time differs from now on: that has properties of its own.
        if setup.breaker().needs_time_of_success() {
            return Ok(());
        }
        // A probe of another process is trusted anew, whatever became of this one's.
        let setup = Setup { probed: false, ..setup };
        let mut old = Life::new(&setup);
        for step in &early {
            old.live(step);
        }
        let now = old.now();
        for call in old.in_flight.drain(..) {
            old.breaker.settle(call.permit, Outcome::Ignored.into(), f64::NAN, now, NO_CHANCE);
        }
        while old.breaker.take_transition().is_some() {}
        // The verdict of a fleet is not carried on.
        old.leave_fleet();

        let saved = through_json(&old.breaker.snapshot(ORIGIN, now));
        let setup = Setup { config: old.breaker.config().clone(), ..setup };
        let mut new = Life::new(&setup);
        // Another clock: its zero lies elsewhere, and it is later there.
        let (origin, later) = (ORIGIN + away, now);
        prop_assert_eq!(new.breaker.restore(&saved, origin, later), Some(()));
        new.set_time(later);
        new.random = old.random;
        // The old one's clock is later by as much; its times are shifted by that.
        old.set_time(now + away);
        for step in &late {
            let deeds = (old.live(step), new.live(step));
            let (mut then, mut other) = (View::of(&old.breaker), View::of(&new.breaker));
            then.last_failure_time = then.last_failure_time.map(|time| time - away);
            prop_assert_eq!(deeds.0.answer(), deeds.1.answer(), "{:?}", step);
            // Permits are numbered anew and calls in flight were none.
            other.metrics.in_flight = then.metrics.in_flight;
            // Asked for at times of either clock.
            other.stages = then.stages;
            prop_assert_eq!(old.breaker.stage(old.now()), new.breaker.stage(new.now()));
            prop_assert_eq!(then, other, "after {:?}", step);
            prop_assert_eq!(old.breaker.retry_after(old.now()), new.breaker.retry_after(new.now()));
            prop_assert_eq!(old.breaker.window(0.0), new.breaker.window(0.0));
        }
    }

    #[test]
    fn invariant_10_a_window_of_time_carried_on_forgets_a_call_at_most_one_part_later(
        setup in setups(), early in steps_in_time(), away in 0..3000_u32, after in vec(0..3000_u32, 1..5)
    ) {
        if !setup.has(Field::WindowDuration) {
            return Ok(());
        }
        let mut old = Life::new(&setup);
        for step in &early {
            old.live(step);
        }
        let now = old.now();
        let saved = through_json(&old.breaker.snapshot(ORIGIN, now));
        let mut new = Setup { config: old.breaker.config().clone(), ..setup }.breaker();
        let away = f64::from(away) / 2.0;
        prop_assert_eq!(new.restore(&saved, ORIGIN + away, now), Some(()));
        let part = option(&new, Field::WindowDuration) / option(&new, Field::WindowBuckets);
        let mut later = 0.0;
        for ms in after {
            let counted = new.window(now + later).unwrap().calls;
            let exact = |ms: f64| old.breaker.window(now + away + later - ms).unwrap().calls;
            prop_assert!(exact(0.0) <= counted, "{} at {}", counted, later);
            prop_assert!(counted <= exact((2.0 * part).min(away + later)), "{} at {}", counted, later);
            later += f64::from(ms) / 2.0;
        }
    }

    #[test]
    fn invariant_10_under_other_options_it_is_as_if_they_had_been_written_while_the_breaker_ran(
        setup in setups(), steps in steps(), written in vec(settings(), 1..6), random in select(vec![0.0, 0.5, 1.0])
    ) {
        let mut life = Life::new(&setup);
        for step in &steps {
            life.live(step);
        }
        let now = life.working_clock();
        let saved = through_json(&life.breaker.snapshot(ORIGIN, now));
        let setup = Setup { config: life.breaker.config().clone(), ..setup };
        let mut before = setup.breaker();
        prop_assert_eq!(before.restore(&saved, ORIGIN, now), Some(()));
        for step in &written {
            let Step::Set(field, value) = step else { continue };
            // When a call is slow is no matter of today alone.
            if *field != Field::SlowCallDuration {
                let _ = before.set(*field, *value);
            }
        }
        let mut after = Setup { config: before.config().clone(), ..setup }.breaker();
        prop_assert_eq!(after.restore(&saved, ORIGIN, now), Some(()));
        for later in [0.0, 0.5, 1000.0, 60_000.0, 1e6] {
            let now = now + later;
            prop_assert_eq!(after.retry_after(now), before.retry_after(now));
            prop_assert_eq!(after.check(now, random), before.check(now, random));
            prop_assert_eq!(after.admit(now, random), before.admit(now, random));
            after.record(Outcome::Failure, now, random);
            before.record(Outcome::Failure, now, random);
            prop_assert_eq!(View::of(&after), View::of(&before));
            prop_assert_eq!(innards(&after), innards(&before));
        }
    }

    #[test]
    fn invariant_10_under_other_options_a_snapshot_is_refused_or_makes_a_breaker_that_works(
        setup in setups(), other in setups(), early in steps(), late in steps()
    ) {
        let mut life = Life::new(&setup);
        for step in &early {
            life.live(step);
        }
        let saved = through_json(&life.breaker.snapshot(ORIGIN, life.working_clock()));
        let mut heir = Life::new(&other);
        heir.set_time(life.working_clock());
        if heir.breaker.restore(&saved, ORIGIN, heir.now()).is_none() {
            // A window that can't be carried over is no matter where it is not looked at, nor where there is none.
            prop_assert_eq!(life.breaker.state(), State::Closed);
            prop_assert!(heir.breaker.window(0.0).is_some());
            return Ok(());
        }
        let (then, now) = (View::of(&life.breaker), View::of(&heir.breaker));
        prop_assert_eq!((then.state, then.mode, then.failure_count), (now.state, now.mode, now.failure_count));
        for step in &late {
            heir.live(step);
            let now = heir.working_clock();
            prop_assert!(admits_soon(&at_liberty(&heir, now), other.probed, now), "nobody was admitted: {:?}", heir.breaker);
        }
        let now = heir.working_clock();
        prop_assert!(closes_in_the_end(&at_liberty(&heir, now), other.probed, now), "{:?}", heir.breaker);
    }

    #[test]
    fn invariant_10_a_window_under_other_options_counts_the_calls_that_it_would_have_seen_or_is_refused(
        setup in setups(), other in setups(), steps in steps_in_time(), away in 0..3000_u32
    ) {
        let mut life = Life::new(&setup);
        // All calls of the current closed state: whether they failed, how long they took, when they ended.
        let mut calls = Vec::new();
        let kept = |step: &&Step| !matches!(step, Step::Reborn | Step::Set(Field::SlowCallDuration, _));
        for step in steps.iter().filter(kept) {
            let (now, before) = (life.now(), View::of(&life.breaker));
            let deed = life.live(step);
            let after = View::of(&life.breaker);
            match deed {
                Deed::Settled(call, verdict, elapsed)
                    if call.is_current() && before.mode != Mode::Disabled && verdict.outcome != Outcome::Ignored =>
                {
                    calls.push((is_failure(verdict.outcome), elapsed, now));
                }
                Deed::Recorded(outcome) if outcome != Outcome::Ignored => calls.push((is_failure(outcome), f64::NAN, now)),
                _ => {}
            }
            if after.state != State::Closed || before.state != State::Closed || matches!(deed, Deed::Reset) {
                calls.clear();
            }
        }
        if life.breaker.state() != State::Closed {
            return Ok(());
        }
        let (now, away) = (life.now(), f64::from(away) / 2.0);
        let saved = through_json(&life.breaker.snapshot(ORIGIN, now));
        let mut heir = other.breaker();
        let option = |breaker: &Breaker, field| breaker.config().get(field);
        let size = |breaker: &Breaker| option(breaker, Field::WindowSize).map(|size| size as usize);
        if heir.restore(&saved, ORIGIN + away, now).is_none() {
            let same = [Field::WindowSize, Field::WindowDuration, Field::WindowBuckets, Field::SlowCallDuration]
                .iter()
                .all(|field| option(&heir, *field) == option(&life.breaker, *field));
            prop_assert!(!same, "refused the same window");
            if let (Some(was), Some(is), None) = (size(&life.breaker), size(&heir), option(&heir, Field::SlowCallDuration)) {
                prop_assert!(is > was && calls.len() >= was, "{} calls of {} for {}", calls.len(), was, is);
            }
            return Ok(());
        }
        let Some(counts) = heir.window(now) else { return Ok(()) };
        let is_slow = |elapsed: f64| option(&heir, Field::SlowCallDuration).is_some_and(|slow| elapsed >= slow);
        let count = |calls: &[(bool, f64, f64)]| {
            let slow = calls.iter().filter(|call| is_slow(call.1)).count();
            (calls.len(), calls.iter().filter(|call| call.0).count(), slow)
        };
        let counted = (counts.calls as usize, counts.failures as usize, counts.slow as usize);
        let judges_slow = option(&heir, Field::SlowCallDuration).is_some();
        if let Some(size) = size(&heir) {
            let expected = count(&calls[calls.len().saturating_sub(size)..]);
            prop_assert_eq!((counted.0, counted.1), (expected.0, expected.1));
            prop_assert!(!judges_slow || counted.2 == expected.2, "{} slow, not {}", counted.2, expected.2);
        } else {
            // To within a part of the window as it was: where in it a call came is not known.
            let part = option(&life.breaker, Field::WindowDuration).unwrap() / option(&life.breaker, Field::WindowBuckets).unwrap();
            let duration = option(&heir, Field::WindowDuration).unwrap();
            let within = |ms: f64| {
                let young: Vec<_> = calls.iter().filter(|call| now + away - call.2 < ms).copied().collect();
                count(&young)
            };
            let (least, most) = (within(duration - part), within(duration + part));
            prop_assert!(least.0 <= counted.0 && counted.0 <= most.0, "{:?}, not {:?} to {:?}", counted, least, most);
            prop_assert!(least.1 <= counted.1 && counted.1 <= most.1, "{:?}, not {:?} to {:?}", counted, least, most);
            prop_assert!(!judges_slow || least.2 <= counted.2 && counted.2 <= most.2, "{:?}, not {:?} to {:?}", counted, least, most);
        }
    }

    #[test]
    fn invariant_10_a_snapshot_is_made_of_numbers_that_json_can_carry(setup in setups(), steps in steps()) {
        let mut life = Life::new(&setup);
        for step in &steps {
            life.live(step);
            let saved = life.breaker.snapshot(ORIGIN, life.now());
            prop_assert!(saved.iter().all(|number| number.is_finite() || number.is_nan()), "{:?}", saved);
        }
    }

    #[test]
    fn invariant_10_a_snapshot_that_was_tampered_with_is_refused_or_makes_a_breaker_that_works(
        setup in setups(), early in steps(), tampering in vec(tamperings(), 1..3), late in steps()
    ) {
        let mut life = Life::new(&setup);
        for step in &early {
            life.live(step);
        }
        let mut saved = life.breaker.snapshot(ORIGIN, life.working_clock());
        for how in tampering {
            how.apply(&mut saved);
        }
        let setup = Setup { config: life.breaker.config().clone(), ..setup };
        let mut heir = Life::new(&setup);
        heir.set_time(life.working_clock());
        if heir.breaker.restore(&saved, ORIGIN, heir.now()).is_none() {
            return Ok(());
        }
        for step in late.iter().filter(|step| !matches!(step, Step::Reborn)) {
            heir.live(step);
            let now = heir.working_clock();
            let asked = at_liberty(&heir, now);
            prop_assert!(admits_soon(&asked, setup.probed, now), "nobody was admitted: {:?}", asked);
        }
        let now = heir.working_clock();
        let breaker = at_liberty(&heir, now);
        prop_assert!(closes_in_the_end(&breaker, setup.probed, now), "{:?}", breaker);
    }

    #[test]
    fn invariant_16_while_a_fleet_holds_a_circuit_its_grants_alone_admit_calls_one_each_and_nothing_else_closes_it(
        setup in setups(), steps in steps_in_time()
    ) {
        let mut life = Life::new(&setup);
        let mut watch = Watch::new();
        for step in &steps {
            let (now, before) = (life.now(), View::of(&life.breaker));
            let (stage, is_held, leases) = (life.breaker.stage(now), life.hold.is_some(), life.leases());
            let grant = life.grant.filter(|since| now - since < life.lease && watch.held(now) == 0.0);
            let in_place = life.in_place();
            let left_to_probe = setup.probed;
            let deed = life.live(step);
            let after = View::of(&life.breaker);
            watch.see(&before, step, deed, &after, now, is_held);
            let stands = matches!(stage, Stage::Held | Stage::Due);
            if !stands {
                prop_assert!(!life.was_undecided, "nobody is to be asked at stage {:?}", stage);
                continue;
            }
            let over = life.expired > 0;
            match deed {
                Deed::Admitted(Admission::Granted(permit)) if permit != UNJUDGED => {
                    prop_assert!(grant.is_some() && !over, "let through without a grant");
                    prop_assert_eq!((leases, life.leases()), (0, 1));
                    prop_assert_eq!(after.state, State::HalfOpen);
                }
                Deed::ProbeAdmitted(Admission::Granted(_)) => prop_assert!(grant.is_some() && leases == 0),
                Deed::Admitted(Admission::Refused(refusal)) => {
                    let full = in_place >= before.config.get(Field::MaxConcurrent).unwrap_or(f64::INFINITY);
                    let is_due = stage == Stage::Due && !over;
                    let is_asked = is_due && leases == 0 && grant.is_none() && !full && before.mode == Mode::Normal;
                    // A test that expired just now leaves the circuit in another place.
                    prop_assert!(over || life.was_undecided == is_asked || left_to_probe && !life.was_undecided, "{:?} {:?}", stage, before.mode);
                    prop_assert!(grant.is_none() || leases > 0 || full || left_to_probe || refusal == Refusal::Isolated || over, "{:?}", refusal);
                }
                Deed::Reset => {}
                Deed::Granted(is_granted) => {
                    let by_hand = watch.isolated || watch.held(now) > 0.0;
                    prop_assert_eq!(is_granted, !by_hand);
                }
                Deed::TakenBack(was_there) => prop_assert!(was_there || grant.is_none()),
                Deed::LetGo => {
                    let own = before.open_time > 0.0 && now - watch.since < before.open_time;
                    let stays = watch.isolated || before.state == State::Open && own;
                    prop_assert_eq!(after.state == State::Closed, !stays, "{} {}", before.open_time, own);
                }
                _ => prop_assert!(after.state != State::Closed, "closed by {:?}", deed),
            }
        }
    }

    #[test]
    fn invariant_17_a_verdict_is_due_and_stale_to_the_millisecond_and_then_the_breaker_goes_on_by_itself(
        setup in setups(), steps in steps_in_time(), due in 0..4000_u32, more in 0..4000_u32
    ) {
        let mut life = Life::new(&setup);
        for step in &steps {
            life.live(step);
            let now = life.now();
            let (mut held, before) = (life.breaker.clone(), View::of(&life.breaker));
            let (due, stale) = (f64::from(due) / 2.0, f64::from(due + more) / 2.0);
            let tested = life.hold.is_some() && life.leases() > 0;
            prop_assert!(held.hold(due, stale, now));
            prop_assert_eq!(View::of(&held).mode, before.mode, "no switch was changed");
            prop_assert_eq!(&View::of(&held).metrics, &before.metrics);
            prop_assert!(held.state() == State::Open || held.state() == State::HalfOpen && life.hold.is_some());
            // Without a test that may yet fail, and with nothing that was done by hand.
            if tested || before.mode != Mode::Normal || held.open_time() > 0.0 {
                continue;
            }
            let mut expected = vec![(0.0, due), (due, stale)];
            expected.retain(|(from, to)| from < to);
            for (from, to) in expected {
                let stage = if from == 0.0 && due > 0.0 { Stage::Held } else { Stage::Due };
                for at in [from, (from + to) / 2.0, to - 0.25] {
                    prop_assert_eq!(held.stage(now + at), stage, "after {} ms", at);
                    let mut asked = held.clone();
                    asked.take_back();
                    asked.check(now + at, NO_CHANCE);
                    prop_assert_eq!(asked.state(), held.state());
                    prop_assert!(matches!(asked.admit(now + at, NO_CHANCE), Admission::Refused(_)));
                    if stage == Stage::Held {
                        prop_assert_eq!(asked.retry_after(now + at), due - at);
                    }
                }
            }
            prop_assert_eq!(held.stage(now + stale), Stage::Stale);
            held.check(now + stale, NO_CHANCE);
            prop_assert_eq!((held.state(), held.stage(now + stale)), (State::HalfOpen, Stage::None));
        }
    }

    #[test]
    fn invariant_18_without_a_verdict_and_after_it_left_a_breaker_is_as_one_that_knows_no_fleet(
        setup in setups(), steps in steps(), at in any::<Index>(), meddling in vec(select(vec![0, 1, 2, 3]), 80)
    ) {
        let steps = without_fleet(steps);
        let (mut alone, mut meddled) = (Life::new(&setup), Life::new(&setup));
        let left_at = at.index(steps.len() + 1);
        for (index, step) in steps.iter().enumerate() {
            let now = meddled.now();
            match meddling[index] {
                0 => prop_assert!(!meddled.breaker.take_back()),
                1 => meddled.breaker.let_go(now),
                2 => meddled.breaker.leave_fleet(),
                // Wrong numbers are no verdict.
                _ => prop_assert!(![(1.0, 0.5), (-1.0, 5.0), (f64::NAN, 5.0), (0.0, f64::NAN), (0.0, f64::INFINITY)]
                    .iter()
                    .any(|(due, stale)| meddled.breaker.hold(*due, *stale, now))),
            }
            if index == left_at && alone.breaker.state() == State::Open && alone.breaker.mode() == Mode::Normal {
                // Held and left: a circuit that is due, as after isolation.
                meddled.breaker.hold(1000.0, 9000.0, now);
                meddled.breaker.leave_fleet();
                if now.is_finite() && alone.breaker.probe_after(now) == 0.0 {
                    prop_assert_eq!(meddled.breaker.probe_after(now), 0.0);
                }
                return Ok(());
            }
            let deeds = (alone.live(step), meddled.live(step));
            prop_assert_eq!(format!("{:?}", deeds.0), format!("{:?}", deeds.1));
            prop_assert_eq!(View::of(&alone.breaker), View::of(&meddled.breaker));
            prop_assert_eq!(innards(&alone.breaker), innards(&meddled.breaker));
            for at in [now, f64::NAN, now + 100.0] {
                prop_assert_eq!(alone.breaker.retry_after(at), meddled.breaker.retry_after(at));
                prop_assert_eq!(alone.breaker.probe_after(at), meddled.breaker.probe_after(at));
            }
        }
    }

    #[test]
    fn the_end_of_each_granted_test_is_told_once_and_truly(setup in setups(), steps in steps()) {
        let mut life = Life::new(&setup);
        // The permit of the test whose end is not told.
        let mut test = None;
        for step in steps.iter().filter(|step| !matches!(step, Step::Reborn | Step::SettleForeign(..))) {
            let was_held = life.hold.is_some();
            let deed = life.live(step);
            let end = life.breaker.take_test_end();
            if matches!(deed, Deed::LeftFleet) {
                test = None;
            }
            let expected = match deed {
                Deed::Settled(call, verdict, elapsed) if test == Some(call.permit) => {
                    test = None;
                    let slow = life.breaker.config().get(Field::SlowCallDuration).is_some_and(|slow| elapsed >= slow);
                    Some(match verdict.outcome {
                        Outcome::Ignored => TestEnd::Ignored,
                        Outcome::Success if !slow => TestEnd::Success,
                        _ => TestEnd::Failure,
                    })
                }
                _ if life.expired > 0 && test.is_some_and(|test| {
                    life.in_flight.iter().any(|call| call.permit == test && call.hangs)
                }) => {
                    test = None;
                    Some(TestEnd::Expired)
                }
                _ => None,
            };
            if let Deed::Admitted(Admission::Granted(permit)) | Deed::ProbeAdmitted(Admission::Granted(permit)) = deed
                && permit != UNJUDGED && was_held && life.hold.is_some()
            {
                // One of the past gives way.
                prop_assert_eq!(end.is_some(), test.is_some() || expected.is_some());
                test = Some(permit);
                continue;
            }
            prop_assert_eq!(end, expected, "{:?}", deed);
        }
    }

    #[test]
    fn invariant_11_a_disabled_or_observing_breaker_refuses_nobody(setup in setups(), steps in steps()) {
        let mut life = Life::new(&setup);
        for step in &steps {
            life.live(step);
            for observing in [false, true] {
                let mut lenient = life.breaker.clone();
                if observing {
                    lenient.observe();
                    // Isolation outranks it.
                    lenient.release(life.now());
                } else {
                    lenient.disable();
                }
                for now in [life.now(), f64::NAN, f64::INFINITY, 0.0, 1e12] {
                    prop_assert!(matches!(lenient.admit(now, NO_CHANCE), Admission::Granted(_)), "at {}", now);
                }
                prop_assert_eq!(lenient.metrics().rejected, life.breaker.metrics().rejected);
                if !observing {
                    prop_assert_eq!(lenient.state(), life.breaker.state(), "a disabled breaker stays as it is");
                }
            }
        }
    }

    #[test]
    fn the_short_ways_do_what_the_long_ones_do(setup in setups(), steps in steps()) {
        let mut life = Life::new(&setup);
        for step in &steps {
            life.live(step);
            let now = life.now();
            let (mut short, mut long) = (life.breaker.clone(), life.breaker.clone());
            if let Some(permit) = short.admit_if_closed() {
                prop_assert_eq!(long.admit(now, NO_CHANCE), Admission::Granted(permit));
            }
            prop_assert_eq!(innards(&short), innards(&long));
            prop_assert_eq!(short.metrics(), long.metrics());

            let permits = life.in_flight.iter().map(|call| call.permit).chain([UNJUDGED, Permit(1.0), Permit(f64::NAN)]);
            for permit in permits {
                let (mut short, mut long) = (life.breaker.clone(), life.breaker.clone());
                if short.succeed_if_closed(permit, now) {
                    long.settle(permit, Outcome::Success.into(), f64::NAN, now, NO_CHANCE);
                }
                prop_assert_eq!(innards(&short), innards(&long));
                prop_assert_eq!(short.metrics(), long.metrics());
                prop_assert_eq!(short.log().has_news(), long.log().has_news());
            }
        }
    }
}

/// What becomes of the numbers of a snapshot on their way through JSON, which has null for NaN.
fn through_json(saved: &[f64]) -> Vec<f64> {
    let text = serde_json::to_string(saved).unwrap();
    let numbers: Vec<Option<f64>> = serde_json::from_str(&text).unwrap();
    numbers.into_iter().map(|number| number.unwrap_or(f64::NAN)).collect()
}

/// What somebody may do to the numbers of a snapshot.
#[derive(Clone, Debug)]
enum Tampering {
    Replace(Index, f64),
    Nudge(Index, f64),
    Swap(Index, Index),
    Truncate(Index),
    Extend(Vec<f64>),
}

impl Tampering {
    fn apply(&self, saved: &mut Vec<f64>) {
        if saved.is_empty() {
            return;
        }
        let at = |index: &Index| index.index(saved.len());
        match self {
            Tampering::Replace(place, number) => {
                let place = at(place);
                saved[place] = *number;
            }
            Tampering::Nudge(place, more) => {
                let place = at(place);
                saved[place] += *more;
            }
            Tampering::Swap(one, other) => {
                let (one, other) = (at(one), at(other));
                saved.swap(one, other);
            }
            Tampering::Truncate(length) => {
                let length = at(length);
                saved.truncate(length);
            }
            Tampering::Extend(more) => saved.extend_from_slice(more),
        }
    }
}

fn tamperings() -> impl Strategy<Value = Tampering> {
    let special = || {
        select(vec![
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            0.0,
            -0.0,
            -1.0,
            0.5,
            1.0,
            2.0,
            3.0,
            4.0,
            65_535.0,
            65_536.0,
            4_294_967_295.0,
            4_294_967_296.0,
            9_007_199_254_740_991.0,
            9_007_199_254_740_992.0,
            8.64e15,
            1e300,
            -1e300,
        ])
    };
    prop_oneof![
        6 => (any::<Index>(), special()).prop_map(|(place, number)| Tampering::Replace(place, number)),
        2 => (any::<Index>(), -1_000_000_000..1_000_000_000_i32)
            .prop_map(|(place, halves)| Tampering::Replace(place, f64::from(halves) / 2.0)),
        3 => (any::<Index>(), select(vec![-1.0, 1.0, 2.0, 0.5])).prop_map(|(place, more)| Tampering::Nudge(place, more)),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Tampering::Swap(one, other)),
        1 => any::<Index>().prop_map(Tampering::Truncate),
        1 => vec(special(), 1..5).prop_map(Tampering::Extend),
    ]
}

/// Every reading there is. The breaker could be changed here, so that only its own restraint keeps it as it was.
fn read_everything(breaker: &mut Breaker, at: f64) {
    breaker.state();
    breaker.mode();
    breaker.failure_count();
    breaker.success_count();
    breaker.failed_tests();
    breaker.last_failure_time();
    breaker.retry_after(at);
    breaker.probe_after(at);
    breaker.open_time();
    breaker.test_expires_after(at);
    breaker.needs_time_to_admit();
    breaker.needs_time_of_success();
    breaker.needs_elapsed();
    breaker.needs_random();
    breaker.failed_recoveries();
    breaker.is_on_probation(at);
    breaker.latency();
    breaker.window(at);
    breaker.snapshot(ORIGIN, at);
    breaker.metrics().total();
    breaker.log().has_news();
    breaker.log().total();
    breaker.log().numbers(ORIGIN);
    breaker.stage(at);
    breaker.has_test_end();
    for field in Field::ALL {
        breaker.config().get(field);
    }
}

/// How many test requests hold a lease: they fail at the end of all time.
fn leases_held(breaker: &Breaker) -> f64 {
    let mut far = breaker.clone();
    let failed = far.metrics().failed.get();
    far.check(f64::MAX, NO_CHANCE);
    far.metrics().failed.get() - failed
}

/// What can be done to the textbook class; calls take no time.
#[derive(Clone, Debug)]
enum TextbookDeed {
    Call(bool),
    Check,
    RecordSuccess,
    RecordFailure,
    Trip,
    Reset,
    FailureThreshold(f64),
    SuccessThreshold(f64),
    RecoveryTimeout(f64),
    Wait(f64),
    WaitForRetryAnd(f64),
}

fn textbook_deeds() -> impl Strategy<Value = TextbookDeed> {
    prop_oneof![
        10 => any::<bool>().prop_map(TextbookDeed::Call),
        3 => Just(TextbookDeed::Check),
        2 => Just(TextbookDeed::RecordSuccess),
        2 => Just(TextbookDeed::RecordFailure),
        1 => Just(TextbookDeed::Trip),
        1 => Just(TextbookDeed::Reset),
        1 => (1..5_u32).prop_map(|count| TextbookDeed::FailureThreshold(count.into())),
        1 => (1..4_u32).prop_map(|count| TextbookDeed::SuccessThreshold(count.into())),
        1 => (0..3000_u32).prop_map(|ms| TextbookDeed::RecoveryTimeout(ms.into())),
        3 => (0..3000_u32).prop_map(|ms| TextbookDeed::Wait(ms.into())),
        3 => (-1..=1_i32).prop_map(|ms| TextbookDeed::WaitForRetryAnd(ms.into())),
    ]
}

fn as_textbook(state: State) -> textbook::State {
    match state {
        State::Closed => textbook::State::Closed,
        State::Open => textbook::State::Open,
        State::HalfOpen => textbook::State::HalfOpen,
    }
}
