//! A breaker as numbers: what one process saves and another carries on from.
//!
//! Must not know: JSON, objects. Times are the wall clock's, ms since the epoch, since the clock that reads them
//! next may have another zero; what has passed of an open time is a span. NaN stands for what is not there.
//! Calls in flight are not part of it: a new process has none. Nor is the verdict of a fleet, which a new process hears anew: until then, a circuit
//! that it held open is due.
//!
//! # Under other options
//!
//! Whoever carries on may have other options. Then it goes on as if they had been written while the breaker ran: nothing that is
//! saved is a conclusion from options, but for the window. What that is and when a call in it was slow are saved along with it. It
//! is carried over where it tells all that the new one would have seen. Else the snapshot is refused; but an
//! open or half-open circuit, which closes with an empty window, leaves it out.

use super::backoff::{Backoff, OpenTime};
use super::config::LONGEST_SPAN;
use super::log::Log;
use super::machine::{Breaker, Phase};
use super::metrics::{Metrics, Rejections};
use super::numbers::{Reader, Span, SpanIfAny, Time, numbers, save_list};
use super::policy::{Carried, Shape};
use super::state::{Mode, State};
use super::tally::Tally;
use super::time::Moment;
use super::trial::Trial;

/// The version written.
const VERSION: u32 = 2;

/// The version that 0.1.0 wrote. It says nothing of the window, so it is refused where there was one, names one mode at most, and
/// has 0 for no open time, too.
const VERSION_0_1_0: u32 = 1;

numbers! {
    /// The single numbers of a snapshot, in their order. To add one: its row; both directions below then ask for it.
    Numbers {
        "version" => version: u32,
        "takenAt" => taken_at: Time,
        "state" => state: State,
        /// The one in force, and the one that is in force once that has ended.
        "mode" => mode: Mode,
        "modeBelow" => mode_below: Mode,
        /// What is left of the open time under the options of then. Others may have it end at another time, so all but 0.1.0 go
        /// by how long it has lasted.
        "remaining" => remaining: Span,
        "openFor" => open_for: SpanIfAny,
        "span" => span: OpenTime,
        "held" => held: SpanIfAny,
        "closedFor" => closed_for: SpanIfAny,
        "failedRecoveries" => failed_recoveries: u16,
        "lastSpan" => last_span: Span,
        "failureCount" => failure_count: Tally,
        "successCount" => success_count: Tally,
        "failedTests" => failed_tests: u32,
        "lastFailureTime" => last_failure_time: Time,
        "successfulCalls" => successful: Tally,
        "failedCalls" => failed: Tally,
        "timedOutCalls" => timed_out: Tally,
        "ignoredCalls" => ignored: Tally,
        "rejectedCalls" => rejected: Tally,
        "rejectedHalfOpen" => rejected_half_open: Tally,
        "rejectedBulkhead" => rejected_bulkhead: Tally,
        "rejectedIsolated" => rejected_isolated: Tally,
        "wouldRejectCalls" => would_reject: Tally,
        "staleCalls" => stale: Tally,
        "stateChangeCount" => state_changes: Tally,
        "windowSize" => window_size: SpanIfAny,
        "windowDuration" => window_duration: SpanIfAny,
        "windowBuckets" => window_buckets: SpanIfAny,
        "slowCallDuration" => slow_call_duration: SpanIfAny,
    }
}

/// The names of the single numbers that a snapshot begins with; the calls of the window and the state changes follow, each list
/// after its length.
pub const NAMES: &[&str] = &Numbers::NAMES;

