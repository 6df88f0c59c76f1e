//! The bounded list of state changes, and those of them that nobody was told of yet.
//!
//! Must not know: events. The machine writes here; whoever owns the machine takes the news and tells it.

use super::numbers::{Reader, Time, numbers};
use super::reason::Reason;
use super::state::State;
use super::tally::Tally;

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

numbers! {
    /// A change of state as numbers.
    Change {
        "from" => from: State,
        "to" => to: State,
        "reason" => reason: Reason,
        "at" => at: Time,
    }
}

/// State changes kept; older ones are only counted.
pub(super) const KEPT: usize = 64;

/// The last state changes, as many as are kept, and the count of all. Takes no memory before the first.
#[derive(Clone, Debug, Default)]
pub struct Log {
    kept: Vec<Transition>,
    untold: usize,
    total: Tally,
}

impl Log {
    pub(crate) fn push(&mut self, transition: Transition) {
        if self.kept.len() >= KEPT {
            self.kept.remove(0);
        }
        self.kept.push(transition);
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

    /// How many numbers a state change is.
    pub const NUMBERS_OF_EACH: usize = Change::NAMES.len();

    /// The state changes kept, oldest first, as four numbers each: from, to, reason, when, on a clock whose zero is `origin` ms
    /// after the epoch.
    pub fn numbers(&self, origin: f64) -> Vec<f64> {
        let mut numbers = Vec::new();
        for &Transition { from, to, reason, at } in &self.kept {
            Change { from, to, reason, at: Time(origin + at) }.save(&mut numbers);
        }
        numbers
    }

    /// A list carried on from what [`Log::numbers`] gave, with the count of all; nobody is told of what is in it. `None` where the
    /// numbers are not those of a list.
    pub(super) fn restored(numbers: &[f64], total: Tally, origin: f64) -> Option<Log> {
        let mut numbers = Reader::new(numbers);
        let mut kept = Vec::new();
        while !numbers.is_at_end() {
            let Change { from, to, reason, at } = Change::load(&mut numbers)?;
            kept.push(Transition { from, to, reason, at: at.0 - origin });
        }
        (kept.len() <= KEPT).then_some(Log { kept, untold: 0, total })
    }

    /// How many ms ago the last state change was; NaN before the first, and where the clock has no time to tell.
    pub fn age(&self, now: f64) -> f64 {
        let age = self.kept.last().map_or(f64::NAN, |last| now - last.at);
        // Of a clock that went back it is not less than nothing. Not `max`, which minds NaN.
        if age < 0.0 { 0.0 } else { age }
    }

    /// State changes ever made, as a count.
    pub(super) fn count(&self) -> Tally {
        self.total
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
    fn the_last_state_change_has_an_age_and_none_has_none() {
        let mut log = Log::default();
        assert!(log.age(5.0).is_nan());
        log.push(at(1.0));
        log.push(at(3.0));
        assert_eq!((log.age(5.0), log.age(3.0)), (2.0, 0.0));
        assert_eq!(log.age(2.0), 0.0, "of a clock that went back");
        assert!(log.age(f64::NAN).is_nan());
        log.push(at(f64::NAN));
        assert!(log.age(5.0).is_nan());
    }

    #[test]
    fn the_list_is_bounded_and_the_count_is_not() {
        let mut log = Log::default();
        for time in 0..1000_u32 {
            log.push(at(time.into()));
        }
        assert_eq!(log.kept.len(), KEPT);
        assert_eq!(log.kept.first().map(|kept| kept.at), Some(936.0));
        assert_eq!(log.total(), 1000.0);
        assert_eq!(log.take().map(|taken| taken.at), Some(936.0));
    }
}
