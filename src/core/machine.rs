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
//! | half_open | open | so many test requests failed or expired that this can't be reached any more, or [`Breaker::trip`] |
//! | any | open, held | [`Breaker::isolate`] |
//! | any | closed | [`Breaker::reset`] |
//!
//! # Invariants
//!
//! Each has a property test of its number in `tests/core`.
//!
//! 1. A result of an earlier generation changes no state and no count but `stale` and `in_flight`.
//! 2. At most `halfOpenMaxConcurrent` test requests are in flight, and at most `halfOpenCalls` are judged.
//! 3. Nothing wedges: asked again and again with a healthy dependency, an open or half-open circuit
//!    admits a call within one recovery time and one half-open timeout.
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
//! 11. A disabled or observing breaker refuses nobody.

use super::backoff::Backoff;
use super::config::{Config, Field};
use super::error::Problem;
use super::latency::Latency;
use super::log::{Log, Reason, Transition};
use super::metrics::Metrics;
use super::permit::{Admission, Outcome, Permit, Refusal, Verdict};
use super::policy::{Evidence, Policy};
use super::state::{Mode, State};
use super::tally::Tally;
use super::time::Moment;
use std::rc::Rc;

/// A test request in flight: the permit it holds and since when.
#[derive(Clone, Copy, Debug)]
struct Lease {
    permit: Permit,
    since: Moment,
}

/// Test requests that expired and whose results have not come yet. They are in flight, but hold no place of those that
/// `maxConcurrent` has: one that never settles would keep it for ever, and a circuit with a single place open.
#[derive(Clone, Debug, Default)]
struct Hung {
    permits: Vec<Permit>,
    /// Those that are not in the list any more: their late results can't be told from others.
    forgotten: Tally,
}

/// So many are listed: a dependency that hangs at every test adds one each time, for as long as the breaker lives.
const MOST_HUNG: usize = 64;

impl Hung {
    fn add(&mut self, permit: Permit) {
        if self.permits.len() >= MOST_HUNG {
            self.permits.remove(0);
            self.forgotten.add_one();
        }
        self.permits.push(permit);
    }

    fn count(&self) -> f64 {
        let listed = u32::try_from(self.permits.len()).unwrap_or(u32::MAX);
        self.forgotten.get() + f64::from(listed)
    }
}

/// Test requests of one half-open generation.
#[derive(Clone, Debug, Default)]
pub(super) struct Trial {
    leases: Vec<Lease>,
    /// Test requests that failed, were slow or expired.
    pub(super) failures: u32,
}

/// How long an open circuit refuses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Span {
    /// The recovery time, whatever it is set to at the moment.
    Recovery,
    /// So many ms.
    Fixed(f64),
    /// So many ms, of which chance has not taken its share yet.
    Unspread(f64),
}

/// A state with what belongs to it and to no other.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    Closed { since: Moment },
    Open { since: Moment, span: Span },
    HalfOpen(Trial),
}

