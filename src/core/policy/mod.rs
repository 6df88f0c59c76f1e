//! Whether to open a closed circuit: the seam, and the one list of policies.
//!
//! Must not know: how a breaker moves between its states, how long it stays open, who called.
//! A policy sees only calls that settled in the current closed generation. To add one: its file with its `EXAMPLE`, its
//! row in the list below, and the type of window that asks for it in `WINDOWS` of `config/field.rs`; the tests at the end run over
//! both lists, and over the files of this folder.

mod consecutive;
mod count_window;
mod rules;
mod time_window;

use super::config::{Config, Field};
use super::reason::Reason;
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

/// What a window was that was saved: the options that asked for it, and when a call in it was slow. NaN where an option was not given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub size: f64,
    pub duration: f64,
    pub buckets: f64,
    pub slow: f64,
}

impl Shape {
    pub(super) fn of(config: &Config) -> Shape {
        let [size, duration, buckets, slow] =
            [Field::WindowSize, Field::WindowDuration, Field::WindowBuckets, Field::SlowCallDuration]
                .map(|field| config.get_or_nan(field));
        Shape { size, duration, buckets, slow }
    }
}

/// What becomes of a window that was saved under other options, or the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    /// It counts what a window of these options would count, as far as anybody could tell.
    Exactly,
    /// What it saw does not tell what a window of these options would have seen.
    Not,
    /// No window of the options that it names could have given such numbers.
    Bad,
}

