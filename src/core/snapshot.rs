//! A breaker as numbers: what one process saves and another carries on from.
//!
//! Must not know: JSON, objects. Times are the wall clock's, ms since the epoch, since the clock that reads them
//! next may have another zero; what is left of an open time is a span. NaN stands for what is not there.
//! Calls in flight are not part of it: a new process has none.

use super::backoff::{Backoff, OpenTime};
use super::log::Log;
use super::machine::{Breaker, Phase};
use super::metrics::Metrics;
use super::numbers::{Kind, Number, Reader, Span, SpanIfAny, Time, numbers, save_list};
use super::state::{Mode, State};
use super::tally::Tally;
use super::time::Moment;
use super::trial::Trial;

/// The version written; others are refused.
struct Version;

impl Number for Version {
    const KIND: Kind = Kind::Exactly(1);

    fn save(&self) -> f64 {
        1.0
    }

    fn of(_number: f64) -> Version {
        Version
    }
}

numbers! {
    /// The single numbers of a snapshot, in their order. To add one: its row; both directions below then ask for it.
    Numbers {
        "version" => version: Version,
        "takenAt" => taken_at: Time,
        "state" => state: State,
        "mode" => mode: Mode,
        "remaining" => remaining: Span,
        "span" => span: SpanIfAny,
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
        "wouldRejectCalls" => would_reject: Tally,
        "staleCalls" => stale: Tally,
        "stateChangeCount" => state_changes: Tally,
    }
}

/// The names of the single numbers that a snapshot begins with; the calls of the window and the state changes follow, each list
/// after its length.
pub const NAMES: &[&str] = &Numbers::NAMES;

impl Breaker {
    /// The breaker as numbers at `now`, on a clock whose zero is `origin` ms after the epoch.
    pub fn snapshot(&self, origin: f64, now: f64) -> Vec<f64> {
        let (mut remaining, mut span, mut closed_for) = (0.0, f64::NAN, f64::NAN);
        match self.phase {
            Phase::Closed { mut since } => {
                if since.is_known() {
                    closed_for = since.elapsed(now).unwrap_or(f64::NAN);
                }
            }
            Phase::Open { since, span: length } => {
                remaining = since.remaining(length.length(&self.config), now);
                if let OpenTime::Fixed(ms) = length {
                    span = ms;
                }
            }
            Phase::HalfOpen(_) => {}
        }
        // A new process has no calls in flight.
        let Metrics { successful, failed, timed_out, ignored, rejected, would_reject, stale, in_flight: _ } =
            self.metrics;
        let mut saved = Vec::new();
        Numbers {
            version: Version,
            taken_at: Time(if now.is_finite() { origin + now } else { f64::NAN }),
            state: self.state(),
            mode: self.mode,
            remaining: Span(remaining),
            span: SpanIfAny(span),
            closed_for: SpanIfAny(closed_for),
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
            would_reject,
            stale,
            state_changes: self.log.count(),
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
    /// `None` when [`Breaker::snapshot`] could not have given such numbers for these options; the breaker is
    /// then of no more use.
    pub fn restore(&mut self, saved: &[f64], origin: f64, now: f64) -> Option<()> {
        let mut saved = Reader::new(saved);
        let numbers = Numbers::load(&mut saved)?;
        let Numbers {
            version: Version,
            successful,
            failed,
            timed_out,
            ignored,
            rejected,
            would_reject,
            stale,
            ..
        } = numbers;
        if numbers.mode == Mode::Isolated && numbers.state != State::Open {
            return None;
        }
        // NaN, where one of the clocks had no time to tell, is not above 0.
        let away = (origin + now - numbers.taken_at.0).max(0.0);
        self.mode = numbers.mode;
        self.backoff = Backoff::restored(numbers.failed_recoveries, numbers.last_span.0);
        self.failure_count = numbers.failure_count;
        self.success_count = numbers.success_count;
        self.last_failure_time = numbers.last_failure_time.0 - origin;
        let in_flight = self.metrics.in_flight;
        self.metrics =
            Metrics { successful, failed, timed_out, ignored, rejected, would_reject, stale, in_flight };
        self.phase = match numbers.state {
            State::Closed => Phase::Closed { since: Moment::at(now - numbers.closed_for.0 - away) },
            State::Open => {
                let ms = numbers.span.0;
                let span = if ms.is_nan() { OpenTime::Recovery } else { OpenTime::Fixed(ms) };
                let passed = (span.length(&self.config) - numbers.remaining.0).max(0.0) + away;
                Phase::Open { since: Moment::at(now - passed), span }
            }
            State::HalfOpen => Phase::HalfOpen(Trial::restored(numbers.failed_tests)),
        };
        if !self.policy.load(saved.list(1)?, away, now) {
            return None;
        }
        self.log = Log::restored(saved.list(Log::NUMBERS_OF_EACH)?, numbers.state_changes, origin)?;
        saved.is_at_end().then_some(())
    }
}
