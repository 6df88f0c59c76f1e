//! The table of conflicts between options: the option to be corrected, what it should be, and the rule.
//!
//! Must not know: how the options came to be. To add one: its row, and its case in the test at the end.

use super::Config;
use super::field::Field;

/// Makes the enum of the conflicts and what is said of each: the one list. The first that is found is told.
macro_rules! conflicts {
    (|$config:ident| $($(#[$doc:meta])* $conflict:ident: $option:literal, $expected:literal, $rule:expr;)+) => {
        /// Two options that contradict each other, or one that is nothing without another.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Conflict {
            $($(#[$doc])* $conflict,)+
        }

        impl Conflict {
            /// Every conflict, in the order of their numbers.
            pub const ALL: [Conflict; [$($option),+].len()] = [$(Conflict::$conflict),+];

            /// The first that these options have.
            pub(super) fn first_in($config: &Config) -> Option<Conflict> {
                $(if $rule {
                    return Some(Conflict::$conflict);
                })+
                None
            }

            /// The option to be corrected, and what it should be, as it continues "Expected `option` to be …".
            pub(super) fn text(self) -> (&'static str, &'static str) {
                match self {
                    $(Conflict::$conflict => ($option, $expected),)+
                }
            }
        }
    };
}

conflicts! {
    |config|

    /// The circuit could never close.
    HalfOpenCallsBelowSuccessThreshold: "halfOpenCalls", "at least `successThreshold`",
        config.get(Field::HalfOpenCalls) < config.get(Field::SuccessThreshold);

    /// A window is of one type.
    TwoWindows: "window", "of one type, without the members of another", config.windows() > 1;

    /// Buckets are the parts of a window of time.
    BucketsWithoutDuration: "window.buckets", "left out without `window.duration`",
        config.has(Field::WindowBuckets) && !config.has(Field::WindowDuration);

    /// A rate is of the calls in a window.
    FailureRateWithoutWindow: "failureRate", "left out without `window`",
        config.has(Field::FailureRate) && !config.has_window();

    /// A rate is of the calls in a window.
    SlowCallRateWithoutWindow: "slowCallRate", "left out without `window`",
        config.has(Field::SlowCallRate) && !config.has_window();

    /// A window without a rule never opens the circuit.
    WindowWithoutRule: "window", "given along with `failureRate`, `slowCallRate` or `failureThreshold`",
        config.has_window() && !config.has_rate() && !config.has(Field::FailureThreshold);

    /// That many calls never fit into the window.
    MinimumCallsAboveWindow: "minimumCalls", "at most `window.size`",
        config.is_above(Field::MinimumCalls, Field::WindowSize);

    /// Nothing to wait for.
    MinimumCallsWithoutRate: "minimumCalls", "left out without `failureRate` or `slowCallRate`",
        config.has(Field::MinimumCalls) && !config.has_rate();

    /// That many failures never fit into the window.
    FailureThresholdAboveWindow: "failureThreshold", "at most `window.size`",
        config.is_above(Field::FailureThreshold, Field::WindowSize);

    /// Nobody knows what slow is.
    SlowCallRateWithoutDuration: "slowCallRate", "given along with `slowCallDuration`",
        config.has(Field::SlowCallRate) && !config.has(Field::SlowCallDuration);

    /// Nothing comes of a slow call.
    SlowCallDurationWithoutRate: "slowCallDuration", "given along with `slowCallRate`",
        config.has(Field::SlowCallDuration) && !config.has(Field::SlowCallRate);

    /// Backoff would shorten the open time.
    BackoffMaxBelowRecoveryTimeout: "recoveryBackoff.max", "at least `recoveryTimeout`",
        config.given(Field::BackoffMax).is_some_and(|max| max < config.recovery_timeout());
}

#[cfg(test)]
mod tests {
    use super::super::Problem;
    use super::*;

    #[test]
    fn every_option_that_a_text_names_exists() {
        let exists = |name: &str| {
            Field::ALL
                .iter()
                .any(|field| field.name() == name || field.name().split('.').next() == Some(name))
        };
        for conflict in Conflict::ALL {
            let (option, expected) = conflict.text();
            assert!(exists(option), "{option}");
            // What stands between backticks is each second part.
            for name in expected.split('`').skip(1).step_by(2) {
                assert!(exists(name), "{name}");
            }
        }
    }

    #[test]
    fn each_conflict_is_found_and_nothing_is_once_it_is_mended() {
        use Field::*;
        let check = |given: Given| {
            given
                .iter()
                .try_fold(Config::default(), |config, (field, value)| config.with(*field, *value))
                .and_then(|config| config.check())
        };
        type Given = &'static [(Field, f64)];
        let cases: [(Conflict, Given, Given); Conflict::ALL.len()] = [
            (Conflict::HalfOpenCallsBelowSuccessThreshold, &[(HalfOpenCalls, 1.0)], &[(HalfOpenCalls, 2.0)]),
            (
                Conflict::TwoWindows,
                &[(WindowSize, 10.0), (WindowDuration, 1000.0), (FailureRate, 0.5)],
                &[(WindowSize, 10.0), (FailureRate, 0.5)],
            ),
            (
                Conflict::BucketsWithoutDuration,
                &[(WindowBuckets, 10.0)],
                &[(WindowBuckets, 10.0), (WindowDuration, 1000.0), (FailureRate, 0.5)],
            ),
            (
                Conflict::FailureRateWithoutWindow,
                &[(FailureRate, 0.5)],
                &[(FailureRate, 0.5), (WindowSize, 10.0)],
            ),
            (
                Conflict::SlowCallRateWithoutWindow,
                &[(SlowCallRate, 0.5), (SlowCallDuration, 100.0)],
                &[(SlowCallRate, 0.5), (SlowCallDuration, 100.0), (WindowSize, 10.0)],
            ),
            (
                Conflict::WindowWithoutRule,
                &[(WindowSize, 10.0)],
                &[(WindowSize, 10.0), (FailureThreshold, 10.0)],
            ),
            (
                Conflict::MinimumCallsAboveWindow,
                &[(WindowSize, 10.0), (FailureRate, 0.5), (MinimumCalls, 11.0)],
                &[(WindowSize, 10.0), (FailureRate, 0.5), (MinimumCalls, 10.0)],
            ),
            (
                Conflict::MinimumCallsWithoutRate,
                &[(MinimumCalls, 5.0)],
                &[(MinimumCalls, 5.0), (FailureRate, 0.5), (WindowSize, 10.0)],
            ),
            (
                Conflict::FailureThresholdAboveWindow,
                &[(WindowSize, 10.0), (FailureThreshold, 11.0)],
                &[(WindowSize, 10.0), (FailureThreshold, 10.0)],
            ),
            (
                Conflict::SlowCallRateWithoutDuration,
                &[(WindowSize, 10.0), (SlowCallRate, 0.5)],
                &[(WindowSize, 10.0), (SlowCallRate, 0.5), (SlowCallDuration, 1.0)],
            ),
            (
                Conflict::SlowCallDurationWithoutRate,
                &[(SlowCallDuration, 1.0)],
                &[(WindowSize, 10.0), (SlowCallRate, 0.5), (SlowCallDuration, 1.0)],
            ),
            (Conflict::BackoffMaxBelowRecoveryTimeout, &[(BackoffMax, 59_999.0)], &[(BackoffMax, 60_000.0)]),
        ];
        assert!(
            Conflict::ALL.iter().all(|conflict| cases.iter().any(|(one, ..)| one == conflict)),
            "each has its case"
        );
        for (conflict, wrong, right) in cases {
            assert_eq!(check(wrong), Err(Problem::Conflict(conflict)));
            assert_eq!(check(right), Ok(()), "{conflict:?}");
        }
    }
}
