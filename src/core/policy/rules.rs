//! The rules that a window is judged by: a number of failures, a share of failures, a share of slow calls.
//!
//! Must not know: how the calls are kept.

use super::Evidence;
use crate::core::config::{Config, Field};
use crate::core::reason::Reason;

/// The calls in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls that settled, the ignored ones left out.
    pub calls: u32,
    /// Those that failed.
    pub failures: u32,
    /// Those that were slow, failed or not.
    pub slow: u32,
}

/// Whether the counted calls were judged to be slow, or not, as the options in force judge them, though what was slow took `was` ms; NaN
/// where nobody said, and so nobody was slow.
pub(super) fn same_calls_are_slow(counts: Option<Counts>, was: f64, config: &Config) -> bool {
    let (Some(Counts { calls, slow, .. }), Some(is)) = (counts, config.given(Field::SlowCallDuration)) else {
        return true;
    };
    let was = if was.is_nan() { f64::INFINITY } else { was };
    // All that took at least as long as the longer one did as well, and all that took less than the shorter one.
    is == was || if is > was { slow == 0 } else { slow == calls }
}

impl Counts {
    pub(super) fn add(&mut self, failed: bool, slow: bool) {
        self.calls = self.calls.saturating_add(1);
        self.failures = self.failures.saturating_add(failed.into());
        self.slow = self.slow.saturating_add(slow.into());
    }

    pub(super) fn add_all(&mut self, more: Counts) {
        self.calls = self.calls.saturating_add(more.calls);
        self.failures = self.failures.saturating_add(more.failures);
        self.slow = self.slow.saturating_add(more.slow);
    }

    pub(super) fn take_all(&mut self, less: Counts) {
        self.calls = self.calls.saturating_sub(less.calls);
        self.failures = self.failures.saturating_sub(less.failures);
        self.slow = self.slow.saturating_sub(less.slow);
    }

    /// The reason to open by these counts.
    pub(super) fn judge(self, evidence: Evidence, config: &Config) -> Option<Reason> {
        judge([self.calls, self.failures, self.slow].map(f64::from), evidence, config)
    }
}

/// The reason to open, now that this call is among the counted ones: how many calls, failures and slow calls there are, in
/// fractions where a call may weigh less than 1. Only a failure trips a rule of failures and only a slow call one of slow calls; a
/// share is compared with `>=`, once `minimumCalls` are in.
pub(super) fn judge(
    [calls, failures, slow]: [f64; 3],
    evidence: Evidence,
    config: &Config,
) -> Option<Reason> {
    let threshold = config.given(Field::FailureThreshold);
    if evidence.failed && threshold.is_some_and(|threshold| failures >= threshold) {
        return Some(Reason::FailureThreshold);
    }
    if config.get(Field::MinimumCalls).is_none_or(|minimum| calls < minimum) {
        return None;
    }
    let reaches = |part: f64, rate: Field| config.given(rate).is_some_and(|rate| part / calls >= rate);
    if evidence.failed && reaches(failures, Field::FailureRate) {
        return Some(Reason::FailureRate);
    }
    if evidence.slow && reaches(slow, Field::SlowCallRate) {
        return Some(Reason::SlowCallRate);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::tally::Tally;

    fn judge(counts: (u32, u32, u32), failed: bool, slow: bool, options: &[(Field, f64)]) -> Option<Reason> {
        let config = options
            .iter()
            .try_fold(Config::default(), |config, (field, value)| config.with(*field, *value))
            .unwrap();
        let evidence = Evidence { failed, slow, failures_in_a_row: Tally::default(), now: 0.0 };
        Counts { calls: counts.0, failures: counts.1, slow: counts.2 }.judge(evidence, &config)
    }

    const WINDOW: (Field, f64) = (Field::WindowSize, 100.0);

    #[test]
    fn a_call_that_was_slow_is_slow_by_a_shorter_time_and_one_that_was_not_is_not_by_a_longer_one() {
        let slow_at = |ms| Config::default().with(Field::SlowCallDuration, ms).unwrap();
        let same = |was: f64, is: &Config| {
            [(0, 0), (3, 0), (3, 1), (3, 3)]
                .map(|(calls, slow)| same_calls_are_slow(Some(Counts { calls, failures: 0, slow }), was, is))
        };
        assert_eq!(same(10.0, &slow_at(10.0)), [true; 4]);
        assert_eq!(same(10.0, &slow_at(20.0)), [true, true, false, false]);
        assert_eq!(same(20.0, &slow_at(10.0)), [true, false, false, true]);
        assert_eq!(same(f64::NAN, &slow_at(10.0)), [true, false, false, true]);
        assert_eq!(same(10.0, &Config::default()), [true; 4]);
        assert!(same_calls_are_slow(None, f64::NAN, &slow_at(10.0)), "without a window");
    }

    #[test]
    fn a_share_trips_when_it_is_reached_exactly() {
        let options = [WINDOW, (Field::FailureRate, 0.3), (Field::MinimumCalls, 10.0)];
        assert_eq!(judge((10, 2, 0), true, false, &options), None);
        assert_eq!(judge((10, 3, 0), true, false, &options), Some(Reason::FailureRate));
    }

    #[test]
    fn calls_that_weigh_less_than_1_are_judged_by_their_fractions() {
        let options =
            [WINDOW, (Field::FailureRate, 0.5), (Field::MinimumCalls, 2.0), (Field::FailureThreshold, 3.0)];
        let config = options
            .iter()
            .fold(Config::default(), |config, (field, value)| config.with(*field, *value).unwrap());
        let evidence = Evidence { failed: true, slow: false, failures_in_a_row: Tally::default(), now: 0.0 };
        let judge = |calls, failures| super::judge([calls, failures, 0.0], evidence, &config);
        assert_eq!(judge(1.99, 1.99), None);
        assert_eq!(judge(2.5, 1.24), None);
        assert_eq!(judge(2.5, 1.25), Some(Reason::FailureRate));
        assert_eq!(judge(9.5, 2.99), None);
        assert_eq!(judge(9.5, 3.0), Some(Reason::FailureThreshold));
    }

    #[test]
    fn no_share_is_judged_below_the_minimum_of_calls() {
        let options = [WINDOW, (Field::FailureRate, 0.5), (Field::MinimumCalls, 10.0)];
        assert_eq!(judge((9, 9, 0), true, false, &options), None);
        assert_eq!(judge((10, 9, 0), true, false, &options), Some(Reason::FailureRate));
    }

    #[test]
    fn a_count_of_failures_needs_no_minimum_of_calls() {
        let options = [WINDOW, (Field::FailureThreshold, 3.0), (Field::FailureRate, 0.5)];
        assert_eq!(judge((2, 2, 0), true, false, &options), None);
        assert_eq!(judge((3, 3, 0), true, false, &options), Some(Reason::FailureThreshold));
    }

    #[test]
    fn a_success_trips_nothing_and_a_slow_one_only_the_share_of_slow_calls() {
        let options = [
            WINDOW,
            (Field::FailureRate, 0.5),
            (Field::SlowCallRate, 0.5),
            (Field::SlowCallDuration, 100.0),
            (Field::MinimumCalls, 4.0),
        ];
        assert_eq!(judge((4, 4, 4), false, false, &options), None);
        assert_eq!(judge((4, 4, 1), false, true, &options), None);
        assert_eq!(judge((4, 0, 2), false, true, &options), Some(Reason::SlowCallRate));
        assert_eq!(judge((4, 0, 2), true, false, &options), None);
    }
}
