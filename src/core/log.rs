//! The bounded list of state changes, and those of them that nobody was told of yet.
//!
//! Must not know: events. The machine writes here; whoever owns the machine takes the news and tells it.

use super::state::{State, number_of};
use super::tally::Tally;
use std::collections::VecDeque;

/// Why the state changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// `closed` to `open`: so many failures.
    FailureThreshold,
    /// `closed` to `open`: such a share of failures.
    FailureRate,
    /// `closed` to `open`: such a share of slow calls.
    SlowCallRate,
    /// `closed` or `half_open` to `open`: a failure asked for it.
    Asked,
    /// `half_open` to `open`: test requests failed.
    TestFailed,
    /// `half_open` to `open`: test requests were slow.
    TestSlow,
    /// `half_open` to `open`: a test request did not settle in time.
    TestExpired,
    /// `open` to `half_open`: the recovery time is up.
    RecoveryDue,
    /// `half_open` to `closed`: enough test requests succeeded.
    Recovered,
    /// To `open`, by hand.
    Trip,
    /// To `open`, by hand, until released.
    Isolate,
    /// To `closed`, by hand.
    Reset,
}

impl Reason {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Reason; 12] = [
        Reason::FailureThreshold,
        Reason::FailureRate,
        Reason::SlowCallRate,
        Reason::Asked,
        Reason::TestFailed,
        Reason::TestSlow,
        Reason::TestExpired,
        Reason::RecoveryDue,
        Reason::Recovered,
        Reason::Trip,
        Reason::Isolate,
        Reason::Reset,
    ];

    /// The reason as events and logs spell it.
    pub fn name(self) -> &'static str {
        match self {
            Reason::FailureThreshold => "failure_threshold",
            Reason::FailureRate => "failure_rate",
            Reason::SlowCallRate => "slow_call_rate",
            Reason::Asked => "asked",
            Reason::TestFailed => "test_failed",
            Reason::TestSlow => "test_slow",
            Reason::TestExpired => "test_expired",
            Reason::RecoveryDue => "recovery_due",
            Reason::Recovered => "recovered",
            Reason::Trip => "trip",
            Reason::Isolate => "isolate",
            Reason::Reset => "reset",
        }
    }
}

/// One change of state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transition {
    /// The state left.
    pub from: State,
    /// The state entered.
    pub to: State,
    /// Why.
    pub reason: Reason,
    /// When, in ms of the breaker's clock; NaN when the clock had no time to tell.
    pub at: f64,
}

/// State changes kept; older ones are only counted.
pub(super) const KEPT: usize = 64;

/// The last [`KEPT`] state changes and the count of all. Takes no memory before the first.
#[derive(Clone, Debug, Default)]
pub struct Log {
    kept: VecDeque<Transition>,
    untold: usize,
    total: Tally,
}

impl Log {
    pub(crate) fn push(&mut self, transition: Transition) {
        if self.kept.len() >= KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(transition);
        self.untold = self.untold.saturating_add(1).min(self.kept.len());
        self.total.add_one();
    }

    /// The oldest state change that was not taken yet.
    pub(crate) fn take(&mut self) -> Option<Transition> {
        let next = self.kept.len().checked_sub(self.untold)?;
        let transition = self.kept.get(next).copied()?;
        self.untold = self.untold.saturating_sub(1);
        Some(transition)
    }

    /// Whether there is a state change that was not taken yet.
    pub fn has_news(&self) -> bool {
        self.untold > 0
    }

    /// The state changes kept as four numbers each: from, to, reason, when, on a clock whose zero is `origin` ms after
    /// the epoch.
    pub fn numbers(&self, origin: f64) -> Vec<f64> {
        let mut numbers = Vec::new();
        for change in &self.kept {
            numbers.push(number_of(&State::ALL, change.from));
            numbers.push(number_of(&State::ALL, change.to));
            numbers.push(number_of(&Reason::ALL, change.reason));
            numbers.push(origin + change.at);
        }
        numbers
    }

    /// The state changes kept, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Transition> {
        self.kept.iter()
    }

    /// A list carried on from a snapshot; nobody is told of what is in it.
    pub(crate) fn restored(kept: Vec<Transition>, total: Tally) -> Log {
        Log { kept: kept.into(), untold: 0, total }
    }

    /// State changes ever made.
    pub fn total(&self) -> f64 {
        self.total.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(at: f64) -> Transition {
        Transition { from: State::Closed, to: State::Open, reason: Reason::Trip, at }
    }

    #[test]
    fn each_state_change_is_taken_once_and_in_order() {
        let mut log = Log::default();
        log.push(at(1.0));
        log.push(at(2.0));
        assert!(log.has_news());
        assert_eq!(log.take(), Some(at(1.0)));
        log.push(at(3.0));
        assert_eq!(log.take(), Some(at(2.0)));
        assert_eq!(log.take(), Some(at(3.0)));
        assert_eq!(log.take(), None);
        assert!(!log.has_news());
    }

    #[test]
    fn the_list_is_bounded_and_the_count_is_not() {
        let mut log = Log::default();
        for time in 0..1000_u32 {
            log.push(at(time.into()));
        }
        assert_eq!(log.iter().count(), KEPT);
        assert_eq!(log.iter().next().map(|kept| kept.at), Some(936.0));
        assert_eq!(log.total(), 1000.0);
        assert_eq!(log.take().map(|taken| taken.at), Some(936.0));
    }

    #[test]
    fn every_reason_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
    }
}
