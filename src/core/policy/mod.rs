//! Whether to open a closed circuit: the seam, and the one list of policies.
//!
//! Must not know: how a breaker moves between its states, how long it stays open, who called.
//! A policy sees only calls that settled in the closed generation at hand. To add one: its file, and
//! its lines in the list below; the conformance tests at the end run over the list.

mod consecutive;
mod count_window;
mod rules;
mod time_window;

use super::config::Config;
use super::log::Reason;
use super::tally::Tally;
use consecutive::Consecutive;
use count_window::CountWindow;
pub use rules::Counts;
use time_window::TimeWindow;

/// What a policy is told of a call that settled while the circuit was closed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence {
    /// Whether the call failed.
    pub failed: bool,
    /// Whether the call was slow.
    pub slow: bool,
    /// Failures in a row up to and including this call; 0 after a success.
    pub failures_in_a_row: Tally,
    /// When it settled.
    pub now: f64,
}

/// Makes the enum of policies and hands each call on: the one list.
macro_rules! policies {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// The policy of one breaker.
        #[derive(Clone, Debug)]
        pub(super) enum Policy {
            $($(#[$doc])* $name($name),)+
        }

        impl Policy {
            /// The policy that these options ask for. All the memory it will ever need is taken here.
            pub(super) fn new(config: &Config) -> Policy {
                $(if let Some(policy) = $name::new(config) {
                    return Policy::$name(policy);
                })+
                Policy::Consecutive(Consecutive)
            }

            /// Takes in one success that was not slow, which opens nothing.
            #[inline(always)]
            pub(super) fn succeed(&mut self, now: f64) {
                match self { $(Policy::$name(policy) => policy.succeed(now),)+ }
            }

            /// Takes in one call and answers with the reason to open the circuit, if there is one.
            #[inline(never)]
            pub(super) fn judge(&mut self, evidence: Evidence, config: &Config) -> Option<Reason> {
                match self { $(Policy::$name(policy) => policy.judge(evidence, config),)+ }
            }

            /// Forgets all calls.
            #[inline(never)]
            pub(super) fn clear(&mut self) {
                match self { $(Policy::$name(policy) => policy.clear(),)+ }
            }

            /// Whether a success has to bring its time along.
            pub(super) fn needs_time_of_success(&self) -> bool {
                match self { $(Policy::$name(_) => $name::NEEDS_TIME_OF_SUCCESS,)+ }
            }

            /// The calls that are judged at `now`; `None` for a policy without a window. Changes nothing.
            #[inline(never)]
            pub(super) fn counts(&self, now: f64) -> Option<Counts> {
                match self { $(Policy::$name(policy) => policy.counts(now),)+ }
            }

            /// The window as numbers, for a snapshot: what [`Policy::load`] takes.
            #[inline(never)]
            pub(super) fn save(&self, now: f64) -> Vec<f64> {
                match self { $(Policy::$name(policy) => policy.save(now),)+ }
            }

            /// Fills the window with what [`Policy::save`] gave `away` ms before `now`. False, and the window
            /// is empty, when the numbers are none that this window could have given.
            #[inline(never)]
            pub(super) fn load(&mut self, saved: &[f64], away: f64, now: f64) -> bool {
                let fits = match self { $(Policy::$name(policy) => policy.load(saved, away, now),)+ };
                if !fits {
                    self.clear();
                }
                fits
            }
        }
    };
}

policies! {
    /// The last so many calls.
    CountWindow,
    /// The calls of the last so many ms.
    TimeWindow,
    /// So many failures in a row.
    Consecutive,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::config::Field;

    fn config(options: &[(Field, f64)]) -> Config {
        options
            .iter()
            .try_fold(Config::default(), |config, (field, value)| config.with(*field, *value))
            .unwrap()
    }

    /// One configuration for each policy of the list, each opening at the third failure of three calls.
    fn each() -> Vec<(Config, Policy)> {
        let rate = [(Field::FailureRate, 1.0), (Field::MinimumCalls, 3.0)];
        [
            config(&[(Field::FailureThreshold, 3.0)]),
            config(&[(Field::WindowSize, 10.0), rate[0], rate[1]]),
            config(&[(Field::WindowDuration, 10_000.0), rate[0], rate[1]]),
        ]
        .into_iter()
        .map(|config| (config, Policy::new(&config)))
        .collect()
    }

    fn call(policy: &mut Policy, config: &Config, failed: bool, row: u32) -> Option<Reason> {
        let mut failures_in_a_row = Tally::default();
        (0..row).for_each(|_| failures_in_a_row.add_one());
        policy.judge(Evidence { failed, slow: false, failures_in_a_row, now: 1000.0 }, config)
    }

    #[test]
    fn the_options_choose_the_policy() {
        let names: Vec<_> = each().into_iter().map(|(_, policy)| format!("{policy:?}")).collect();
        for (name, expected) in names.iter().zip(["Consecutive", "CountWindow", "TimeWindow"]) {
            assert!(name.starts_with(expected), "{name}");
        }
    }

    #[test]
    fn every_policy_opens_at_its_threshold_and_not_before() {
        for (config, mut policy) in each() {
            assert_eq!(call(&mut policy, &config, true, 1), None);
            assert_eq!(call(&mut policy, &config, true, 2), None);
            assert!(call(&mut policy, &config, true, 3).is_some(), "{policy:?}");
        }
    }

    #[test]
    fn no_policy_opens_on_a_plain_success() {
        for (config, mut policy) in each() {
            call(&mut policy, &config, true, 1);
            call(&mut policy, &config, true, 2);
            assert_eq!(call(&mut policy, &config, false, 0), None);
        }
    }

    #[test]
    fn every_policy_starts_anew_once_cleared() {
        for (config, mut policy) in each() {
            call(&mut policy, &config, true, 1);
            call(&mut policy, &config, true, 2);
            policy.clear();
            assert_eq!(call(&mut policy, &config, true, 1), None);
            assert_eq!(call(&mut policy, &config, true, 2), None);
            assert!(call(&mut policy, &config, true, 3).is_some());
        }
    }

    #[test]
    fn every_policy_carries_on_from_what_it_saved() {
        for (config, mut policy) in each() {
            call(&mut policy, &config, true, 1);
            call(&mut policy, &config, true, 2);
            let mut other = Policy::new(&config);
            assert!(other.load(&policy.save(1000.0), 0.0, 1000.0));
            assert_eq!(other.counts(1000.0), policy.counts(1000.0));
            assert!(call(&mut other, &config, true, 3).is_some());
        }
    }

    #[test]
    fn no_policy_takes_numbers_it_did_not_save() {
        for nonsense in [&[f64::NAN][..], &[-1.0, -1.0, -1.0, -1.0], &[0.5; 4], &[4.0; 5], &[1e300; 400]] {
            for (config, mut policy) in each() {
                assert!(!policy.load(nonsense, 0.0, 1000.0), "{policy:?}");
                assert_eq!(policy.save(1000.0), Policy::new(&config).save(1000.0));
            }
        }
    }
}
