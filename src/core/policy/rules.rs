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
