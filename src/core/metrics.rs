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
    /// Of those, the ones for which the circuit was half open and had no room.
    pub rejected_half_open: Tally,
    /// Of the refused, those for which the bulkhead was full.
    pub rejected_bulkhead: Tally,
    /// Of the refused, those that met an isolated circuit.
    pub rejected_isolated: Tally,
    /// Of the admitted calls, those that an observing breaker would have refused.
    pub would_reject: Tally,
    /// Calls whose result came after their generation had ended.
    pub stale: Tally,
    /// Calls admitted that have not settled yet.
    pub in_flight: Tally,
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

    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        // Nobody was refused yet.
        if refusal == Refusal::Undecided {
            return;
        }
        self.rejected.add_one();
        match refusal {
            Refusal::Open | Refusal::Undecided => {}
            Refusal::HalfOpenFull => self.rejected_half_open.add_one(),
            Refusal::BulkheadFull => self.rejected_bulkhead.add_one(),
            Refusal::Isolated => self.rejected_isolated.add_one(),
        }
    }

    /// Of the refused calls, those that met an open circuit: all that are not of another kind.
    pub fn rejected_open(&self) -> f64 {
        self.rejected.get()
            - self.rejected_half_open.get()
            - self.rejected_bulkhead.get()
            - self.rejected_isolated.get()
    }

    /// All calls that are over.
    pub fn total(&self) -> f64 {
        [self.successful, self.failed, self.ignored, self.rejected, self.stale]
            .into_iter()
            .map(Tally::get)
            .sum()
    }
}
