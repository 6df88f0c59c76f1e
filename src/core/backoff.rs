//! How long to stay open: the same recovery time each time, or longer after each failed recovery.
//!
//! Must not know: why the circuit opened, and a random source: chance comes as an argument.

use super::config::{Config, Field};

/// How often recovery has failed in a row.
///
/// Closing does not end the row by itself: a circuit that opens again before it stayed closed for as long as
/// it had been open was not healthy, it flaps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Backoff {
    failed_recoveries: u16,
    /// The open time last set, in ms.
    last: f64,
}

impl Backoff {
    /// How many ms the circuit, which opens now, is to stay open; `None` without backoff, where that is
    /// the recovery time whatever it is set to.
    pub fn next(&mut self, again: bool, config: &Config) -> Option<f64> {
        let factor = config.get(Field::BackoffFactor)?;
        self.failed_recoveries = if again { self.failed_recoveries.saturating_add(1) } else { 0 };
        let longest = config.get(Field::BackoffMax).unwrap_or(f64::INFINITY).max(config.recovery_timeout());
        let span = config.recovery_timeout() * factor.powi(self.failed_recoveries.into());
        self.last = span.min(longest);
        Some(self.last)
    }

    /// An open time with the share of it that is left to chance taken off: from `1 - jitter` of it up to all
    /// of it. A random number outside 0 to 1 takes nothing off.
    pub fn spread(span: f64, random: f64, config: &Config) -> f64 {
        let chance = if (0.0..=1.0).contains(&random) { random } else { 0.0 };
        span * (1.0 - config.get(Field::BackoffJitter).unwrap_or(0.0) * chance)
    }

    /// How long the circuit has to stay closed before its next opening is no failed recovery, in ms.
    pub fn probation(self) -> f64 {
        self.last
    }

    /// How often recovery has failed in a row.
    pub fn failed_recoveries(self) -> u16 {
        self.failed_recoveries
    }

    pub(crate) fn restored(failed_recoveries: u16, last: f64) -> Backoff {
        Backoff { failed_recoveries, last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(options: &[(Field, f64)]) -> Config {
        options
            .iter()
            .try_fold(Config::default(), |config, (field, value)| config.with(*field, *value))
            .unwrap()
    }

    #[test]
    fn without_backoff_there_is_nothing_to_say() {
        assert_eq!(Backoff::default().next(true, &Config::default()), None);
    }

    #[test]
    fn each_failed_recovery_makes_it_longer_up_to_the_maximum() {
        let config = config(&[
            (Field::RecoveryTimeout, 100.0),
            (Field::BackoffFactor, 3.0),
            (Field::BackoffMax, 1000.0),
        ]);
        let mut backoff = Backoff::default();
        let spans: Vec<_> = [false, true, true, true, true, false]
            .map(|again| backoff.next(again, &config).unwrap())
            .into_iter()
            .collect();
        assert_eq!(spans, [100.0, 300.0, 900.0, 1000.0, 1000.0, 100.0]);
    }

    #[test]
    fn a_row_without_end_stays_at_the_maximum() {
        let config = config(&[(Field::RecoveryTimeout, 100.0), (Field::BackoffFactor, 1e300)]);
        let mut backoff = Backoff::default();
        for _ in 0..70_000 {
            assert!(backoff.next(true, &config).unwrap() <= 1000.0);
        }
    }

    #[test]
    fn chance_takes_off_no_more_than_its_share() {
        let config = config(&[(Field::BackoffJitter, 0.25)]);
        assert_eq!(Backoff::spread(1000.0, 0.0, &config), 1000.0);
        assert_eq!(Backoff::spread(1000.0, 1.0, &config), 750.0);
        assert_eq!(Backoff::spread(1000.0, 0.5, &config), 875.0);
        for nonsense in [f64::NAN, -1.0, 2.0, f64::INFINITY] {
            assert_eq!(Backoff::spread(1000.0, nonsense, &config), 1000.0);
        }
    }
}
