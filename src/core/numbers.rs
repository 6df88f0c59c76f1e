//! Lists of numbers by position, as snapshots and logs are: one row gives a number its name, its place, and both directions.
//!
//! Must not know: what the numbers are for.

use super::backoff::OpenTime;
use super::config::LONGEST_SPAN;
use super::reason::Reason;
use super::state::{Mode, State};
use super::tally::Tally;

/// Which numbers a row takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// A time of the wall clock in ms, in the range of JavaScript's dates, or NaN for none.
    Time,
    /// A span in ms.
    Span,
    /// A span in ms, or NaN for none.
    SpanIfAny,
    /// A span in ms, or NaN or -1 as [`OpenTime`] has them.
    OpenTime,
    /// A whole number from 0 to 2^53.
    Tally,
    /// A whole number from 0 up to the given one.
    UpTo(u32),
}

impl Kind {
    /// Whether the row takes that number. The one check of all numbers: one for each type is 3 KB of Wasm.
    #[inline(never)]
    pub(super) fn takes(self, number: f64) -> bool {
        let (least, most, may_be_none, is_whole) = match self {
            Kind::Time => (-LAST_DATE, LAST_DATE, true, false),
            Kind::Span => (0.0, LONGEST_SPAN, false, false),
            Kind::SpanIfAny => (0.0, LONGEST_SPAN, true, false),
            Kind::OpenTime => (OpenTime::NONE.0, LONGEST_SPAN, true, number < 0.0),
            Kind::Tally => (0.0, Tally::MOST, false, true),
            Kind::UpTo(most) => (0.0, most.into(), false, true),
        };
        if number.is_nan() {
            return may_be_none;
        }
        (least..=most).contains(&number) && !(is_whole && number.fract() != 0.0)
    }
}

/// The last time that a date of JavaScript can have, in ms.
const LAST_DATE: f64 = 8.64e15;

/// What one number of a list stands for.
pub(super) trait Number: Sized {
    /// Which numbers it can be.
    const KIND: Kind;

    /// As it is saved.
    fn save(&self) -> f64;

    /// What a number stands for that its kind takes.
    fn of(number: f64) -> Self;
}

/// A time of the wall clock in ms, in the range of JavaScript's dates, or NaN for none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(pub(super) f64);

/// A span in ms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span(pub(super) f64);

/// A span in ms, or NaN for none.
#[derive(Clone, Copy, Debug)]
pub(super) struct SpanIfAny(pub(super) f64);

/// What is saved as it is.
macro_rules! as_it_is {
    ($($type:ident),+) => {$(
        impl Number for $type {
            const KIND: Kind = Kind::$type;

            fn save(&self) -> f64 {
                self.0
            }

            fn of(number: f64) -> $type {
                $type(number)
            }
        }
    )+};
}

as_it_is!(Time, Span, SpanIfAny, OpenTime);

impl Number for Tally {
    const KIND: Kind = Kind::Tally;

    fn save(&self) -> f64 {
        self.get()
    }

    fn of(number: f64) -> Tally {
        Tally::restored(number)
    }
}

impl Number for u32 {
    const KIND: Kind = Kind::UpTo(u32::MAX);

    fn save(&self) -> f64 {
        (*self).into()
    }

    fn of(number: f64) -> u32 {
        // Whole and in range, so the conversion is exact.
        #[allow(clippy::as_conversions)]
        return number as u32;
    }
}

impl Number for u16 {
    const KIND: Kind = Kind::UpTo(65_535);

    fn save(&self) -> f64 {
        (*self).into()
    }

    fn of(number: f64) -> u16 {
        #[allow(clippy::as_conversions)] // As above.
        return u32::of(number) as u16;
    }
}

/// One of a list: its number is its position.
macro_rules! by_position {
    ($($type:ident),+) => {$(
        impl Number for $type {
            #[allow(clippy::as_conversions)]
            const KIND: Kind = Kind::UpTo($type::ALL.len() as u32 - 1);

            fn save(&self) -> f64 {
                // The discriminants of a fieldless enum count from 0 in the order of ALL: both are made of the same rows.
                #[allow(clippy::as_conversions)]
                return f64::from(*self as u8);
            }

            fn of(number: f64) -> $type {
                $type::ALL.get(usize::from(u16::of(number))).copied().unwrap_or($type::ALL[0])
            }
        }
    )+};
}

by_position!(State, Mode, Reason);

/// Reads numbers one after another and refuses those that are not what they should be.
pub(super) struct Reader<'a>(&'a [f64]);

impl<'a> Reader<'a> {
    pub(super) fn new(numbers: &'a [f64]) -> Reader<'a> {
        Reader(numbers)
    }

    /// The next numbers, of these kinds.
    pub(super) fn take<const N: usize>(&mut self, kinds: &[Kind; N]) -> Option<&'a [f64; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        fit(kinds, first).then_some(first)
    }