/// One circuit breaker.
#[derive(Clone, Debug)]
pub struct Breaker {
    /// Shared by all breakers made of the same options; copied when one of them changes its own.
    pub(super) config: Rc<Config>,
    pub(super) phase: Phase,
    pub(super) mode: Mode,
    /// Test requests are the probe's: no caller is let through in half-open.
    probed: bool,
    pub(super) policy: Policy,
    pub(super) backoff: Backoff,
    /// Calls in flight at most.
    capacity: f64,
    /// The number of the generation at hand, and of every permit of a closed one.
    generation: Permit,
    /// The last number given to a generation or a test request.
    serial: Tally,
    pub(super) failure_count: Tally,
    pub(super) success_count: Tally,
    /// NaN before the first failure.
    pub(super) last_failure_time: f64,
    pub(super) metrics: Metrics,
    latency: Option<Box<Latency>>,
    /// Kept with `maxConcurrent` only.
    hung: Option<Box<Hung>>,
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
            mode: Mode::Normal,
            probed: false,
            backoff: Backoff::default(),
            generation: Permit(serial.get()),
            serial,
            failure_count: Tally::default(),
            success_count: Tally::default(),
            last_failure_time: f64::NAN,
            metrics: Metrics::default(),
            latency: None,
            hung: None,
            log: Log::default(),
        }
    }

    /// Starts to keep how long calls take.
    pub fn track_latency(&mut self) {
        self.latency.get_or_insert_default();
    }

    /// Leaves all test requests to [`Breaker::admit_probe`].
    pub fn leave_tests_to_probe(&mut self) {
        self.probed = true;
    }

    /// Asks for the right to make one call. A granted permit has to be settled.
    pub fn admit(&mut self, now: f64) -> Admission {
        if self.mode == Mode::Disabled {
            self.metrics.in_flight.add_one();
            return Admission::Granted(Permit::UNJUDGED);
        }
        let admission = self.guard(!self.probed, self.capacity, now);
        match admission {
            Admission::Granted(_) => self.metrics.in_flight.add_one(),
            Admission::Refused(_) if self.mode == Mode::Observing => {
                self.metrics.would_reject.add_one();
                self.metrics.in_flight.add_one();
                return Admission::Granted(Permit::UNJUDGED);
            }
            Admission::Refused(_) => self.metrics.rejected.add_one(),
        }
        admission
    }

    /// What [`Breaker::admit`] grants when nothing stands against it, and `None` when that needs a closer look: the
    /// way of nearly every call, kept apart since its answer fits into a register. It takes 2 ns off the 4.5 of
    /// an admission.
    #[inline(always)]
    pub fn admit_if_closed(&mut self) -> Option<Permit> {
        let Phase::Closed { .. } = self.phase else { return None };
        if self.mode != Mode::Normal || self.metrics.in_flight.get() >= self.capacity {
            return None;
        }
        self.metrics.in_flight.add_one();
        Some(self.generation)
    }

    /// Asks for a test request on behalf of the probe: granted in half-open alone. Refusals count nowhere,
    /// since nobody was refused.
    pub fn admit_probe(&mut self, now: f64) -> Admission {
        let admission = match self.mode {
            // The probe is no call: a full bulkhead is nothing to it.
            Mode::Normal | Mode::Observing => self.guard(true, f64::INFINITY, now),
            Mode::Isolated | Mode::Disabled => Admission::Refused(Refusal::Isolated),
        };
        if let (Admission::Granted(_), Phase::HalfOpen(_)) = (admission, &self.phase) {
            self.metrics.in_flight.add_one();
            return admission;
        }
        Admission::Refused(Refusal::Open)
    }

    /// The verdict on a call that asks to pass, not yet counted.
    fn guard(&mut self, may_test: bool, capacity: f64, now: f64) -> Admission {
        self.advance(now);
        // After that, which may have told of a test request that it hangs.
        let full = self.metrics.in_flight.get() - self.hung() >= capacity;
        if self.mode == Mode::Isolated {
            return Admission::Refused(Refusal::Isolated);
        }
        match &mut self.phase {
            Phase::Open { .. } => Admission::Refused(Refusal::Open),
            _ if full => Admission::Refused(Refusal::BulkheadFull),
            Phase::Closed { .. } => Admission::Granted(self.generation),
            Phase::HalfOpen(trial) if may_test && trial.has_room(&self.config, self.success_count) => {
                self.serial.add_one();
                let permit = Permit(self.serial.get());
                trial.leases.push(Lease { permit, since: Moment::at(now) });
                Admission::Granted(permit)
            }
            Phase::HalfOpen(_) => Admission::Refused(Refusal::HalfOpenFull),
        }
    }

    /// Brings back what became of an admitted call, which took `elapsed` ms (NaN when it was not timed). A permit
    /// is to be settled once; one of an earlier generation changes no state and is counted as stale.
    #[inline(never)]
    pub fn settle(&mut self, permit: Permit, verdict: Verdict, elapsed: f64, now: f64) {
        self.metrics.in_flight.take_one();
        let belongs = match &mut self.phase {
            Phase::Closed { .. } => permit == self.generation,
            Phase::Open { .. } => false,
            Phase::HalfOpen(trial) => trial.give_back(permit),
        };
        if (belongs || permit == Permit::UNJUDGED)
            && let Some(latency) = &mut self.latency
        {
            latency.record(elapsed);
        }
        if belongs {
            self.metrics.count(verdict.outcome);
            if self.mode != Mode::Disabled {
                self.apply(verdict, self.config.is_slow(elapsed), Reason::TestFailed, now);
            }
        } else if permit == Permit::UNJUDGED {
            self.metrics.count(verdict.outcome);
        } else {
            self.metrics.stale.add_one();
            if let Some(hung) = &mut self.hung {
                hung.permits.retain(|expired| *expired != permit);
            }
        }
    }

    /// What [`Breaker::settle`] does with a success that was not timed, where the circuit is closed and nothing else
    /// needs a closer look; false, and nothing was done, where that is not so. The way of nearly every call.
    #[inline(always)]
    pub fn succeed_if_closed(&mut self, permit: Permit, now: f64) -> bool {
        let Phase::Closed { .. } = self.phase else { return false };
        if permit != self.generation || self.mode == Mode::Disabled {
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
    pub fn check(&mut self, now: f64) -> State {
        self.advance(now);
        self.state()
    }

    /// Takes in a result that was recorded by hand, without a permit. It counts for the state at hand,
    /// not in the metrics: nobody asked for a call.
    pub fn record(&mut self, outcome: Outcome, now: f64) {
        self.apply(outcome.into(), false, Reason::TestFailed, now);
    }

    /// Opens the circuit by hand for a whole recovery time from now.
    pub fn trip(&mut self, now: f64) {
        self.open(Reason::Trip, Span::Recovery, now);
    }

    /// Closes the circuit by hand, forgets its failures and ends isolation. Calls in flight belong to the past.
    pub fn reset(&mut self, now: f64) {
        if self.mode == Mode::Isolated {
            self.mode = Mode::Normal;
        }
        self.backoff = Backoff::default();
        self.close(Reason::Reset, now);
    }

    /// Opens the circuit by hand and holds it open, whatever the time, until it is released or reset.
    pub fn isolate(&mut self, now: f64) {
        self.mode = Mode::Isolated;
        self.open(Reason::Isolate, Span::Recovery, now);
    }

    /// Ends isolation: the circuit is open with its time up, so the next call is a test request. Nothing
    /// happens when it is not isolated.
    pub fn release(&mut self, now: f64) {
        if self.mode == Mode::Isolated {
            self.mode = Mode::Normal;
            self.phase = Phase::Open { since: Moment::at(now), span: Span::Fixed(0.0) };
        }
    }

    /// Lets all calls pass and goes on counting them; the state stays as it is.
    pub fn disable(&mut self) {
        self.mode = Mode::Disabled;
    }

    /// Goes on with its verdicts, but lets all calls pass.
    pub fn observe(&mut self) {
        self.mode = Mode::Observing;
    }

    /// Ends [`Breaker::disable`] and [`Breaker::observe`]; isolation is ended by [`Breaker::release`].
    pub fn enable(&mut self) {
        if self.mode != Mode::Isolated {
            self.mode = Mode::Normal;
        }
    }

    /// Lets chance take its share of the open time, if it has not yet: to be called with a random number from 0
    /// to 1 after each opening, where the options have a jitter.
    pub fn spread(&mut self, random: f64) {
        if let Phase::Open { span, .. } = &mut self.phase
            && let Span::Unspread(ms) = *span
        {
            *span = Span::Fixed(Backoff::spread(ms, random, &self.config));
        }
    }

    /// Changes one option of the running breaker.
    ///
    /// # Errors
    /// As [`Config::set`] and [`Config::check`]; then nothing changed.
    pub fn set(&mut self, field: Field, value: f64) -> Result<(), Problem> {
        let config = Rc::make_mut(&mut self.config);
        let before = config.given(field).unwrap_or(f64::NAN);
        config.set(field, value)?;
        config.check().inspect_err(|_| config.put_back(field, before))
    }

    /// The options in force.
    pub fn config(&self) -> &Rc<Config> {
        &self.config
    }

    /// The state as it stands.
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Closed { .. } => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen(_) => State::HalfOpen,
        }
    }

    /// What the breaker does with its verdicts.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Failures in a row, as the textbook class counts them: a success in closed or open zeroes it,
    /// one in half-open leaves it.
    pub fn failure_count(&self) -> f64 {
        self.failure_count.get()
    }

    /// Successful test requests of the half-open state at hand.
    pub fn success_count(&self) -> f64 {
        self.success_count.get()
    }

    /// Test requests of the half-open state at hand that failed, were slow or expired.
    pub fn failed_tests(&self) -> u32 {
        match &self.phase {
            Phase::HalfOpen(trial) => trial.failures,
            _ => 0,
        }
    }

    /// Test requests that expired and have not settled since, where `maxConcurrent` makes that matter: they are in flight and
    /// hold no place.
    pub fn hung(&self) -> f64 {
        self.hung.as_ref().map_or(0.0, |hung| hung.count())
    }

    /// When the last failure was, or `None` before the first and after closing.
    pub fn last_failure_time(&self) -> Option<f64> {
        (!self.last_failure_time.is_nan()).then_some(self.last_failure_time)
    }

    /// How many ms from now an open circuit goes on refusing: 0 when it is not open or its time is up, infinity
    /// when it is isolated. In half-open it is 0 as well, since a verdict may come at any moment.
    pub fn retry_after(&self, now: f64) -> f64 {
        match self.phase {
            Phase::Open { .. } if self.mode == Mode::Isolated => f64::INFINITY,
            Phase::Open { since, span } => since.remaining(span.length(&self.config), now),
            _ => 0.0,
        }
    }

    /// The whole open time at hand, in ms; 0 when the circuit is not open.
    pub fn open_time(&self) -> f64 {
        match self.phase {
            Phase::Open { span, .. } => span.length(&self.config),
            _ => 0.0,
        }
    }

    /// How many ms from now until the first test request in flight expires; infinity when none is.
    pub fn test_expires_after(&self, now: f64) -> f64 {
        let Phase::HalfOpen(trial) = &self.phase else { return f64::INFINITY };
        let lease_time = self.config.half_open_timeout();
        trial.leases.iter().map(|lease| lease.since.remaining(lease_time, now)).fold(f64::INFINITY, f64::min)
    }

    /// Whether an admission needs the time. Only a closed circuit admits without looking at the clock.
    pub fn needs_time_to_admit(&self) -> bool {
        !matches!(self.phase, Phase::Closed { .. })
    }

    /// Whether a successful call needs the time when it settles. A failure always does.
    pub fn needs_time_of_success(&self) -> bool {
        !matches!(self.phase, Phase::Closed { .. }) || self.policy.needs_time_of_success()
    }

    /// Whether somebody wants to know how long calls take.
    pub fn needs_elapsed(&self) -> bool {
        self.latency.is_some() || self.config.given(Field::SlowCallDuration).is_some()
    }

    /// Whether chance has its share in the open time.
    pub fn needs_random(&self) -> bool {
        self.config.get(Field::BackoffJitter).is_some_and(|jitter| jitter > 0.0)
    }

    /// Whether forgetting the breaker would lose nothing but its counts: closed, no failure since the last
    /// success, nothing in flight, and not changed by hand.
    pub fn is_quiet(&self) -> bool {
        !self.needs_time_to_admit()
            && self.mode == Mode::Normal
            && self.metrics.in_flight.get() == 0.0
            && self.failure_count.get() == 0.0
    }

    /// What was counted over the breaker's life.
    pub fn metrics(&self) -> Metrics {
        self.metrics
    }

    /// How long calls took, where that is kept.
    pub fn latency(&self) -> Option<&Latency> {
        self.latency.as_deref()
    }

    /// How long recoveries have been failing.
    pub fn backoff(&self) -> Backoff {
        self.backoff
    }

    /// The policy, with the calls in its window.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The state changes kept.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The oldest state change that was not taken yet.
    pub fn take_transition(&mut self) -> Option<Transition> {
        self.log.take()
    }

    /// Everything that only the passing of time brings about.
    fn advance(&mut self, now: f64) {
        if let Phase::HalfOpen(trial) = &mut self.phase {
            let expired = trial.expire(self.config.half_open_timeout(), now);
            for permit in expired {
                if self.capacity.is_finite() {
                    self.hung.get_or_insert_default().add(permit);
                }
                // The first failure that decides ends the trial; the rest expired with it and count too.
                self.metrics.count(Outcome::Failure);
                self.fail(Outcome::Failure.into(), false, Reason::TestExpired, now);
            }
        }
        if let Phase::Open { since, span } = &mut self.phase
            && self.mode != Mode::Isolated
            && since.has_passed(span.length(&self.config), now)
        {
            self.enter(Phase::HalfOpen(Trial::default()), Reason::RecoveryDue, now);
        }
    }

    /// A result that counts: settled by a permit of this generation, or recorded by hand.
    fn apply(&mut self, verdict: Verdict, slow: bool, in_half_open: Reason, now: f64) {
        match verdict.outcome {
            Outcome::Success => self.succeed(slow, now),
            Outcome::Failure | Outcome::TimedOut => self.fail(verdict, slow, in_half_open, now),
            Outcome::Ignored => {}
        }
    }

    fn succeed(&mut self, slow: bool, now: f64) {
        if let Phase::HalfOpen(_) = self.phase {
            self.succeed_in_trial(slow, now);
            return;
        }
        self.failure_count = Tally::default();
        self.judge(Outcome::Success.into(), slow, now);
    }

    #[cold]
    fn succeed_in_trial(&mut self, slow: bool, now: f64) {
        if slow {
            // A dependency that answers too slowly has not recovered.
            self.fail_trial(Reason::TestSlow, Outcome::Success.into(), now);
            return;
        }
        self.success_count.add_one();
        if self.success_count.reaches(self.config.count(Field::SuccessThreshold)) {
            self.close(Reason::Recovered, now);
        }
    }

    #[cold]
    fn fail(&mut self, verdict: Verdict, slow: bool, in_half_open: Reason, now: f64) {
        self.failure_count.add_one();
        if now.is_finite() {
            self.last_failure_time = now;
        }
        match &mut self.phase {
            Phase::Closed { .. } => self.judge(verdict, slow, now),
            // A failure recorded by hand: the recovery time starts again.
            Phase::Open { since, .. } => *since = Moment::at(now),
            Phase::HalfOpen(_) => self.fail_trial(in_half_open, verdict, now),
        }
    }

    fn fail_trial(&mut self, reason: Reason, verdict: Verdict, now: f64) {
        let Phase::HalfOpen(trial) = &mut self.phase else { return };
        trial.failures = trial.failures.saturating_add(1);
        let calls = self.config.count(Field::HalfOpenCalls);
        let spare = calls.saturating_sub(self.config.count(Field::SuccessThreshold));
        if verdict.trips {
            self.open_by(Reason::Asked, verdict, now);
        } else if trial.failures > spare {
            self.open_by(reason, verdict, now);
        }
    }

    /// Asks the policy, while closed.
    fn judge(&mut self, verdict: Verdict, slow: bool, now: f64) {
        if let Phase::Closed { .. } = self.phase {
            let failed = verdict.outcome.is_failure();
            let evidence = Evidence { failed, slow, failures_in_a_row: self.failure_count, now };
            let reason = self.policy.judge(evidence, &self.config);
            if verdict.trips {
                self.open_by(Reason::Asked, verdict, now);
            } else if let Some(reason) = reason {
                self.open_by(reason, verdict, now);
            }
        }
    }

    /// Opens on account of a result, for as long as backoff and the failure itself say.
    #[cold]
    fn open_by(&mut self, reason: Reason, verdict: Verdict, now: f64) {
        let again = match &mut self.phase {
            Phase::HalfOpen(_) => true,
            Phase::Closed { since } => !since.has_passed(self.backoff.probation(), now),
            Phase::Open { .. } => false,
        };
        let computed = self.backoff.next(again, &self.config);
        let longest = self.config.get(Field::MaxRetryAfter).unwrap_or(f64::INFINITY);
        let asked = verdict.retry_after.clamp(0.0, longest.max(0.0));
        let span = match computed {
            _ if verdict.trips && !asked.is_nan() => Span::Fixed(asked),
            _ if asked > computed.unwrap_or(self.config.recovery_timeout()) => Span::Fixed(asked),
            Some(ms) if self.needs_random() => Span::Unspread(ms),
            Some(ms) => Span::Fixed(ms),
            None => Span::Recovery,
        };
        self.open(reason, span, now);
    }

    fn open(&mut self, reason: Reason, span: Span, now: f64) {
        self.success_count = Tally::default();
        self.enter(Phase::Open { since: Moment::at(now), span }, reason, now);
    }

    #[cold]
    fn close(&mut self, reason: Reason, now: f64) {
        self.failure_count = Tally::default();
        self.success_count = Tally::default();
        self.last_failure_time = f64::NAN;
        self.policy.clear();
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

impl Span {
    /// Never longer than the options in force allow: they may have been changed since, or be those of another process.
    pub(super) fn length(self, config: &Config) -> f64 {
        match self {
            Span::Recovery => config.recovery_timeout(),
            Span::Fixed(ms) | Span::Unspread(ms) => ms.min(config.longest_open_time()),
        }
    }
}

impl Trial {
    /// A trial carried on from a snapshot: its test requests in flight are lost.
    pub(super) fn restored(failures: u32) -> Trial {
        Trial { leases: Vec::new(), failures }
    }

    /// Whether one more test request may pass. With none in flight there is always room, so that options
    /// changed in the midst of a trial can't leave it without a verdict.
    fn has_room(&self, config: &Config, successes: Tally) -> bool {
        let in_flight = u32::try_from(self.leases.len()).unwrap_or(u32::MAX);
        let judged = successes.get() + f64::from(self.failures);
        in_flight == 0
            || (in_flight < config.count(Field::HalfOpenMaxConcurrent)
                && f64::from(in_flight) + judged < f64::from(config.count(Field::HalfOpenCalls)))
    }

    /// Ends the lease of that permit; false when there is none.
    fn give_back(&mut self, permit: Permit) -> bool {
        match self.leases.iter().position(|lease| lease.permit == permit) {
            Some(held) => {
                self.leases.swap_remove(held);
                true
            }
            None => false,
        }
    }

    /// Ends the leases that are over and tells whose they were.
    fn expire(&mut self, lease_time: f64, now: f64) -> Vec<Permit> {
        let mut expired = Vec::new();
        self.leases.retain_mut(|lease| {
            let is_over = lease.since.has_passed(lease_time, now);
            if is_over {
                expired.push(lease.permit);
            }
            !is_over
        });
        expired
    }
}
