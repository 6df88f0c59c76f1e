//! The breaker: who may pass, what a result means, and every way from one state to another.
//!
//! Must not know: clocks, JavaScript, how a permit travels. It is asked with a time and answers with
//! data; nothing of a user's runs in here.
//!
//! # The transition table
//!
//! | from | to | when |
//! | --- | --- | --- |
//! | closed | open | the policy finds a reason in a call of this generation, or [`Breaker::trip`] |
//! | open | half_open | an admission or [`Breaker::check`] finds that the recovery time is up |
//! | half_open | closed | `successThreshold` test requests succeeded |
//! | half_open | open | too many test requests failed or expired for that, or [`Breaker::trip`] |
//! | any | open, held | [`Breaker::isolate`] |
//! | open | open, due | [`Breaker::release`], where it was held |
//! | any | closed | [`Breaker::reset`] |
//! | closed, half_open | open | a fleet holds it, by [`Breaker::hold`] |
//! | open | half_open | a fleet holds it, and an admission finds a grant of [`Breaker::grant`] |
//! | open, half_open | closed | a fleet held it, and lets go by [`Breaker::let_go`] |
//!
//! # Invariants
//!
//! Each has a property test of its number in `tests/core`.
//!
//! 1. A result of an earlier generation changes no state and no count but `stale` and `in_flight`.
//! 2. At most `halfOpenMaxConcurrent` test requests are in flight, and at most `halfOpenCalls` are judged.
//! 3. Nothing wedges: asked again and again with a healthy dependency, an open or half-open circuit
//!    admits a call within one recovery time and one half-open timeout; a caller within one half-open timeout more, where
//!    test requests are the probe's and the probe asks no more.
//! 4. An open circuit refuses until its recovery time is up, to the millisecond, and admits then.
//! 5. Every call that asked stands in exactly one count: successful, failed, ignored, rejected, stale
//!    or in flight; `timed_out` and `would_reject` are parts of others. The one exception is a test request that
//!    expired: it was counted as failed then, and stays in flight until its stale result comes.
//! 6. Reading changes nothing.
//! 7. A time that is not a finite number changes no state by itself; a clock that goes back moves no
//!    deadline further away than its whole span.
//! 8. Used one call after another, states and counts are those of the textbook class.
//! 9. The window counts what a naive list of the calls of this closed generation would count.
//! 10. A snapshot carried on by a new breaker behaves as the old one would have, calls in flight aside.
//! 11. A disabled or observing breaker refuses nobody, unless it observes and is isolated.
//! 12. Isolation on the one hand, disabling or observing on the other are switches of their own: nothing but its opposite ends one of
//!     them, and [`Breaker::reset`] isolation. Disabling outranks isolation, which outranks observing.
//! 13. Opened by hand for a time of its own, a circuit refuses until then, whatever happens but [`Breaker::reset`].
//! 14. Where there is a probe, a caller tests only after one half-open timeout in which the probe did not ask, though it was due. Once that
//!     was so, or the probe's test request expired, [`LOST_PATIENCE`](view) is enough until the probe tests again.
//! 15. Who is refused, but for a full bulkhead, is told to wait longer than 0; who is told 0 and asks at once is not refused.
//! 16. While the verdict of a fleet stands, its grants alone admit calls, one each and one at a time, and none before what was asked for by hand
//!     is over; and nothing closes the circuit but the fleet, and [`Breaker::reset`].
//! 17. A verdict is due and stale to the millisecond, and changes no switch and no count. Once it is stale, the breaker goes on by itself, as one
//!     whose time is up: a fleet that is not heard of wedges nothing.
//! 18. Without a verdict, and after it left its fleet, a breaker is as one that knows no fleet.

mod by_hand;
mod fleet;
mod probe;
mod view;

pub use fleet::{Stage, TestEnd};
pub use probe::ProbeStep;

