//! The numeric options of a breaker: their names, ranges and defaults, the check of each, and the checks
//! between them.
//!
//! Must not know: where a value comes from. A value arrives as an f64 and is checked here, so that
//! NaN, -1, 2^33 or 1.9 are refused and never bent. This is the one list of numeric options: JavaScript
//! reads the names from it.

use super::error::Problem;

/// A numeric option. Its position in [`Field::ALL`] is its number at the boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// So many failures open the circuit: in a row, or inside the window if there is one.
    FailureThreshold,
    /// How long an open circuit refuses, in ms.
    RecoveryTimeout,
    /// So many successful test requests close the circuit.
    SuccessThreshold,
    /// Test requests judged at most; unset means as many as `SuccessThreshold`.
    HalfOpenCalls,
    /// Test requests in flight at once.
    HalfOpenMaxConcurrent,
    /// A test request that has not settled after so many ms counts as a failure; unset means the longest
    /// of `RecoveryTimeout`, `Timeout` and [`SHORTEST_DEFAULT_LEASE`].
    HalfOpenTimeout,
    /// The window holds the last so many calls.
    WindowSize,
    /// The window holds the calls of the last so many ms.
    WindowDuration,
    /// The parts in which a window of time moves on.
    WindowBuckets,
    /// Opens at this share of failures in the window.
    FailureRate,
    /// The rates judge once so many calls are in the window.
    MinimumCalls,
    /// Calls that take so many ms are slow.
    SlowCallDuration,
    /// Opens at this share of slow calls in the window.
    SlowCallRate,
    /// Each failed recovery makes the next open time so many times longer.
    BackoffFactor,
    /// The longest open time that backoff leads to, in ms.
    BackoffMax,
    /// The share of an open time that is left to chance.
    BackoffJitter,
    /// The longest open time that a failure can ask for, in ms.
    MaxRetryAfter,
    /// How long one call may take, in ms. The core only derives the default of `HalfOpenTimeout` from it.
    Timeout,
    /// Calls in flight at once.
    MaxConcurrent,
}

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Range {
    /// A whole number from 1 up to the given one.
    Count(u32),
    /// A span in ms, 0 or more, up to [`LONGEST_SPAN`].
    Span,
    /// A span in ms above 0, up to [`LONGEST_SPAN`].
    PositiveSpan,
    /// A span in ms above 0 that a timer can wait: up to 2^31 - 1, beyond which timers fire at once.
    TimerSpan,
    /// A share above 0 up to 1.
    Rate,
    /// A share from 0 to 1.
    Share,
    /// A factor of at least 1.
    Factor,
}

/// The longest span an option takes, in ms: 2^53 - 1, where milliseconds stop being exact.
pub const LONGEST_SPAN: f64 = 9_007_199_254_740_991.0;

/// The longest span a timer can wait, in ms: 2^31 - 1.
pub const LONGEST_TIMER: f64 = 2_147_483_647.0;

/// A lease lasts at least this long unless `halfOpenTimeout` says otherwise, in ms: a test request of
/// a breaker with a short recovery time deserves as much patience as one of a breaker with the default.
pub const SHORTEST_DEFAULT_LEASE: f64 = 60_000.0;

/// The most calls a count window holds: a quarter of a megabyte.
pub const LARGEST_WINDOW: u32 = 1_000_000;

/// The most parts a time window has.
pub const MOST_BUCKETS: u32 = 1000;

/// `minimumCalls` unless it is given or the window is smaller. One failure of one call is no rate.
const DEFAULT_MINIMUM_CALLS: f64 = 10.0;

/// `window.buckets` unless it is given: the window moves on in tenths, as in resilience4j and Polly.
const DEFAULT_BUCKETS: f64 = 10.0;

/// `recoveryBackoff.factor` unless it is given.
const DEFAULT_FACTOR: f64 = 2.0;