impl Breaker {
    /// The breaker as numbers at `now`, on a clock whose zero is `origin` ms after the epoch.
    pub fn snapshot(&self, origin: f64, now: f64) -> Vec<f64> {
        let passed = |mut since: Moment| {
            let known = since.is_known().then(|| since.elapsed(now)).flatten();
            SpanIfAny(known.map_or(f64::NAN, |ms| ms.min(LONGEST_SPAN)))
        };
        let none = SpanIfAny(f64::NAN);
        let (mut remaining, mut open_for, mut closed_for, mut held) = (0.0, none, none, none);
        let mut span = OpenTime::RECOVERY;
        match self.phase {
            Phase::Closed { since } => closed_for = passed(since),
            Phase::Open { since, span: own, held: by_hand } => {
                remaining = since.remaining(self.open_time(), now);
                // Where nobody can tell, its time begins again.
                open_for = SpanIfAny(passed(since).0.max(0.0));
                held = SpanIfAny(by_hand);
                span = own;
            }
            Phase::HalfOpen(_) => {}
        }
        let mode = self.mode();
        let mode_below = match mode {
            Mode::Disabled if self.isolated => Mode::Isolated,
            Mode::Isolated => self.leniency,
            _ => Mode::Normal,
        };
        let Shape { size, duration, buckets, slow } = Shape::of(&self.config);
        // A new process has no calls in flight.
        let Metrics { successful, failed, timed_out, ignored, rejected, would_reject, stale, in_flight: _ } =
            self.metrics;
        let Rejections { half_open, bulkhead, isolated } = self.rejections();
        let mut saved = Vec::new();
        Numbers {
            version: VERSION,
            taken_at: Time(if now.is_finite() { origin + now } else { f64::NAN }),
            state: self.state(),
            mode,
            mode_below,
            remaining: Span(remaining),
            open_for,
            span,
            held,
            closed_for,
            failed_recoveries: self.backoff.failed_recoveries(),
            last_span: Span(self.backoff.probation()),
            failure_count: self.failure_count,
            success_count: self.success_count,
            failed_tests: self.failed_tests(),
            last_failure_time: Time(origin + self.last_failure_time),
            successful,
            failed,
            timed_out,
            ignored,
            rejected,
            rejected_half_open: half_open,
            rejected_bulkhead: bulkhead,
            rejected_isolated: isolated,
            would_reject,
            stale,
            state_changes: self.log.count(),
            window_size: SpanIfAny(size),
            window_duration: SpanIfAny(duration),
            window_buckets: SpanIfAny(buckets),
            slow_call_duration: SpanIfAny(slow),
        }
        .save(&mut saved);
        save_list(&mut saved, &self.policy.save(now), 1);
        save_list(&mut saved, &self.log.numbers(origin), Log::NUMBERS_OF_EACH);
        saved
    }

    /// Carries on, as a new breaker, from a snapshot at `now`, on a clock whose zero is `origin` ms after the epoch.
    /// Time that passed since the snapshot was taken counts, as far as both clocks agree
    /// that it passed.
    ///
    /// `None` when [`Breaker::snapshot`] could not have given such numbers, or the window can't be carried over; the breaker is then
    /// of no more use.
    pub fn restore(&mut self, saved: &[f64], origin: f64, now: f64) -> Option<()> {
        let mut saved = Reader::new(saved);
        let numbers = Numbers::load(&mut saved)?;
        if !matches!(numbers.version, VERSION | VERSION_0_1_0) {
            return None;
        }
        let Numbers { successful, failed, timed_out, ignored, rejected, would_reject, stale, .. } = numbers;
        (self.isolated, self.leniency) = match (numbers.mode, numbers.mode_below) {
            (Mode::Isolated, below @ (Mode::Normal | Mode::Observing)) => (true, below),
            (Mode::Disabled, Mode::Isolated) => (true, Mode::Disabled),
            (mode, Mode::Normal) => (false, mode),
            _ => return None,
        };
        if self.isolated && numbers.state != State::Open {
            return None;
        }
        // NaN, where one of the clocks had no time to tell, is not above 0.
        let away = (origin + now - numbers.taken_at.0).max(0.0);
        self.backoff = Backoff::restored(numbers.failed_recoveries, numbers.last_span.0);
        self.failure_count = numbers.failure_count;
        self.success_count = numbers.success_count;
        self.last_failure_time = numbers.last_failure_time.0 - origin;
        let in_flight = self.metrics.in_flight;
        self.metrics =
            Metrics { successful, failed, timed_out, ignored, rejected, would_reject, stale, in_flight };
        let rejections = Rejections {
            half_open: numbers.rejected_half_open,
            bulkhead: numbers.rejected_bulkhead,
            isolated: numbers.rejected_isolated,
        };
        if rejections.open(rejected) < 0.0 {
            return None;
        }
        if rejected.get() > 0.0 {
            self.rejections = Some(Box::new(rejections));
        }
        self.phase = match numbers.state {
            State::Closed => Phase::Closed { since: Moment::at(now - numbers.closed_for.0 - away) },
            State::Open => {
                let span = match numbers.span.0 {
                    0.0 if numbers.version == VERSION_0_1_0 => OpenTime::NONE,
                    _ => numbers.span,
                };
                let passed = match numbers.open_for.0 {
                    ms if ms.is_nan() => (span.length(&self.config) - numbers.remaining.0).max(0.0),
                    ms => ms,
                };
                let since = Moment::at(now - passed - away);
                Phase::Open { since, span, held: numbers.held.0.max(0.0) }
            }
            State::HalfOpen => Phase::HalfOpen(Trial::new(Moment::at(now), numbers.failed_tests)),
        };
        let was = Shape {
            size: numbers.window_size.0,
            duration: numbers.window_duration.0,
            buckets: numbers.window_buckets.0,
            slow: numbers.slow_call_duration.0,
        };
        match self.policy.load(saved.list(1)?, was, &self.config, away, now) {
            Carried::Exactly => {}
            Carried::Not if numbers.state != State::Closed => {}
            _ => return None,
        }
        self.log = Log::restored(saved.list(Log::NUMBERS_OF_EACH)?, numbers.state_changes, origin)?;
        saved.is_at_end().then_some(())
    }
}