/// Makes the enum of policies and hands each call on: the one list. After the semicolon stands what is left.
macro_rules! policies {
    ($($(#[$choice_doc:meta])* $choice:ident,)+ ; $(#[$last_doc:meta])* $last:ident,) => {
        policies!(@enum $($(#[$choice_doc])* $choice,)+ $(#[$last_doc])* $last,);

        impl Policy {
            /// The policy that these options ask for. All the memory it will ever need is taken here.
            pub(super) fn new(config: &Config) -> Policy {
                $(if let Some(policy) = $choice::new(config) {
                    return Policy::$choice(policy);
                })+
                Policy::$last($last)
            }

            /// Those that these options would choose, were each the first of the list.
            #[cfg(test)]
            fn choices(config: &Config) -> Vec<&'static str> {
                let mut choices = Vec::new();
                $(if $choice::new(config).is_some() {
                    choices.push(stringify!($choice));
                })+
                choices
            }
        }
    };
    (@enum $($(#[$doc:meta])* $name:ident,)+) => {
        /// The policy of one breaker.
        #[derive(Clone, Debug)]
        pub(super) enum Policy {
            $($(#[$doc])* $name($name),)+
        }

        impl Policy {
            /// Each of the list: its name, and options that ask for it and open at the third failure of three calls.
            #[cfg(test)]
            const EACH: &[(&'static str, &'static [(super::config::Field, f64)])] = &[$((stringify!($name), $name::EXAMPLE)),+];

            #[cfg(test)]
            fn name(&self) -> &'static str {
                match self { $(Policy::$name(_) => stringify!($name),)+ }
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

            /// Fills the window of a breaker with these options with what [`Policy::save`] gave `away` ms before `now`, when it was
            /// of that shape. It is empty where that is not carried exactly.
            #[inline(never)]
            pub(super) fn load(&mut self, saved: &[f64], was: Shape, config: &Config, away: f64, now: f64) -> Carried {
                let mut carried = match self {
                    _ if !saved.is_empty() && was.size.is_nan() && was.duration.is_nan() => Carried::Bad,
                    $(Policy::$name(policy) => policy.load(saved, was, away, now),)+
                };
                if carried == Carried::Exactly && !rules::same_calls_are_slow(self.counts(now), was.slow, config) {
                    carried = Carried::Not;
                }
                if carried != Carried::Exactly {
                    self.clear();
                }
                carried
            }
        }
    };
}

policies! {
    /// The last `window.size` calls.
    CountWindow,
    /// The calls of the last `window.duration` ms.
    TimeWindow,
    ; // Where none of them is asked for.
    /// N failures in a row.
    Consecutive,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::config::{Conflict, Problem, WINDOWS};
    use std::collections::BTreeSet;

    fn config(options: &[(Field, f64)]) -> Config {
        options
            .iter()
            .try_fold(Config::default(), |config, (field, value)| config.with(*field, *value))
            .unwrap()
    }

    fn each() -> Vec<(Config, Policy)> {
        let example = |(_, options): &(_, &[_])| config(options);
        Policy::EACH.iter().map(example).map(|config| (config, Policy::new(&config))).collect()
    }

    fn call(policy: &mut Policy, config: &Config, failed: bool, row: u32) -> Option<Reason> {
        let mut failures_in_a_row = Tally::default();
        (0..row).for_each(|_| failures_in_a_row.add_one());
        policy.judge(Evidence { failed, slow: false, failures_in_a_row, now: 1000.0 }, config)
    }

    #[test]
    fn the_options_choose_the_policy_and_no_two_so_that_their_order_decides_nothing() {
        for ((name, _), (config, policy)) in Policy::EACH.iter().zip(each()) {
            assert_eq!(policy.name(), *name);
            let choices = Policy::choices(&config);
            // The last one is what is left.
            assert!(
                choices == [*name] || (choices.is_empty() && *name == Policy::EACH.last().unwrap().0),
                "{name}"
            );
        }
    }

    #[test]
    fn each_policy_but_the_last_is_asked_for_by_a_type_of_window_of_its_own() {
        let (last, others) = Policy::EACH.split_last().unwrap();
        let asked_by = |options: &[(Field, f64)]| -> Vec<_> {
            WINDOWS.iter().filter(|(_, asks)| options.iter().any(|(field, _)| field == asks)).collect()
        };
        let types: BTreeSet<_> = others
            .iter()
            .map(|(name, options)| match asked_by(options).as_slice() {
                [(window, _)] => *window,
                several => panic!("{name} is asked for by {several:?}"),
            })
            .collect();
        assert_eq!(types, WINDOWS.iter().map(|(window, _)| *window).collect());
        assert_eq!(others.len(), WINDOWS.len());
        assert!(asked_by(last.1).is_empty());
    }

    #[test]
    fn the_options_of_each_policy_hold_together_and_those_of_no_two_windows_do() {
        for (name, options) in Policy::EACH {
            assert_eq!(config(options).check(), Ok(()), "{name}");
        }
        let (_, windows) = Policy::EACH.split_last().unwrap();
        for (index, (one, options)) in windows.iter().enumerate() {
            for (other, others) in windows.iter().skip(index + 1) {
                let both = config(&[*options, *others].concat()).check();
                assert_eq!(both, Err(Problem::Conflict(Conflict::TwoWindows)), "{one} and {other}");
            }
        }
    }

    #[test]
    fn a_policy_that_needs_no_time_of_a_success_counts_the_same_whatever_it_is_told() {
        for (config, policy) in each().into_iter().filter(|(_, policy)| !policy.needs_time_of_success()) {
            let counts = |times: [f64; 3]| {
                let mut policy = policy.clone();
                call(&mut policy, &config, true, 1);
                times.into_iter().for_each(|now| policy.succeed(now));
                policy.counts(1000.0)
            };
            let told = counts([1000.0, 1001.0, 1002.0]);
            for times in [[f64::NAN; 3], [0.0; 3], [1e15, -1e15, 1e300], [f64::INFINITY; 3]] {
                assert_eq!(counts(times), told, "{policy:?}");
            }
        }
    }

    #[test]
    fn a_policy_that_needs_the_time_of_a_success_has_none_left_after_ages_away() {
        let mut seen = 0;
        for (config, mut policy) in each().into_iter().filter(|(_, policy)| policy.needs_time_of_success()) {
            call(&mut policy, &config, true, 1);
            policy.succeed(1000.0);
            let mut other = Policy::new(&config);
            let calls = |policy: &Policy| policy.counts(1000.0).map(|counts| counts.calls);
            assert_eq!(
                other.load(&policy.save(1000.0), Shape::of(&config), &config, 0.0, 1000.0),
                Carried::Exactly
            );
            assert_eq!(calls(&other), Some(2), "{policy:?}");
            assert_eq!(
                other.load(&policy.save(1000.0), Shape::of(&config), &config, 1e15, 1000.0),
                Carried::Exactly
            );
            assert_eq!(calls(&other), Some(0), "{policy:?}");
            seen += 1;
        }
        assert!(seen > 0);
    }

    #[test]
    fn every_policy_of_this_folder_is_in_the_list() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/core/policy");
        let files: BTreeSet<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().replace('_', ""))
            .filter(|name| !["mod", "rules"].contains(&name.as_str()))
            .collect();
        let listed: BTreeSet<_> = Policy::EACH.iter().map(|(name, _)| name.to_lowercase()).collect();
        assert_eq!(files, listed);
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
            assert_eq!(
                other.load(&policy.save(1000.0), Shape::of(&config), &config, 0.0, 1000.0),
                Carried::Exactly
            );
            assert_eq!(other.counts(1000.0), policy.counts(1000.0));
            assert!(call(&mut other, &config, true, 3).is_some());
        }
    }

    #[test]
    fn no_policy_takes_numbers_it_did_not_save() {
        for nonsense in [&[f64::NAN][..], &[-1.0, -1.0, -1.0, -1.0], &[0.5; 4], &[4.0; 5], &[1e300; 400]] {
            for (config, mut policy) in each() {
                let carried = policy.load(nonsense, Shape::of(&config), &config, 0.0, 1000.0);
                assert_eq!(carried, Carried::Bad, "{policy:?}");
                assert_eq!(policy.save(1000.0), Policy::new(&config).save(1000.0));
            }
        }
    }

    #[test]
    fn no_window_is_read_as_one_of_another_type_and_who_needs_none_takes_any() {
        for (was, saved) in each() {
            for (is, mut policy) in each().into_iter().filter(|(is, _)| *is != was) {
                policy.judge(
                    Evidence { failed: true, slow: false, failures_in_a_row: Tally::default(), now: 1000.0 },
                    &is,
                );
                let carried = policy.load(&saved.save(1000.0), Shape::of(&was), &is, 0.0, 1000.0);
                let needs_none = policy.counts(1000.0).is_none();
                assert_eq!(carried, if needs_none { Carried::Exactly } else { Carried::Not });
                assert_eq!(policy.save(1000.0), Policy::new(&is).save(1000.0), "nothing is left of before");
            }
        }
    }
}
