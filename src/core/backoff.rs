//! How long to stay open: the recovery time, longer after each failed recovery, what a failure asks for; and the share
//! that is left to chance: off the breaker's own time, on top of what a server asked for, so that nobody comes before that.
//!
//! Must not know: why the circuit opened, and a random source: chance comes as an argument.

use super::config::{Config, Field, LONGEST_SPAN};
use super::permit::Verdict;

/// How long an open circuit refuses: 0 ms or more; NaN for the recovery time, whatever that is set to at the moment; -1 for no time of its
/// own. A number, since an enum of the three would take twice the memory, in each breaker. Chance and what a failure asks for
/// give 0 or more.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenTime(pub(super) f64);

#[cfg(test)]
impl PartialEq for OpenTime {
    fn eq(&self, other: &OpenTime) -> bool {
        self.0 == other.0 || (self.0.is_nan() && other.0.is_nan())
    }
}

impl OpenTime {
    pub(super) const RECOVERY: OpenTime = OpenTime(f64::NAN);

    /// The circuit is due at once, unless it was opened by hand for a time.
    pub(super) const NONE: OpenTime = OpenTime(-1.0);

    /// Its length in ms, below 0 for none. Never longer than the options in force allow: they may have been changed since, or be those of
    /// another process.
    pub(super) fn length(self, config: &Config) -> f64 {
        if self.0.is_nan() { config.recovery_timeout() } else { self.0.min(longest(config)) }
    }

    /// The time that begins with a failure while the circuit is open: the same again, or the recovery time where there is none.
    pub(super) fn again(self) -> OpenTime {
        if self.0 < 0.0 { OpenTime::RECOVERY } else { self }
    }
}

/// The longest time for which a circuit stays open that nobody opened by hand: what backoff leads to, or what a failure may ask for,
/// with the share of chance on top.
fn longest(config: &Config) -> f64 {
    let asked = longest_asked(config) * (1.0 + jitter(config));
    let own = config.recovery_timeout().max(config.get(Field::BackoffMax).unwrap_or(0.0));
    own.max(asked).min(LONGEST_SPAN)
}

fn longest_asked(config: &Config) -> f64 {
    config.get(Field::MaxRetryAfter).unwrap_or(f64::INFINITY)
}

/// How often recovery has failed in a row. Counted without backoff, too: a later breaker that carries on may have it.
///
/// A pause that a server asked for is no failure, so it leaves all this as it is.
///
/// Closing does not end the row by itself: a circuit that opens again before it stayed closed for as long as
/// it had been open was not healthy, it flaps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Backoff {
    failed_recoveries: u16,
    /// The open time last set, in ms, before chance took its share.
    last: f64,
}

impl Backoff {
    /// How long the circuit, which opens now on account of that verdict, is to stay open. `again`: recovery has failed.
    /// `random`, from 0 to 1, takes its share off what backoff says, and adds it to what the verdict asks for; a number outside does
    /// neither.
    pub(super) fn open_time(
        &mut self,
        again: bool,
        verdict: Verdict,
        config: &Config,
        random: f64,
    ) -> OpenTime {
        let share = jitter(config) * if (0.0..=1.0).contains(&random) { random } else { 0.0 };
        let asked = verdict.retry_after.clamp(0.0, longest_asked(config).max(0.0));
        let later = OpenTime((asked * (1.0 + share)).min(LONGEST_SPAN));
        if verdict.trips && !asked.is_nan() {
            return later;
        }
        self.grow(again, config);
        let own = self.last * (1.0 - share);
        if asked > own {
            later
        } else if config.get(Field::BackoffFactor).is_some() {
            OpenTime(own)
        } else {
            OpenTime::RECOVERY
        }
    }

    /// Takes in that the circuit opens, and how long for.
    fn grow(&mut self, again: bool, config: &Config) {
        self.failed_recoveries = if again { self.failed_recoveries.saturating_add(1) } else { 0 };
        let recovery = config.recovery_timeout();
        let longest = config.get(Field::BackoffMax).unwrap_or(recovery).max(recovery);
        // Without backoff the factor is 1. A power beyond all numbers would make no time of a recovery time of 0.
        let factor = config.get(Field::BackoffFactor).unwrap_or(1.0).powi(self.failed_recoveries.into());
        self.last = (recovery * factor.min(f64::MAX)).min(longest);
    }

    /// How long the circuit has to stay closed before its next opening is no failed recovery, in ms.
    pub(super) fn probation(self) -> f64 {
        self.last
    }

    /// How often recovery has failed in a row.
    pub(super) fn failed_recoveries(self) -> u16 {
        self.failed_recoveries
    }

    pub(super) fn restored(failed_recoveries: u16, last: f64) -> Backoff {
        Backoff { failed_recoveries, last }
    }
}

/// Whether chance has its share in the open time.
pub(super) fn needs_random(config: &Config) -> bool {
    jitter(config) > 0.0
}