/// `recoveryBackoff.max` unless it is given, in recovery times.
const DEFAULT_MAX_IN_RECOVERY_TIMES: f64 = 10.0;

/// `maxRetryAfter` unless it is given, in ms: five minutes. What a server asks for is a hint, not a right to
/// be left alone for a week.
const DEFAULT_MAX_RETRY_AFTER: f64 = 300_000.0;

impl Field {
    /// Every numeric option, in the order of their numbers.
    pub const ALL: [Field; 19] = [
        Field::FailureThreshold,
        Field::RecoveryTimeout,
        Field::SuccessThreshold,
        Field::HalfOpenCalls,
        Field::HalfOpenMaxConcurrent,
        Field::HalfOpenTimeout,
        Field::WindowSize,
        Field::WindowDuration,
        Field::WindowBuckets,
        Field::FailureRate,
        Field::MinimumCalls,
        Field::SlowCallDuration,
        Field::SlowCallRate,
        Field::BackoffFactor,
        Field::BackoffMax,
        Field::BackoffJitter,
        Field::MaxRetryAfter,
        Field::Timeout,
        Field::MaxConcurrent,
    ];

    /// The option of that number.
    pub fn from_number(number: u32) -> Option<Field> {
        Field::ALL.get(usize::try_from(number).ok()?).copied()
    }

    #[inline(never)]
    fn spec(self) -> (&'static str, Range) {
        match self {
            Field::FailureThreshold => ("failureThreshold", Range::Count(u32::MAX)),
            Field::RecoveryTimeout => ("recoveryTimeout", Range::Span),
            Field::SuccessThreshold => ("successThreshold", Range::Count(u32::MAX)),
            Field::HalfOpenCalls => ("halfOpenCalls", Range::Count(u32::MAX)),
            Field::HalfOpenMaxConcurrent => ("halfOpenMaxConcurrent", Range::Count(u32::MAX)),
            Field::HalfOpenTimeout => ("halfOpenTimeout", Range::PositiveSpan),
            Field::WindowSize => ("window.size", Range::Count(LARGEST_WINDOW)),
            Field::WindowDuration => ("window.duration", Range::PositiveSpan),
            Field::WindowBuckets => ("window.buckets", Range::Count(MOST_BUCKETS)),
            Field::FailureRate => ("failureRate", Range::Rate),
            Field::MinimumCalls => ("minimumCalls", Range::Count(u32::MAX)),
            Field::SlowCallDuration => ("slowCallDuration", Range::PositiveSpan),
            Field::SlowCallRate => ("slowCallRate", Range::Rate),
            Field::BackoffFactor => ("recoveryBackoff.factor", Range::Factor),
            Field::BackoffMax => ("recoveryBackoff.max", Range::Span),
            Field::BackoffJitter => ("recoveryBackoff.jitter", Range::Share),
            Field::MaxRetryAfter => ("maxRetryAfter", Range::Span),
            Field::Timeout => ("timeout", Range::TimerSpan),
            Field::MaxConcurrent => ("maxConcurrent", Range::Count(u32::MAX)),
        }
    }

