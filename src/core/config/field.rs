//! The table of numeric options: name, range, default, and whether a running breaker may change it.
//!
//! Must not know: where a value comes from, what an option does. To add one: its row; `tests/core/options.rs`, or
//! `tests/core/windows.rs` for a member of a window, asks for both ends of its range.

use super::Config;

/// The longest span an option takes, in ms: 2^53 - 1, where milliseconds stop being exact.
pub(in crate::core) const LONGEST_SPAN: f64 = 9_007_199_254_740_991.0;

/// A lease lasts at least this long unless `halfOpenTimeout` says otherwise, in ms: a test request of
/// a breaker with a short recovery time deserves as much patience as one of a breaker with the default.
const SHORTEST_DEFAULT_LEASE: f64 = 60_000.0;

/// `minimumCalls` unless it is given or the window is smaller. One failure of one call is no rate.
const DEFAULT_MINIMUM_CALLS: f64 = 10.0;

/// `recoveryBackoff.max` unless it is given, in recovery times.
const DEFAULT_MAX_IN_RECOVERY_TIMES: f64 = 10.0;

/// Any count that fits into 32 bits.
const LARGEST_COUNT: u32 = u32::MAX;

/// The most calls a count window holds: a quarter of a megabyte.
pub const LARGEST_WINDOW: u32 = 1_000_000;

/// The most parts a time window has.
const MOST_BUCKETS: u32 = 1000;

/// The longest span a timer can wait, in ms: 2^31 - 1, beyond which timers fire at once.
pub const LONGEST_TIMER: f64 = 2_147_483_647.0;

/// The least number above 0.
const ABOVE_0: f64 = f64::from_bits(1);

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Range {
    /// A whole number from 1 up to the given one.
    Count(u32),
    /// A span in ms, 0 or more, up to [`LONGEST_SPAN`].
    Span,
    /// A span in ms above 0, up to [`LONGEST_SPAN`].
    PositiveSpan,
    /// A span in ms above 0, up to [`LONGEST_TIMER`].
    TimerSpan,
    /// A share above 0 up to 1.
    Rate,
    /// A share from 0 to 1.
    Share,
    /// A factor of at least 1.
    Factor,
}

impl Range {
    /// As it continues "Expected `name` to be …". A test ties the numbers in here to those that are taken.
    fn text(self) -> &'static str {
        match self {
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

    fn takes(self, value: f64) -> bool {
        let (least, most) = match self {
            Range::Count(most) => (1.0, most.into()),
            Range::Span => (0.0, LONGEST_SPAN),
            Range::PositiveSpan => (ABOVE_0, LONGEST_SPAN),
            Range::TimerSpan => (ABOVE_0, LONGEST_TIMER),
            Range::Rate => (ABOVE_0, 1.0),
            Range::Share => (0.0, 1.0),
            Range::Factor => (1.0, f64::MAX),
        };
        (least..=most).contains(&value) && !(matches!(self, Range::Count(_)) && value.fract() != 0.0)
    }
}

/// When an option may be written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    /// At any time; what is written counts from then on.
    AnyTime,
    /// When the breaker is made: its memory is sized by it, or a copy elsewhere is what counts.
    AtFirst,
}

