//! What can be seen of a breaker: its state, what it counted, what it waits for, and what it needs to be told.
//!
//! Must not know: how it gets from one state to another. Nothing here changes anything (invariant 6).

use super::{Breaker, Phase};
use crate::core::backoff;
use crate::core::config::{Config, Field};
use crate::core::latency::LatencySummary;
use crate::core::log::Log;
use crate::core::metrics::{Metrics, Rejections};
use crate::core::policy::Counts;
use crate::core::state::{Mode, State};
use crate::core::time::Moment;
use std::rc::Rc;

/// The least and the most that a caller is told to wait where a verdict may come at any moment, in ms: not 0, at which clients come
/// back at once, and not a whole lease, which few test requests take.
const SHORTEST_HINT: f64 = 1.0;
const LONGEST_HINT: f64 = 1000.0;

/// The time that a probe has to ask which seems to be lost, in ms. More than its timer may lag behind a caller, so that a probe that lives
/// comes first: one whose dependency hangs looks lost, too.
const LOST_PATIENCE: f64 = 100.0;

impl Breaker {
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

    /// What the breaker does with its verdicts: of the switches that are on, the one that outranks the others.
    pub fn mode(&self) -> Mode {
        match self.leniency {
            Mode::Disabled => Mode::Disabled,
            _ if self.isolated => Mode::Isolated,
            leniency => leniency,
        }
    }

    /// Failures in a row, as the textbook class counts them: a success in closed or open zeroes it,
    /// one in half-open leaves it.
    pub fn failure_count(&self) -> f64 {
        self.failure_count.get()
    }

    /// Successful test requests of the current half-open state.
    pub fn success_count(&self) -> f64 {
        self.success_count.get()
    }

    /// Test requests of the current half-open state that failed, were slow or expired.
    pub fn failed_tests(&self) -> u32 {
        match &self.phase {
            Phase::HalfOpen(trial) => trial.failures(),
            _ => 0,
        }
    }

    /// Test requests that expired and have not settled since, where `maxConcurrent` makes that matter: they are in flight and
    /// hold no place.
    pub(super) fn hung(&self) -> f64 {
        self.hung.as_ref().map_or(0.0, |hung| hung.count())
    }

    /// When the last failure was, or `None` before the first and after closing.
    pub fn last_failure_time(&self) -> Option<f64> {
        (!self.last_failure_time.is_nan()).then_some(self.last_failure_time)
    }

    /// How many ms from now a caller should wait before it asks: 0 where it would be let through, infinity when the circuit is isolated.
    /// Where a test request stands in the way, or the probe's right to make one, a verdict may come at any moment: then it is
    /// from a ms to a second. Where a fleet holds it open, it is what is left until a test is due, and a quarter of a second at most from then
    /// on. A full bulkhead is no matter of time, and none of this.
    pub fn retry_after(&self, now: f64) -> f64 {
        if self.isolated {
            return f64::INFINITY;
        }
        if let Some(wait) = self.held_for(now) {
            // A grant that only the probe may use.
            return if wait > 0.0 || self.callers_test() { wait } else { SHORTEST_HINT };
        }
        let wait = match &self.phase {
            Phase::Closed { .. } => return 0.0,
            Phase::Open { since, .. } => {
                let left = self.open_for(now);
                if left > 0.0 {
                    return left;
                }
                // From when a stale verdict is found to be so.
                let due = if self.is_held() { Moment::at(now) } else { since.after(self.open_time()) };
                let kept = due.remaining(self.patience(), now);
                // Its time is up, unless nobody knows the time.
                if kept == 0.0 && now.is_finite() {
                    return 0.0;
                }
                kept
            }
            Phase::HalfOpen(trial) => {
                let kept = trial.kept_for_probe(self.patience(), now);
                let first = self.test_expires_after(now);
                if kept > 0.0 {
                    kept.min(first)
                } else if first > 0.0 && trial.has_room(&self.config, self.success_count) {
                    return 0.0;
                } else {
                    first
                }
            }
        };
        wait.clamp(SHORTEST_HINT, LONGEST_HINT)
    }

    /// How many ms from now until the probe has something to do, should nothing else happen: test once the circuit is due, or see to
    /// a test request that expired. Infinity when the circuit is isolated.
    pub fn probe_after(&self, now: f64) -> f64 {
        if self.isolated {
            return f64::INFINITY;
        }
        if let Some(wait) = self.held_for(now) {
            return wait;
        }
        match &self.phase {
            Phase::Open { .. } => self.open_for(now),
            Phase::HalfOpen(trial) if !trial.has_room(&self.config, self.success_count) => {
                self.test_expires_after(now)
            }
            _ => 0.0,
        }
    }

    /// What is left of the time for which the circuit was opened by hand at least.
    pub(super) fn held(&self, now: f64) -> f64 {
        match self.phase {
            Phase::Open { since, held, .. } => since.remaining(held, now),
            _ => 0.0,
        }
    }

    /// For how long a probe that is due and does not ask keeps callers from testing, in ms; 0 without a probe.
    #[inline(never)]
    pub(super) fn patience(&self) -> f64 {
        let longest = if !self.probed {
            0.0
        } else if self.probe_is_lost {
            LOST_PATIENCE
        } else {
            f64::INFINITY
        };
        self.config.half_open_timeout().min(longest)
    }

    /// The whole current open time, in ms; 0 when the circuit is not open.
    #[inline(never)]
    pub fn open_time(&self) -> f64 {
        match self.phase {
            Phase::Open { span, held, .. } => span.length(&self.config).max(held),
            _ => 0.0,
        }
    }

    /// How many ms from now until the first test request in flight expires; infinity when there is none.
    pub fn test_expires_after(&self, now: f64) -> f64 {
        let Phase::HalfOpen(trial) = &self.phase else { return f64::INFINITY };
        trial.expires_after(self.lease_time(), now)
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

    /// Whether whatever may open the circuit needs a random number.
    pub fn needs_random(&self) -> bool {
        backoff::needs_random(&self.config)
    }

    /// What was counted over the breaker's life.
    pub fn metrics(&self) -> Metrics {
        self.metrics
    }

    /// Refused calls by kind, those that met an open circuit aside.
    pub fn rejections(&self) -> Rejections {
        self.rejections.as_deref().copied().unwrap_or_default()
    }

    /// How long calls took; `None` before the first, and where that is not kept.
    pub fn latency(&self) -> Option<LatencySummary> {
        self.latency.as_ref()?.summary()
    }

    /// Whether the circuit is closed, but not for so long yet that its next opening would be no failed recovery: backoff remembers.
    pub fn is_on_probation(&self, now: f64) -> bool {
        let Phase::Closed { since } = self.phase else { return false };
        since.remaining(self.backoff.probation(), now) > 0.0
            && self.config.get(Field::BackoffFactor).is_some()
    }

    /// How often recovery has failed in a row.
    pub fn failed_recoveries(&self) -> u16 {
        self.backoff.failed_recoveries()
    }

    /// The calls in the window that are judged at `now`; `None` without a window.
    pub fn window(&self, now: f64) -> Option<Counts> {
        self.policy.counts(now)
    }

    /// The state changes kept.
    pub fn log(&self) -> &Log {
        &self.log
    }
}