    /// The option's name as JavaScript spells it; a dot leads into an object.
    pub fn name(self) -> &'static str {
        self.spec().0
    }

    /// What the option takes, as it continues "Expected `name` to be …".
    pub fn expected(self) -> &'static str {
        match self.spec().1 {
            Range::Count(LARGEST_WINDOW) => "a whole number from 1 to 1000000",
            Range::Count(MOST_BUCKETS) => "a whole number from 1 to 1000",
            Range::Count(_) => "a whole number from 1 to 4294967295",
            Range::Span => "a number of milliseconds, 0 or more and finite",
            Range::PositiveSpan => "a number of milliseconds above 0 and finite",
            Range::TimerSpan => "a number of milliseconds above 0 and at most 2147483647",
            Range::Rate => "a share above 0 and at most 1",
            Range::Share => "a share from 0 to 1",
            Range::Factor => "a finite number of at least 1",
        }
    }

    /// Whether the option takes that value.
    fn takes(self, value: f64) -> bool {
        match self.spec().1 {
            Range::Count(most) => value.fract() == 0.0 && (1.0..=f64::from(most)).contains(&value),
            Range::Span => (0.0..=LONGEST_SPAN).contains(&value),
            Range::PositiveSpan => value > 0.0 && value <= LONGEST_SPAN,
            Range::TimerSpan => value > 0.0 && value <= LONGEST_TIMER,
            Range::Rate => value > 0.0 && value <= 1.0,
            Range::Share => (0.0..=1.0).contains(&value),
            Range::Factor => value >= 1.0 && value.is_finite(),
        }
    }

    fn index(self) -> usize {
        // The discriminants of a fieldless enum count from 0 in the order of ALL; a test holds them to it.
        #[allow(clippy::as_conversions)]
        return self as usize;
    }
}

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

    /// These options with one more, for building them in one expression.
    ///
    /// # Errors
    /// As [`Config::set`].
    pub fn with(mut self, field: Field, value: f64) -> Result<Config, Problem> {
        self.set(field, value)?;
        Ok(self)
    }

    /// Whether no option contradicts another.
    ///
    /// # Errors
    /// [`Problem::Conflict`] with the first contradiction found.
    #[inline(never)]
    pub fn check(&self) -> Result<(), Problem> {
        match Conflict::ALL.into_iter().find(|conflict| conflict.exists_in(self)) {
            Some(conflict) => Err(Problem::Conflict(conflict)),
            None => Ok(()),
        }
    }

    /// Undoes [`Config::set`]: NaN for what was unset.
    pub(crate) fn put_back(&mut self, field: Field, value: f64) {
        if let Some(place) = self.given.get_mut(field.index()) {
            *place = value;
        }
    }

    /// What was given for that option.
    #[inline(never)]
    pub fn given(&self, field: Field) -> Option<f64> {
        self.given.get(field.index()).copied().filter(|value| !value.is_nan())
    }

    /// The value in force: what was given or the default, `None` where the option is off.
    #[inline(never)]
    pub fn get(&self, field: Field) -> Option<f64> {
        self.given(field).or_else(|| match field {
            Field::FailureThreshold => (!self.has_window()).then_some(5.0),
            Field::RecoveryTimeout => Some(60_000.0),
            Field::SuccessThreshold => Some(2.0),
            Field::HalfOpenCalls => self.get(Field::SuccessThreshold),
            Field::HalfOpenMaxConcurrent => Some(1.0),
            Field::HalfOpenTimeout => Some(
                [Field::RecoveryTimeout, Field::Timeout]
                    .into_iter()
                    .filter_map(|longer| self.get(longer))
                    .fold(SHORTEST_DEFAULT_LEASE, f64::max),
            ),
            Field::WindowBuckets => self.given(Field::WindowDuration).map(|_| DEFAULT_BUCKETS),
            Field::MinimumCalls => self.has_rate().then(|| {
                self.given(Field::WindowSize)
                    .map_or(DEFAULT_MINIMUM_CALLS, |size| size.min(DEFAULT_MINIMUM_CALLS))
            }),
            Field::BackoffFactor => self.has_backoff().then_some(DEFAULT_FACTOR),
            Field::BackoffMax => self
                .has_backoff()
                .then(|| (self.recovery_timeout() * DEFAULT_MAX_IN_RECOVERY_TIMES).min(LONGEST_SPAN)),
            Field::BackoffJitter => self.has_backoff().then_some(0.0),
            Field::MaxRetryAfter => Some(DEFAULT_MAX_RETRY_AFTER),
            _ => None,
        })
    }

    pub(crate) fn has_window(&self) -> bool {
        [Field::WindowSize, Field::WindowDuration].into_iter().any(|field| self.given(field).is_some())
    }

    fn has_rate(&self) -> bool {
        [Field::FailureRate, Field::SlowCallRate].into_iter().any(|field| self.given(field).is_some())
    }

    fn has_backoff(&self) -> bool {
        [Field::BackoffFactor, Field::BackoffMax, Field::BackoffJitter]
            .into_iter()
            .any(|field| self.given(field).is_some())
    }

    /// The count in force, or the largest there is where the option is off.
    #[inline(never)]
    pub(crate) fn count(&self, field: Field) -> u32 {
        // Whole and in range by the check, so the conversion is exact; it saturates at NaN and infinity.
        #[allow(clippy::as_conversions)]
        return self.get(field).unwrap_or(f64::INFINITY) as u32;
    }

    pub(crate) fn recovery_timeout(&self) -> f64 {
        self.get(Field::RecoveryTimeout).unwrap_or(f64::INFINITY)
    }

    /// The longest time for which a circuit stays open that is not held open by hand.
    pub(crate) fn longest_open_time(&self) -> f64 {
        [Field::RecoveryTimeout, Field::BackoffMax, Field::MaxRetryAfter]
            .into_iter()
            .filter_map(|field| self.get(field))
            .fold(0.0, f64::max)
    }

    pub(crate) fn half_open_timeout(&self) -> f64 {
        self.get(Field::HalfOpenTimeout).unwrap_or(f64::INFINITY)
    }

    /// Whether a call that took so long is slow; a call that was not timed is not.
    pub(crate) fn is_slow(&self, elapsed: f64) -> bool {
        !elapsed.is_nan() && self.given(Field::SlowCallDuration).is_some_and(|slow| elapsed >= slow)
    }
}