use super::backoff::{Backoff, OpenTime};
use super::config::{Config, Field};
use super::latency::Latency;
use super::log::{Log, Transition};
use super::metrics::{Metrics, Rejections};
use super::permit::{Admission, Outcome, Permit, Refusal, Verdict};
use super::policy::{Evidence, Policy};
use super::reason::Reason;
use super::state::{Mode, State};
use super::tally::Tally;
use super::time::Moment;
use super::trial::{Hung, Trial};
use std::rc::Rc;

/// A state with what belongs to it and to no other.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    Closed {
        since: Moment,
    },
    /// `held`: the ms since then for which it was opened by hand at least, whatever becomes of the span.
    Open {
        since: Moment,
        span: OpenTime,
        held: f64,
    },
    HalfOpen(Trial),
}

/// One circuit breaker.
#[derive(Clone, Debug)]
pub struct Breaker {
    /// Shared by all breakers made of the same options; copied when one of them changes its own.
    pub(super) config: Rc<Config>,
    pub(super) phase: Phase,
    /// Whether it was disabled, or observes, or neither: never [`Mode::Isolated`].
    pub(super) leniency: Mode,
    /// Held open by hand. The circuit is open then.
    pub(super) isolated: bool,
    /// Test requests are the probe's, as long as it asks.
    pub(super) probed: bool,
    /// Callers had to test in its place, or it had no answer to its last test request. Until it tests again it has less time.
    pub(super) probe_is_lost: bool,
    pub(super) policy: Policy,
    pub(super) backoff: Backoff,
    /// Calls in flight at most.
    capacity: f64,
    /// The number of the current generation, and of every permit of a closed one.
    generation: Permit,
    /// The last number given to a generation or a test request.
    serial: Tally,
    pub(super) failure_count: Tally,
    pub(super) success_count: Tally,
    /// NaN before the first failure.
    pub(super) last_failure_time: f64,
    pub(super) metrics: Metrics,
    /// Made for the first refusal of such a kind: most breakers never have one.
    pub(super) rejections: Option<Box<Rejections>>,
    latency: Option<Box<Latency>>,
    /// Kept with `maxConcurrent` only.
    hung: Option<Box<Hung>>,
    /// Absent before the first verdict of a fleet.
    fleet: Option<Box<fleet::Fleet>>,
    pub(super) log: Log,
}

impl Breaker {
    /// A closed breaker with these options, which should have passed [`Config::check`].
    pub fn new(config: Rc<Config>) -> Breaker {
        let mut serial = Tally::default();
        serial.add_one();
        Breaker {
            policy: Policy::new(&config),
            capacity: config.get(Field::MaxConcurrent).unwrap_or(f64::INFINITY),
            config,
            phase: Phase::Closed { since: Moment::at(f64::NAN) },
            leniency: Mode::Normal,
            isolated: false,
            probed: false,
            probe_is_lost: false,
            backoff: Backoff::default(),
            generation: Permit(serial.get()),
            serial,
            failure_count: Tally::default(),
            success_count: Tally::default(),
            last_failure_time: f64::NAN,
            metrics: Metrics::default(),
            rejections: None,
            latency: None,
            hung: None,
            fleet: None,
            log: Log::default(),
        }
    }

    /// Starts to keep how long calls take.
    pub fn track_latency(&mut self) {
        self.latency.get_or_insert_default();
    }

    /// Leaves all test requests to [`Breaker::admit_probe`], as long as that is asked.
    pub fn leave_tests_to_probe(&mut self) {
        self.probed = true;
    }

    /// Asks for the right to make one call. A granted permit has to be settled.
    ///
    /// `random`, here and in what else may open the circuit, is a number from 0 to 1 for jitter; another takes nothing off.
    /// It is needed where [`Breaker::needs_random`] says so and the circuit is not closed.
    pub fn admit(&mut self, now: f64, random: f64) -> Admission {
        if self.leniency == Mode::Disabled {
            self.metrics.in_flight.add_one();
            return Admission::Granted(Permit::UNJUDGED);
        }
        let admission = self.guard(false, self.capacity, now, random);
        match admission {
            Admission::Granted(_) => self.metrics.in_flight.add_one(),
            Admission::Refused(_) if self.mode() == Mode::Observing => {
                self.metrics.would_reject.add_one();
                self.metrics.in_flight.add_one();
                return Admission::Granted(Permit::UNJUDGED);
            }
            // Nobody was refused yet.
            Admission::Refused(Refusal::Undecided) => {}
            Admission::Refused(refusal) => self.count_refusal(refusal),
        }
        admission
    }