fn jitter(config: &Config) -> f64 {
    config.get(Field::BackoffJitter).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::permit::Outcome;

    const NO_CHANCE: f64 = f64::NAN;

    fn config(options: &[(Field, f64)]) -> Config {
        options
            .iter()
            .try_fold(Config::default(), |config, (field, value)| config.with(*field, *value))
            .unwrap()
    }

    fn failure(retry_after: f64, trips: bool) -> Verdict {
        Verdict { retry_after, trips, ..Outcome::Failure.into() }
    }

    #[test]
    fn without_backoff_it_is_the_recovery_time_and_chance_has_no_share() {
        let open_time = Backoff::default().open_time(true, Outcome::Failure.into(), &Config::default(), 1.0);
        assert_eq!(open_time, OpenTime::RECOVERY);
        assert!(!needs_random(&Config::default()));
    }

    #[test]
    fn each_failed_recovery_makes_it_longer_up_to_the_maximum() {
        let config = config(&[
            (Field::RecoveryTimeout, 100.0),
            (Field::BackoffFactor, 3.0),
            (Field::BackoffMax, 1000.0),
        ]);
        let mut backoff = Backoff::default();
        let spans = [false, true, true, true, true, false]
            .map(|again| backoff.open_time(again, Outcome::Failure.into(), &config, NO_CHANCE));
        assert_eq!(spans, [100.0, 300.0, 900.0, 1000.0, 1000.0, 100.0].map(OpenTime));
    }

    #[test]
    fn a_row_without_end_stays_at_the_maximum() {
        let config = config(&[(Field::RecoveryTimeout, 100.0), (Field::BackoffFactor, 1e300)]);
        let mut backoff = Backoff::default();
        for _ in 0..70_000 {
            backoff.grow(true, &config);
            assert!(backoff.probation() <= 1000.0);
        }
    }

    #[test]
    fn chance_takes_off_no_more_than_its_share_and_leaves_probation_alone() {
        let config = config(&[(Field::RecoveryTimeout, 1000.0), (Field::BackoffJitter, 0.25)]);
        let mut backoff = Backoff::default();
        let mut opened = |random| backoff.open_time(false, Outcome::Failure.into(), &config, random);
        assert_eq!([0.0, 1.0, 0.5].map(&mut opened), [1000.0, 750.0, 875.0].map(OpenTime));
        for nonsense in [f64::NAN, -1.0, -f64::MIN_POSITIVE, 1.000_000_1, 2.0, f64::INFINITY] {
            assert_eq!(opened(nonsense), OpenTime(1000.0), "{nonsense}");
        }
        opened(1.0);
        assert_eq!(backoff.probation(), 1000.0);
    }

    #[test]
    fn what_a_failure_asks_for_counts_where_it_is_longer_or_trips_and_chance_comes_on_top_of_it() {
        let config = config(&[
            (Field::RecoveryTimeout, 1000.0),
            (Field::BackoffJitter, 0.5),
            (Field::MaxRetryAfter, 5000.0),
        ]);
        for (asked, trips, without_chance, with_all) in [
            (500.0, false, 1000.0, 500.0),
            (500.5, false, 1000.0, 750.75),
            (1000.0, false, 1000.0, 1500.0),
            (1000.5, false, 1000.5, 1500.75),
            (9000.0, false, 5000.0, 7500.0),
            (300.0, true, 300.0, 450.0),
            (9000.0, true, 5000.0, 7500.0),
            (-1.0, true, 0.0, 0.0),
            (f64::NAN, true, 1000.0, 500.0),
        ] {
            for (random, expected) in [(0.0, without_chance), (1.0, with_all), (NO_CHANCE, without_chance)] {
                let open_time = Backoff::default().open_time(false, failure(asked, trips), &config, random);
                assert_eq!(open_time, OpenTime(expected), "{asked}, {trips}, {random}");
                assert_eq!(open_time.length(&config), expected, "no bound cuts the share of chance off");
            }
        }
    }

    #[test]
    fn a_pause_is_no_failed_recovery_and_ends_no_row_of_them() {
        let config = config(&[(Field::RecoveryTimeout, 100.0), (Field::BackoffFactor, 3.0)]);
        let mut backoff = Backoff::default();
        let mut opened = |verdict| backoff.open_time(true, verdict, &config, NO_CHANCE);
        let (failed, pause) = (Outcome::Failure.into(), failure(70.0, true));
        let spans = [failed, pause, pause, failed, failure(f64::NAN, true)].map(&mut opened);
        assert_eq!(spans, [300.0, 70.0, 70.0, 900.0, 1000.0].map(OpenTime));
    }

    #[test]
    fn recoveries_that_fail_are_counted_without_backoff_too() {
        let mut backoff = Backoff::default();
        for again in [false, true, true] {
            let open_time = backoff.open_time(again, Outcome::Failure.into(), &Config::default(), NO_CHANCE);
            assert_eq!(open_time, OpenTime::RECOVERY);
        }
        assert_eq!((backoff.failed_recoveries(), backoff.probation()), (2, 60_000.0));
    }

    #[test]
    fn a_recovery_time_of_nothing_stays_nothing_however_often_recovery_fails() {
        let config = config(&[
            (Field::RecoveryTimeout, 0.0),
            (Field::BackoffFactor, 1e300),
            (Field::BackoffMax, 1000.0),
        ]);
        let mut backoff = Backoff::default();
        for _ in 0..5 {
            backoff.grow(true, &config);
            assert_eq!(backoff.probation(), 0.0);
        }
    }
}