/// Two options that contradict each other, or one that is nothing without another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The circuit could never close.
    HalfOpenCallsBelowSuccessThreshold,
    /// A window without a rule never opens the circuit.
    WindowWithoutRule,
    /// A window is either of calls or of time.
    TwoWindows,
    /// Buckets are the parts of a window of time.
    BucketsWithoutDuration,
    /// A rate is of the calls in a window.
    FailureRateWithoutWindow,
    /// A rate is of the calls in a window.
    SlowCallRateWithoutWindow,
    /// So many calls never fit into the window.
    MinimumCallsAboveWindow,
    /// Nothing to wait for.
    MinimumCallsWithoutRate,
    /// So many failures never fit into the window.
    FailureThresholdAboveWindow,
    /// Nobody knows what slow is.
    SlowCallRateWithoutDuration,
    /// Nothing comes of a slow call.
    SlowCallDurationWithoutRate,
    /// Backoff would shorten the open time.
    BackoffMaxBelowRecoveryTimeout,
}

impl Conflict {
    /// Every conflict, in the order of their numbers.
    pub const ALL: [Conflict; 12] = [
        Conflict::HalfOpenCallsBelowSuccessThreshold,
        Conflict::TwoWindows,
        Conflict::BucketsWithoutDuration,
        Conflict::FailureRateWithoutWindow,
        Conflict::SlowCallRateWithoutWindow,
        Conflict::WindowWithoutRule,
        Conflict::MinimumCallsAboveWindow,
        Conflict::MinimumCallsWithoutRate,
        Conflict::FailureThresholdAboveWindow,
        Conflict::SlowCallRateWithoutDuration,
        Conflict::SlowCallDurationWithoutRate,
        Conflict::BackoffMaxBelowRecoveryTimeout,
    ];