    pub(super) fn count_refusal(&mut self, refusal: Refusal) {
        self.metrics.rejected.add_one();
        if refusal != Refusal::Open {
            self.rejections.get_or_insert_default().count(refusal);
        }
    }

    /// What [`Breaker::admit`] grants when nothing stands against it, and `None` when that needs a closer look: the
    /// way of nearly every call, kept apart since its answer fits into a register. It takes 2 ns off the 4.5 of
    /// an admission.
    #[inline(always)]
    pub fn admit_if_closed(&mut self) -> Option<Permit> {
        let Phase::Closed { .. } = self.phase else { return None };
        // It is not isolated: then it would be open.
        if self.leniency != Mode::Normal || self.metrics.in_flight.get() >= self.capacity {
            return None;
        }
        self.metrics.in_flight.add_one();
        Some(self.generation)
    }

    /// Asks for a test request on behalf of the probe: granted in half-open alone. Refusals count nowhere,
    /// since nobody was refused.
    pub fn admit_probe(&mut self, now: f64, random: f64) -> Admission {
        let admission = match self.mode() {
            // The probe is no call: a full bulkhead is nothing to it.
            Mode::Normal | Mode::Observing => self.guard(true, f64::INFINITY, now, random),
            Mode::Isolated | Mode::Disabled => Admission::Refused(Refusal::Isolated),
        };
        if let (Admission::Granted(_), Phase::HalfOpen(_)) = (admission, &self.phase) {
            self.metrics.in_flight.add_one();
            return admission;
        }
        Admission::Refused(Refusal::Open)
    }

    /// The verdict on a call that asks to pass, not yet counted.
    fn guard(&mut self, is_probe: bool, capacity: f64, now: f64, random: f64) -> Admission {
        self.advance(now, random);
        let patience = self.patience();
        // After that, which may have told of a test request that it hangs.
        let full = self.metrics.in_flight.get() - self.hung() >= capacity;
        if self.isolated {
            return Admission::Refused(Refusal::Isolated);
        }
        let held_for = self.held_for(now);
        if let Some(wait) = held_for
            && let Some(refusal) = self.refuse_held(wait, is_probe, full, now)
        {
            return Admission::Refused(refusal);
        }
        let is_granted = held_for.is_some();
        match &mut self.phase {
            Phase::Open { .. } => Admission::Refused(Refusal::Open),
            _ if full => Admission::Refused(Refusal::BulkheadFull),
            Phase::Closed { .. } => Admission::Granted(self.generation),
            Phase::HalfOpen(trial) => {
                if is_probe {
                    trial.hear(now);
                } else if self.probed && !is_granted && !trial.is_left_by_probe(patience, now) {
                    return Admission::Refused(Refusal::HalfOpenFull);
                }
                if !trial.has_room(&self.config, self.success_count) {
                    return Admission::Refused(Refusal::HalfOpenFull);
                }
                self.probe_is_lost = !is_probe;
                self.serial.add_one();
                let permit = Permit(self.serial.get());
                trial.lease(permit, now);
                if is_granted {
                    self.begin_test(permit);
                }
                Admission::Granted(permit)
            }
        }
    }

