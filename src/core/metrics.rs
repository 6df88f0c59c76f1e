//! What is counted over a breaker's life.
//!
//! Must not know: states and policies. Each call that is over stands in exactly one of these numbers, but for
//! test requests that expired (invariant 5).

use super::permit::{Outcome, Refusal};
use super::tally::Tally;

/// Counts over a breaker's life.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Metrics {
    /// Calls that settled as successes.
    pub successful: Tally,
    /// Calls that settled as failures, test requests that never settled included.
    pub failed: Tally,
    /// Of the failures, those that timed out.
    pub timed_out: Tally,
    /// Calls that settled as ignored.
    pub ignored: Tally,
    /// Calls that were refused.
    pub rejected: Tally,
    /// Of the admitted calls, those that an observing breaker would have refused.
    pub would_reject: Tally,
    /// Calls whose result came after their generation had ended.
    pub stale: Tally,
    /// Calls admitted that have not settled yet.
    pub in_flight: Tally,
}

/// Refused calls by kind, but for those that met an open circuit: these are the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rejections {
    /// The circuit was half open and had no room.
    pub half_open: Tally,
    /// The bulkhead was full.
    pub bulkhead: Tally,
    /// The circuit was isolated.
    pub isolated: Tally,
}

impl Rejections {
    pub(super) fn count(&mut self, refusal: Refusal) {
        match refusal {
            Refusal::Open | Refusal::Undecided => {}
            Refusal::HalfOpenFull => self.half_open.add_one(),
            Refusal::BulkheadFull => self.bulkhead.add_one(),
            Refusal::Isolated => self.isolated.add_one(),
        }
    }

    /// How many of that many refused calls met an open circuit.
    pub fn open(self, rejected: Tally) -> f64 {
        rejected.get() - self.half_open.get() - self.bulkhead.get() - self.isolated.get()
    }
}

impl Metrics {
    #[inline]
    pub(crate) fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Success => self.successful.add_one(),
            Outcome::Failure => self.failed.add_one(),
            Outcome::Ignored => self.ignored.add_one(),
            Outcome::TimedOut => {
                self.failed.add_one();
                self.timed_out.add_one();
            }
        }
    }

    /// All calls that are over.
    pub fn total(&self) -> f64 {
        [self.successful, self.failed, self.ignored, self.rejected, self.stale]
            .into_iter()
            .map(Tally::get)
            .sum()
    }
}