    /// A list after its length, in items of that many numbers.
    pub(super) fn list(&mut self, size: usize) -> Option<&'a [f64]> {
        let [length] = self.take(&[u32::KIND])?;
        let length = usize::try_from(u32::of(*length)).ok()?.checked_mul(size)?;
        let (list, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(list)
    }

    /// Whether nothing is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether each number is of its kind.
fn fit(kinds: &[Kind], numbers: &[f64]) -> bool {
    kinds.iter().zip(numbers).all(|(kind, number)| kind.takes(*number))
}

/// Adds a list after its length, in items of that many numbers: what [`Reader::list`] reads.
pub(super) fn save_list(saved: &mut Vec<f64>, list: &[f64], size: usize) {
    let length = list.len().checked_div(size).and_then(|length| u32::try_from(length).ok());
    saved.push(length.unwrap_or(0).into());
    saved.extend_from_slice(list);
}

/// Makes a struct whose fields are saved and loaded in the order of its rows, each under its name.
macro_rules! numbers {
    ($(#[$struct_doc:meta])* $struct:ident { $($(#[$doc:meta])* $name:literal => $field:ident: $type:ty,)+ }) => {
        $(#[$struct_doc])*
        struct $struct {
            $($(#[$doc])* $field: $type,)+
        }

        impl $struct {
            /// The names of the numbers, in their order.
            const NAMES: [&'static str; [$($name),+].len()] = [$($name),+];

            fn save(&self, saved: &mut Vec<f64>) {
                saved.extend_from_slice(&[$($crate::core::numbers::Number::save(&self.$field)),+]);
            }

            fn load(saved: &mut $crate::core::numbers::Reader) -> Option<$struct> {
                const KINDS: [$crate::core::numbers::Kind; $struct::NAMES.len()] =
                    [$(<$type as $crate::core::numbers::Number>::KIND),+];
                let [$($field),+] = *saved.take(&KINDS)?;
                Some($struct { $($field: $crate::core::numbers::Number::of($field),)+ })
            }
        }
    };
}

pub(super) use numbers;

#[cfg(test)]
mod tests {
    use super::*;

    fn comes_back<T: Number>(good: &[f64], bad: &[f64]) {
        for number in good {
            assert!(T::KIND.takes(*number), "{number}");
            let saved = T::of(*number).save();
            assert!(saved == *number || (saved.is_nan() && number.is_nan()), "{number}");
        }
        for number in bad.iter().chain(&[f64::INFINITY, f64::NEG_INFINITY]) {
            assert!(!T::KIND.takes(*number), "{number}");
        }
    }

    #[test]
    fn each_kind_of_number_takes_both_ends_of_its_range_and_nothing_outside() {
        comes_back::<Time>(&[-8.64e15, 8.64e15, f64::NAN], &[8.64e15 + 1.0, -8.64e15 - 1.0]);
        comes_back::<Span>(&[0.0, 0.5, LONGEST_SPAN], &[-0.5, LONGEST_SPAN + 1.0, f64::NAN]);
        comes_back::<SpanIfAny>(&[0.0, 0.5, LONGEST_SPAN, f64::NAN], &[-0.5, LONGEST_SPAN + 1.0]);
        comes_back::<OpenTime>(
            &[0.0, 0.5, LONGEST_SPAN, f64::NAN, -1.0],
            &[-0.5, -1.5, -2.0, LONGEST_SPAN + 1.0],
        );
        comes_back::<Tally>(&[0.0, 9_007_199_254_740_992.0], &[-1.0, 0.5, 9_007_199_254_740_994.0, f64::NAN]);
        comes_back::<u32>(&[0.0, 4_294_967_295.0], &[-1.0, 0.5, 4_294_967_296.0, f64::NAN]);
        comes_back::<u16>(&[0.0, 65_535.0], &[-1.0, 0.5, 65_536.0, f64::NAN]);
        comes_back::<State>(&[0.0, 2.0], &[-1.0, 0.5, 3.0, f64::NAN]);
        comes_back::<Mode>(&[0.0, 3.0], &[-1.0, 0.5, 4.0, f64::NAN]);
        comes_back::<Reason>(&[0.0, 12.0], &[-1.0, 0.5, 13.0, f64::NAN]);
    }

    #[test]
    fn a_list_comes_back_with_what_follows_it_and_a_length_that_is_none_is_refused() {
        let mut saved = Vec::new();
        save_list(&mut saved, &[7.0, 8.0, 9.0, 10.0], 2);
        saved.push(1.0);
        assert_eq!(saved[0], 2.0);
        let mut reader = Reader::new(&saved);
        assert_eq!(reader.list(2), Some(&saved[1..5]));
        assert_eq!((reader.take(&[u32::KIND]), reader.is_at_end()), (Some(&[1.0]), true));
        for length in [3.0, -1.0, 0.5, 4_294_967_295.0, f64::NAN] {
            saved[0] = length;
            assert_eq!(Reader::new(&saved).list(2), None, "{length}");
        }
    }
}