    /// Brings back what became of an admitted call, which took `elapsed` ms (NaN when it was not timed). A permit
    /// is to be settled once; one of an earlier generation changes no state and is counted as stale.
    #[inline(never)]
    pub fn settle(&mut self, permit: Permit, verdict: Verdict, elapsed: f64, now: f64, random: f64) {
        self.metrics.in_flight.take_one();
        let belongs = match &mut self.phase {
            Phase::Closed { .. } => permit == self.generation,
            Phase::Open { .. } => false,
            Phase::HalfOpen(trial) => trial.give_back(permit),
        };
        let slow = self.config.is_slow(elapsed);
        self.end_test(permit, || Breaker::end_of(verdict.outcome, slow));
        if (belongs || permit == Permit::UNJUDGED)
            && let Some(latency) = &mut self.latency
        {
            latency.record(elapsed);
        }
        if belongs {
            self.metrics.count(verdict.outcome);
            if self.leniency != Mode::Disabled {
                self.apply(verdict, slow, Reason::TestFailed, now, random);
            }
        } else if permit == Permit::UNJUDGED {
            self.metrics.count(verdict.outcome);
        } else {
            self.metrics.stale.add_one();
            if let Some(hung) = &mut self.hung {
                hung.end(permit);
            }
        }
    }

    /// What [`Breaker::settle`] does with a success that was not timed, where the circuit is closed and nothing else
    /// needs a closer look; false, and nothing was done, where that is not so. The way of nearly every call.
    #[inline(always)]
    pub fn succeed_if_closed(&mut self, permit: Permit, now: f64) -> bool {
        let Phase::Closed { .. } = self.phase else { return false };
        if permit != self.generation || self.leniency == Mode::Disabled {
            return false;
        }
        self.metrics.in_flight.take_one();
        self.metrics.successful.add_one();
        self.failure_count = Tally::default();
        self.policy.succeed(now);
        true
    }

    /// Brings the state up to the time: an open circuit whose time is up becomes half open, and test
    /// requests that did not settle in time count as failures.
    pub fn check(&mut self, now: f64, random: f64) -> State {
        self.advance(now, random);
        self.state()
    }

    /// Takes in a result that was recorded by hand, without a permit. It counts for the current state,
    /// not in the metrics: nobody asked for a call.
    pub fn record(&mut self, outcome: Outcome, now: f64, random: f64) {
        self.apply(outcome.into(), false, Reason::TestFailed, now, random);
    }

    /// Takes the oldest state change that was not taken yet.
    pub fn take_transition(&mut self) -> Option<Transition> {
        self.log.take()
    }

    /// Everything that only the passing of time brings about.
    fn advance(&mut self, now: f64, random: f64) {
        let lease_time = self.lease_time();
        if let Phase::HalfOpen(trial) = &mut self.phase {
            let expired = trial.expire(lease_time, now);
            for permit in expired {
                self.probe_is_lost = true;
                self.end_test(permit, || TestEnd::Expired);
                if self.capacity.is_finite() {
                    self.hung.get_or_insert_default().add(permit);
                }
                // The first failure that decides ends the trial; the rest expired with it and count too.
                self.metrics.count(Outcome::Failure);
                self.fail(Outcome::Failure.into(), false, Reason::TestExpired, now, random);
            }
        }
        let was_held = self.is_held();
        let is_held = self.stays_held(now);
        let length = self.open_time();
        if let Phase::Open { since, .. } = &mut self.phase
            && !self.isolated
            && since.has_passed(length, now)
            && !is_held
        {
            // Nobody told the probe when a verdict would be stale.
            let due = if was_held { Moment::at(now) } else { since.after(length) };
            let trial = Trial::new(due, 0);
            self.enter(Phase::HalfOpen(trial), Reason::RecoveryDue, now);
        }
    }

    /// A result that counts: settled by a permit of this generation, or recorded by hand.
    fn apply(&mut self, verdict: Verdict, slow: bool, in_half_open: Reason, now: f64, random: f64) {
        match verdict.outcome {
            Outcome::Success => self.succeed(slow, now, random),
            Outcome::Failure | Outcome::TimedOut => self.fail(verdict, slow, in_half_open, now, random),
            Outcome::Ignored => {}
        }
    }

    fn succeed(&mut self, slow: bool, now: f64, random: f64) {
        if let Phase::HalfOpen(_) = self.phase {
            self.succeed_in_trial(slow, now, random);
            return;
        }
        self.failure_count = Tally::default();
        self.judge(Outcome::Success.into(), slow, now, random);
    }

