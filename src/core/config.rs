//! The numeric options of one breaker: what was given, what follows from it, and the checks.
//!
//! Must not know: where a value comes from. A value arrives as an f64 and is checked here, so that
//! NaN, -1, 2^33 or 1.9 are refused and never bent. The table of options is in `field.rs`, that of the conflicts
//! between them in `conflict.rs`; JavaScript reads the names from there.

mod conflict;
mod field;
mod problem;

pub use conflict::Conflict;
pub(super) use field::LONGEST_SPAN;
pub use field::{Field, LARGEST_WINDOW, LONGEST_TIMER, WINDOWS};
pub use problem::Problem;

/// The options of one breaker, each as given or unset: some defaults follow from other options.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// NaN where unset.
    given: [f64; Field::ALL.len()],
}

impl Default for Config {
    fn default() -> Self {
        Config::UNSET
    }
}

impl PartialEq for Config {
    fn eq(&self, other: &Config) -> bool {
        // Bits, since unset is NaN.
        self.given.map(f64::to_bits) == other.given.map(f64::to_bits)
    }
}

impl Config {
    /// No option given.
    pub const UNSET: Config = Config { given: [f64::NAN; Field::ALL.len()] };

    /// Takes one option. In place, since a copy of all of them takes hundreds of bytes of Wasm each time.
    ///
    /// # Errors
    /// [`Problem::Invalid`] when the value is outside the option's range; then nothing changed. Contradictions
    /// between options are for [`Config::check`], once all of them are known.
    #[inline(never)]
    pub fn set(&mut self, field: Field, value: f64) -> Result<(), Problem> {
        match self.given.get_mut(field.index()) {
            Some(place) if field.takes(value) => {
                *place = value;
                Ok(())
            }
            _ => Err(Problem::Invalid(field)),
        }
    }

    /// These options with one more, for tests that build them in one expression.
    #[cfg(test)]
    pub(super) fn with(mut self, field: Field, value: f64) -> Result<Config, Problem> {
        self.set(field, value)?;
        Ok(self)
    }

    /// Whether no option contradicts another.
    ///
    /// # Errors
    /// [`Problem::Conflict`] with the first contradiction found.
    #[inline(never)]
    pub fn check(&self) -> Result<(), Problem> {
        Conflict::first_in(self).map_or(Ok(()), |conflict| Err(Problem::Conflict(conflict)))
    }

    /// What was given for that option.
    #[inline(always)]
    pub(super) fn given(&self, field: Field) -> Option<f64> {
        some(self.given_or_nan(field))
    }

    /// A number fits into a register, an `Option` of one goes through memory at each call.
    #[inline(never)]
    fn given_or_nan(&self, field: Field) -> f64 {
        self.given.get(field.index()).copied().unwrap_or(f64::NAN)
    }

    /// The value in force: what was given or the default, `None` where the option is off.
    #[inline(always)]
    pub fn get(&self, field: Field) -> Option<f64> {
        some(self.get_or_nan(field))
    }

    /// As [`Config::get`], with NaN where the option is off.
    #[inline(never)]
    pub fn get_or_nan(&self, field: Field) -> f64 {
        self.given(field).or_else(|| field.default(self)).unwrap_or(f64::NAN)
    }

    pub(super) fn has_window(&self) -> bool {
        self.windows() > 0
    }

    /// How many types of windows are asked for.
    fn windows(&self) -> usize {
        WINDOWS.iter().filter(|(_, field)| self.has(*field)).count()
    }

    /// Whether it was given.
    fn has(&self, field: Field) -> bool {
        self.given(field).is_some()
    }

    /// Whether it was given and is above the other, if that is in force.
    fn is_above(&self, field: Field, limit: Field) -> bool {
        matches!((self.given(field), self.get(limit)), (Some(value), Some(limit)) if value > limit)
    }

    fn has_rate(&self) -> bool {
        self.has(Field::FailureRate) || self.has(Field::SlowCallRate)
    }

    fn has_backoff(&self) -> bool {
        self.has(Field::BackoffFactor) || self.has(Field::BackoffMax) || self.has(Field::BackoffJitter)
    }

    /// The count in force, or the largest there is where the option is off.
    #[inline(never)]
    pub(super) fn count(&self, field: Field) -> u32 {
        // Whole and in range by the check, so the conversion is exact; it saturates at NaN and infinity.
        #[allow(clippy::as_conversions)]
        return self.get(field).unwrap_or(f64::INFINITY) as u32;
    }

    pub(super) fn recovery_timeout(&self) -> f64 {
        self.get(Field::RecoveryTimeout).unwrap_or(f64::INFINITY)
    }

    /// The longest of these spans that are in force, or 0.
    fn longest_of(&self, fields: &[Field]) -> f64 {
        fields.iter().filter_map(|field| self.get(*field)).fold(0.0, f64::max)
    }

    pub(super) fn half_open_timeout(&self) -> f64 {
        self.get(Field::HalfOpenTimeout).unwrap_or(f64::INFINITY)
    }

    /// Whether a call that took `elapsed` ms is slow; a call that was not timed is not.
    pub(super) fn is_slow(&self, elapsed: f64) -> bool {
        !elapsed.is_nan() && self.given(Field::SlowCallDuration).is_some_and(|slow| elapsed >= slow)
    }
}

#[inline(always)]
fn some(value: f64) -> Option<f64> {
    (!value.is_nan()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_option_takes_what_is_no_number() {
        for field in Field::ALL {
            for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0] {
                assert_eq!(Config::default().with(field, value), Err(Problem::Invalid(field)), "{value}");
            }
        }
    }

    #[test]
    fn a_count_is_whole_and_fits() {
        for value in [0.0, 1.9, 0.5, 4_294_967_296.0, 8_589_934_592.0] {
            assert!(Config::default().with(Field::FailureThreshold, value).is_err(), "{value}");
        }
        for value in [1.0, 4_294_967_295.0] {
            let config = Config::default().with(Field::FailureThreshold, value).unwrap();
            assert_eq!(config.get(Field::FailureThreshold), Some(value));
            assert_eq!(f64::from(config.count(Field::FailureThreshold)), value);
        }
    }

    #[test]
    fn a_lease_lasts_as_long_as_the_longest_of_recovery_call_and_a_minute() {
        let lease = |recovery, timeout| {
            Config::default()
                .with(Field::RecoveryTimeout, recovery)
                .and_then(|config| config.with(Field::Timeout, timeout))
                .unwrap()
                .half_open_timeout()
        };
        assert_eq!(lease(1000.0, 1000.0), 60_000.0);
        assert_eq!(lease(60_001.0, 1000.0), 60_001.0);
        assert_eq!(lease(1000.0, 60_002.0), 60_002.0);
    }

    #[test]
    fn the_minimum_of_calls_follows_a_small_window() {
        let minimum = |size| {
            Config::default()
                .with(Field::WindowSize, size)
                .and_then(|config| config.with(Field::FailureRate, 0.5))
                .unwrap()
                .get(Field::MinimumCalls)
        };
        assert_eq!(minimum(9.0), Some(9.0));
        assert_eq!(minimum(11.0), Some(10.0));
    }
}