/// Makes the enum of the options and what is said of each: the one list.
macro_rules! fields {
    (|$config:ident| $($(#[$doc:meta])* $field:ident: $name:literal, $range:expr, $change:ident, $default:expr;)+) => {
        /// A numeric option. Its position in [`Field::ALL`] is its number at the boundary.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Field {
            $($(#[$doc])* $field,)+
        }

        impl Field {
            /// Every numeric option, in the order of their numbers.
            pub const ALL: [Field; [$($name),+].len()] = [$(Field::$field),+];

            /// The option's name as JavaScript spells it; a dot leads into an object.
            pub fn name(self) -> &'static str {
                match self {
                    $(Field::$field => $name,)+
                }
            }

            /// Apart from the names, which are no part of the Wasm.
            fn range(self) -> Range {
                match self {
                    $(Field::$field => $range,)+
                }
            }

            fn change(self) -> Change {
                match self {
                    $(Field::$field => Change::$change,)+
                }
            }

            /// What is in force where the option was not given; `None` where it is off.
            pub(super) fn default(self, $config: &Config) -> Option<f64> {
                match self {
                    $(Field::$field => $default,)+
                }
            }
        }
    };
}

fields! {
    |config|

    /// This many failures open the circuit: in a row, or inside the window if there is one.
    FailureThreshold: "failureThreshold", Range::Count(LARGEST_COUNT), AnyTime, (!config.has_window()).then_some(5.0);

    /// How long an open circuit refuses, in ms.
    RecoveryTimeout: "recoveryTimeout", Range::Span, AnyTime, Some(60_000.0);

    /// This many successful test requests close the circuit.
    SuccessThreshold: "successThreshold", Range::Count(LARGEST_COUNT), AnyTime, Some(2.0);

    /// Test requests judged at most; unset means as many as `SuccessThreshold`.
    HalfOpenCalls: "halfOpenCalls", Range::Count(LARGEST_COUNT), AnyTime, config.get(Field::SuccessThreshold);

    /// Test requests in flight at once.
    HalfOpenMaxConcurrent: "halfOpenMaxConcurrent", Range::Count(LARGEST_COUNT), AnyTime, Some(1.0);

    /// A test request that has not settled after this many ms counts as a failure; unset means the longest
    /// of `RecoveryTimeout`, `Timeout` and a minute.
    HalfOpenTimeout: "halfOpenTimeout", Range::PositiveSpan, AnyTime,
        Some(config.longest_of(&[Field::RecoveryTimeout, Field::Timeout]).max(SHORTEST_DEFAULT_LEASE));

    /// How many calls the window holds.
    WindowSize: "window.size", Range::Count(LARGEST_WINDOW), AtFirst, None;

    /// How far the window reaches back, in ms.
    WindowDuration: "window.duration", Range::PositiveSpan, AtFirst, None;

    /// The parts in which a window of time moves on: tenths by default, as in Polly and opossum; resilience4j's are
    /// seconds.
    WindowBuckets: "window.buckets", Range::Count(MOST_BUCKETS), AtFirst,
        config.given(Field::WindowDuration).map(|_| 10.0);

    /// Opens at this share of failures in the window.
    FailureRate: "failureRate", Range::Rate, AnyTime, None;

    /// The rates judge once this many calls are in the window.
    MinimumCalls: "minimumCalls", Range::Count(LARGEST_COUNT), AnyTime, config.has_rate().then(|| {
        config.given(Field::WindowSize).map_or(DEFAULT_MINIMUM_CALLS, |size| size.min(DEFAULT_MINIMUM_CALLS))
    });

    /// Calls that take this many ms are slow.
    SlowCallDuration: "slowCallDuration", Range::PositiveSpan, AnyTime, None;

    /// Opens at this share of slow calls in the window.
    SlowCallRate: "slowCallRate", Range::Rate, AnyTime, None;

    /// Each failed recovery multiplies the open time by this.
    BackoffFactor: "recoveryBackoff.factor", Range::Factor, AnyTime, config.has_backoff().then_some(2.0);

    /// The longest open time that backoff leads to, in ms.
    BackoffMax: "recoveryBackoff.max", Range::Span, AnyTime, config
        .has_backoff()
        .then(|| (config.recovery_timeout() * DEFAULT_MAX_IN_RECOVERY_TIMES).min(LONGEST_SPAN));

    /// The share of an open time that is left to chance.
    BackoffJitter: "recoveryBackoff.jitter", Range::Share, AnyTime, config.has_backoff().then_some(0.0);

    /// The longest open time that a failure can ask for, in ms. Five minutes by default: what a server asks for is a hint, not
    /// a right to be left alone for a week.
    MaxRetryAfter: "maxRetryAfter", Range::Span, AnyTime, Some(300_000.0);

    /// How long one call may take, in ms. The core only derives the default of `HalfOpenTimeout` from it.
    Timeout: "timeout", Range::TimerSpan, AtFirst, None;

    /// Calls in flight at once.
    MaxConcurrent: "maxConcurrent", Range::Count(LARGEST_COUNT), AtFirst, None;
}

/// The types of windows, each with the member that asks for it and that no window of that type lacks: the one list.
pub const WINDOWS: &[(&str, Field)] = &[("count", Field::WindowSize), ("time", Field::WindowDuration)];

impl Field {
    /// The option of that number.
    pub fn from_number(number: u32) -> Option<Field> {
        Field::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// What the option takes, as it continues "Expected `name` to be …".
    pub(super) fn expected(self) -> &'static str {
        self.range().text()
    }

    /// Whether the option takes that value.
    pub(super) fn takes(self, value: f64) -> bool {
        self.range().takes(value)
    }

    /// Whether a running breaker may change it.
    pub(in crate::core) fn may_change(self) -> bool {
        self.change() == Change::AnyTime
    }

    pub(super) fn index(self) -> usize {
        // The discriminants of a fieldless enum count from 0 in the order of ALL: both are made of the same rows.
        #[allow(clippy::as_conversions)]
        return self as usize;
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
    fn the_largest_value_that_an_option_takes_is_the_one_that_its_text_names() {
        let mut named = 0;
        for field in Field::ALL {
            let largest = field.expected().rsplit(' ').next().and_then(|word| word.parse::<f64>().ok());
            // Shares and factors are no such numbers: theirs is 1.
            let Some(largest) = largest.filter(|largest| *largest > 1.0) else { continue };
            assert!(field.takes(largest) && !field.takes(largest + 1.0), "{field:?}");
            named += 1;
        }
        assert_eq!(named, 9);
    }
}
