//! What can be seen of a breaker: its state, what it counted, what it waits for, and what it needs to be told.
//!
//! Must not know: how it gets from one state to another. Nothing here changes anything (invariant 6).

use super::{Breaker, Phase};
use crate::core::backoff;
use crate::core::config::{Config, Field};
use crate::core::latency::LatencySummary;
use crate::core::log::Log;
use crate::core::metrics::Metrics;
use crate::core::policy::Counts;
use crate::core::state::{Mode, State};
use std::rc::Rc;

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

    /// What the breaker does with its verdicts.
    pub fn mode(&self) -> Mode {
        self.mode
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

    /// How many ms from now an open circuit goes on refusing: 0 when it is not open or its time is up, infinity
    /// when it is isolated. In half-open it is 0 as well, since a verdict may come at any moment.
    pub fn retry_after(&self, now: f64) -> f64 {
        match self.phase {
            Phase::Open { .. } if self.mode == Mode::Isolated => f64::INFINITY,
            Phase::Open { since, span } => since.remaining(span.length(&self.config), now),
            _ => 0.0,
        }
    }

    /// The whole current open time, in ms; 0 when the circuit is not open.
    pub fn open_time(&self) -> f64 {
        match self.phase {
            Phase::Open { span, .. } => span.length(&self.config),
            _ => 0.0,
        }
    }

    /// How many ms from now until the first test request in flight expires; infinity when there is none.
    pub fn test_expires_after(&self, now: f64) -> f64 {
        let Phase::HalfOpen(trial) = &self.phase else { return f64::INFINITY };
        trial.expires_after(self.config.half_open_timeout(), now)
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

    /// How long calls took; `None` before the first, and where that is not kept.
    pub fn latency(&self) -> Option<LatencySummary> {
        self.latency.as_ref()?.summary()
    }

    /// How often recovery has failed in a row; 0 without backoff.
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
