//! Opens after N failures in a row.
//!
//! Must not know: time. The run of failures is the breaker's own `failureCount`, which goes on counting
//! in the other states; this policy keeps nothing.

use super::{Carried, Counts, Evidence, Shape};
use crate::core::config::{Config, Field};
use crate::core::reason::Reason;

/// Opens after `failureThreshold` failures in a row.
#[derive(Clone, Copy, Debug)]
pub(in crate::core) struct Consecutive;

impl Consecutive {
    #[cfg(test)]
    pub(super) const EXAMPLE: &[(Field, f64)] = &[(Field::FailureThreshold, 3.0)];

    pub(super) const NEEDS_TIME_OF_SUCCESS: bool = false;

    #[inline(always)]
    pub(super) fn succeed(self, _now: f64) {}

    pub(super) fn judge(self, evidence: Evidence, config: &Config) -> Option<Reason> {
        let trips =
            evidence.failed && evidence.failures_in_a_row.reaches(config.count(Field::FailureThreshold));
        trips.then_some(Reason::FailureThreshold)
    }

    pub(super) fn clear(self) {}

    pub(super) fn counts(self, _now: f64) -> Option<Counts> {
        None
    }

    pub(super) fn save(self, _now: f64) -> Vec<f64> {
        Vec::new()
    }

    /// Needs nothing of a window that there was.
    pub(super) fn load(self, _saved: &[f64], _was: Shape, _away: f64, _now: f64) -> Carried {
        Carried::Exactly
    }
}