    fn exists_in(self, config: &Config) -> bool {
        let has = |field| config.given(field).is_some();
        let above = |field, limit| matches!((config.given(field), config.get(limit)), (Some(value), Some(limit)) if value > limit);
        match self {
            Conflict::HalfOpenCallsBelowSuccessThreshold => {
                config.get(Field::HalfOpenCalls) < config.get(Field::SuccessThreshold)
            }
            Conflict::TwoWindows => has(Field::WindowSize) && has(Field::WindowDuration),
            Conflict::BucketsWithoutDuration => has(Field::WindowBuckets) && !has(Field::WindowDuration),
            Conflict::FailureRateWithoutWindow => has(Field::FailureRate) && !config.has_window(),
            Conflict::SlowCallRateWithoutWindow => has(Field::SlowCallRate) && !config.has_window(),
            Conflict::WindowWithoutRule => {
                config.has_window() && !config.has_rate() && !has(Field::FailureThreshold)
            }
            Conflict::MinimumCallsAboveWindow => above(Field::MinimumCalls, Field::WindowSize),
            Conflict::MinimumCallsWithoutRate => has(Field::MinimumCalls) && !config.has_rate(),
            Conflict::FailureThresholdAboveWindow => above(Field::FailureThreshold, Field::WindowSize),
            Conflict::SlowCallRateWithoutDuration => {
                has(Field::SlowCallRate) && !has(Field::SlowCallDuration)
            }
            Conflict::SlowCallDurationWithoutRate => {
                has(Field::SlowCallDuration) && !has(Field::SlowCallRate)
            }
            Conflict::BackoffMaxBelowRecoveryTimeout => {
                config.given(Field::BackoffMax).is_some_and(|max| max < config.recovery_timeout())
            }
        }
    }

    /// The option to be corrected, and what it should be, as it continues "Expected `option` to be …".
    pub fn text(self) -> (&'static str, &'static str) {
        match self {
            Conflict::HalfOpenCallsBelowSuccessThreshold => ("halfOpenCalls", "at least `successThreshold`"),
            Conflict::TwoWindows => {
                ("window", "of type 'count' with a size, or of type 'time' with a duration, not both")
            }
            Conflict::BucketsWithoutDuration => ("window.buckets", "left out without `window.duration`"),
            Conflict::FailureRateWithoutWindow => ("failureRate", "left out without `window`"),
            Conflict::SlowCallRateWithoutWindow => ("slowCallRate", "left out without `window`"),
            Conflict::WindowWithoutRule => {
                ("window", "given along with `failureRate`, `slowCallRate` or `failureThreshold`")
            }
            Conflict::MinimumCallsAboveWindow => ("minimumCalls", "at most `window.size`"),
            Conflict::MinimumCallsWithoutRate => {
                ("minimumCalls", "left out without `failureRate` or `slowCallRate`")
            }
            Conflict::FailureThresholdAboveWindow => ("failureThreshold", "at most `window.size`"),
            Conflict::SlowCallRateWithoutDuration => ("slowCallRate", "given along with `slowCallDuration`"),
            Conflict::SlowCallDurationWithoutRate => ("slowCallDuration", "given along with `slowCallRate`"),
            Conflict::BackoffMaxBelowRecoveryTimeout => ("recoveryBackoff.max", "at least `recoveryTimeout`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_an_option_is_its_position_in_the_list() {
        for (index, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(field.index(), index);
            assert_eq!(Field::from_number(index as u32), Some(field));
        }
        assert_eq!(Field::from_number(Field::ALL.len() as u32), None);
    }

    #[test]
    fn every_option_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Field::ALL.iter().map(|field| field.name()).collect();
        assert_eq!(names.len(), Field::ALL.len());
    }

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

    #[test]
    fn each_conflict_is_found_and_its_mend_is_none() {
        use Field::*;
        let check = |given: Given| {
            given
                .iter()
                .try_fold(Config::default(), |config, (field, value)| config.with(*field, *value))
                .and_then(|config| config.check())
        };
        type Given = &'static [(Field, f64)];
        let cases: [(Conflict, Given, Given); 12] = [
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
        for (conflict, wrong, right) in cases {
            assert_eq!(check(wrong), Err(Problem::Conflict(conflict)));
            assert_eq!(check(right), Ok(()), "{conflict:?}");
        }
    }
}
