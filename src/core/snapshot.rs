//! A breaker as numbers: what one process saves and another carries on from.
//!
//! Must not know: JSON, objects. Times are the wall clock's, ms since the epoch, since the clock that reads them
//! next may have another zero; what is left of an open time is a span. NaN stands for what there is none of.
//! Calls in flight are not part of it: a new process has none.

use super::backoff::{Backoff, OpenTime};
use super::config::LONGEST_SPAN;
use super::log::{KEPT, Log, Reason, Transition};
use super::machine::{Breaker, Phase};
use super::state::{Mode, State, number_of};
use super::tally::Tally;
use super::time::Moment;
use super::trial::Trial;

/// The version written; others are refused.
pub const VERSION: f64 = 1.0;

/// The single numbers of a snapshot, in their order; the calls of the window and the state changes follow, each list
/// after its length. A state change is four numbers: from, to, reason, when.
pub const NAMES: [&str; 21] = [
    "version",
    "takenAt",
    "state",
    "mode",
    "remaining",
    "span",
    "closedFor",
    "failedRecoveries",
    "lastSpan",
    "failureCount",
    "successCount",
    "failedTests",
    "lastFailureTime",
    "successfulCalls",
    "failedCalls",
    "timedOutCalls",
    "ignoredCalls",
    "rejectedCalls",
    "wouldRejectCalls",
    "staleCalls",
    "stateChangeCount",
];

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
        let metrics = self.metrics;
        let mut saved = vec![
            VERSION,
            if now.is_finite() { origin + now } else { f64::NAN },
            number_of(&State::ALL, self.state()),
            number_of(&Mode::ALL, self.mode),
            remaining,
            span,
            closed_for,
            self.backoff.failed_recoveries().into(),
            self.backoff.probation(),
            self.failure_count.get(),
            self.success_count.get(),
            self.failed_tests().into(),
            origin + self.last_failure_time,
            metrics.successful.get(),
            metrics.failed.get(),
            metrics.timed_out.get(),
            metrics.ignored.get(),
            metrics.rejected.get(),
            metrics.would_reject.get(),
            metrics.stale.get(),
            self.log.total(),
        ];
        let window = self.policy.save(now);
        saved.push(length(&window));
        saved.extend_from_slice(&window);
        let changes = self.log.numbers(origin);
        saved.push(length(&changes) / 4.0);
        saved.extend_from_slice(&changes);
        saved
    }

    /// Carries on, as a new breaker, from a snapshot at `now`, on a clock whose zero is `origin` ms after the epoch.
    /// Time that passed since the snapshot was taken counts, as far as both clocks agree
    /// that it passed.
    ///
    /// `None` when the numbers are none that [`Breaker::snapshot`] could have given for these options; the breaker is
    /// then of no more use.
    pub fn restore(&mut self, saved: &[f64], origin: f64, now: f64) -> Option<()> {
        let breaker = self;
        let mut saved = Reader(saved);
        if saved.next()? != VERSION {
            return None;
        }
        // NaN, where one of the clocks had no time to tell, is not above 0.
        let away = (origin + now - saved.time()?).max(0.0);
        let state = saved.one_of(&State::ALL)?;
        breaker.mode = saved.one_of(&Mode::ALL)?;
        if breaker.mode == Mode::Isolated && state != State::Open {
            return None;
        }
        let remaining = saved.span()?;
        let span = saved.span_if_any()?;
        let closed_for = saved.span_if_any()?;
        breaker.backoff = Backoff::restored(saved.small()?, saved.span()?);
        breaker.failure_count = saved.count()?;
        breaker.success_count = saved.count()?;
        let failed_tests = saved.whole()?;
        breaker.last_failure_time = saved.time()? - origin;
        let metrics = &mut breaker.metrics;
        for tally in [
            &mut metrics.successful,
            &mut metrics.failed,
            &mut metrics.timed_out,
            &mut metrics.ignored,
            &mut metrics.rejected,
            &mut metrics.would_reject,
            &mut metrics.stale,
        ] {
            *tally = saved.count()?;
        }
        breaker.phase = match state {
            State::Closed => Phase::Closed { since: Moment::at(now - closed_for - away) },
            State::Open => {
                let span = if span.is_nan() { OpenTime::Recovery } else { OpenTime::Fixed(span) };
                let passed = (span.length(&breaker.config) - remaining).max(0.0) + away;
                Phase::Open { since: Moment::at(now - passed), span }
            }
            State::HalfOpen => Phase::HalfOpen(Trial::restored(failed_tests)),
        };
        let total = saved.count()?;
        let window = saved.list()?;
        if !breaker.policy.load(window, away, now) {
            return None;
        }
        let count = saved.small()?;
        let mut changes = Vec::new();
        if usize::from(count) > KEPT {
            return None;
        }
        for _ in 0..count {
            changes.push(Transition {
                from: saved.one_of(&State::ALL)?,
                to: saved.one_of(&State::ALL)?,
                reason: saved.one_of(&Reason::ALL)?,
                at: saved.time()? - origin,
            });
        }
        breaker.log = Log::restored(changes, total);
        saved.0.is_empty().then_some(())
    }
}

fn length(list: &[f64]) -> f64 {
    u32::try_from(list.len()).unwrap_or(0).into()
}

/// Reads numbers one after another and refuses those that are not what they should be.
struct Reader<'a>(&'a [f64]);

impl<'a> Reader<'a> {
    #[inline(never)]
    fn next(&mut self) -> Option<f64> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// A time of the wall clock, in the range of JavaScript's dates, or NaN for none.
    #[inline(never)]
    fn time(&mut self) -> Option<f64> {
        self.next().filter(|time| time.is_nan() || time.abs() <= 8.64e15)
    }

    #[inline(never)]
    fn span(&mut self) -> Option<f64> {
        self.next().filter(|ms| (0.0..=LONGEST_SPAN).contains(ms))
    }

    #[inline(never)]
    fn span_if_any(&mut self) -> Option<f64> {
        self.next().filter(|ms| ms.is_nan() || (0.0..=LONGEST_SPAN).contains(ms))
    }

    #[inline(never)]
    fn count(&mut self) -> Option<Tally> {
        self.next().and_then(Tally::restored)
    }

    #[inline(never)]
    fn small(&mut self) -> Option<u16> {
        let count = self.next().filter(|count| count.fract() == 0.0 && (0.0..=65_535.0).contains(count))?;
        // Whole and in range, so the conversion is exact.
        #[allow(clippy::as_conversions)]
        return Some(count as u16);
    }

    fn whole(&mut self) -> Option<u32> {
        let count =
            self.next().filter(|count| count.fract() == 0.0 && (0.0..=4_294_967_295.0).contains(count))?;
        // Whole and in range, so the conversion is exact.
        #[allow(clippy::as_conversions)]
        return Some(count as u32);
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        all.get(usize::from(self.small()?)).copied()
    }

    /// A list after its length.
    fn list(&mut self) -> Option<&'a [f64]> {
        let length = self.next().filter(|length| length.fract() == 0.0 && (0.0..=4e9).contains(length))?;
        // Whole and in range, so the conversion is exact.
        #[allow(clippy::as_conversions)]
        let (list, rest) = self.0.split_at_checked(length as usize)?;
        self.0 = rest;
        Some(list)
    }
}