    #[cold]
    fn succeed_in_trial(&mut self, slow: bool, now: f64, random: f64) {
        if slow {
            // A dependency that answers too slowly has not recovered.
            self.fail_trial(Reason::TestSlow, Outcome::Success.into(), now, random);
            return;
        }
        self.success_count.add_one();
        let is_own = self.held_for(now).is_none();
        if is_own && self.success_count.reaches(self.config.count(Field::SuccessThreshold)) {
            self.close(Reason::Recovered, now);
        }
    }

    #[cold]
    fn fail(&mut self, verdict: Verdict, slow: bool, in_half_open: Reason, now: f64, random: f64) {
        self.failure_count.add_one();
        if now.is_finite() {
            self.last_failure_time = now;
        }
        match &mut self.phase {
            Phase::Closed { .. } => self.judge(verdict, slow, now, random),
            // A failure recorded by hand. Who was released, or opened by hand for a time, has no open time of its own.
            Phase::Open { since, span, held } => {
                *held = since.remaining(*held, now);
                *since = Moment::at(now);
                *span = span.again();
            }
            Phase::HalfOpen(_) => self.fail_trial(in_half_open, verdict, now, random),
        }
    }

    fn fail_trial(&mut self, reason: Reason, verdict: Verdict, now: f64, random: f64) {
        let is_granted = self.is_held();
        let Phase::HalfOpen(trial) = &mut self.phase else { return };
        let failures = trial.fail();
        let calls = self.config.count(Field::HalfOpenCalls);
        let spare = calls.saturating_sub(self.config.count(Field::SuccessThreshold));
        if verdict.trips {
            self.open_by(Reason::Asked, verdict, now, random);
        } else if is_granted || failures > spare {
            self.open_by(reason, verdict, now, random);
        }
    }

    /// Asks the policy, while closed.
    fn judge(&mut self, verdict: Verdict, slow: bool, now: f64, random: f64) {
        if let Phase::Closed { .. } = self.phase {
            let failed = verdict.outcome.is_failure();
            let evidence = Evidence { failed, slow, failures_in_a_row: self.failure_count, now };
            let reason = self.policy.judge(evidence, &self.config);
            if verdict.trips {
                self.open_by(Reason::Asked, verdict, now, random);
            } else if let Some(reason) = reason {
                self.open_by(reason, verdict, now, random);
            }
        }
    }

    /// Opens on account of a result, for as long as backoff and the failure itself say.
    #[cold]
    fn open_by(&mut self, reason: Reason, verdict: Verdict, now: f64, random: f64) {
        let again = match &self.phase {
            Phase::HalfOpen(_) => true,
            // Without probation it was never open, or for no time. No clock makes a failed recovery of that.
            Phase::Closed { since } => since.remaining(self.backoff.probation(), now) > 0.0,
            Phase::Open { .. } => false,
        };
        let span = self.backoff.open_time(again, verdict, &self.config, random);
        self.open(reason, span, now);
    }

    fn open(&mut self, reason: Reason, span: OpenTime, now: f64) {
        self.success_count = Tally::default();
        let held = self.held(now);
        self.enter(Phase::Open { since: Moment::at(now), span, held }, reason, now);
    }

    #[cold]
    fn close(&mut self, reason: Reason, now: f64) {
        self.failure_count = Tally::default();
        self.success_count = Tally::default();
        self.last_failure_time = f64::NAN;
        self.probe_is_lost = false;
        self.policy.clear();
        self.forget_hold();
        self.enter(Phase::Closed { since: Moment::at(now) }, reason, now);
    }

    /// Starts a new generation. Only a change of state is news; a circuit that is opened or closed
    /// once more is not.
    fn enter(&mut self, phase: Phase, reason: Reason, now: f64) {
        let from = self.state();
        self.phase = phase;
        self.serial.add_one();
        self.generation = Permit(self.serial.get());
        let to = self.state();
        if from != to {
            let at = if now.is_finite() { now } else { f64::NAN };
            self.log.push(Transition { from, to, reason, at });
        }
    }
}
