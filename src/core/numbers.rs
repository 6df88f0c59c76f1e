//! Lists of numbers by position, as snapshots and logs are: one row gives a number its name, its place, and both directions.
//!
//! Must not know: what the numbers are for.

use super::config::LONGEST_SPAN;
use super::reason::Reason;
use super::state::{Mode, State};
use super::tally::Tally;

/// What one number of a list stands for.
pub(super) trait Number: Sized {
    /// As it is saved.
    fn save(&self) -> f64;

    /// What was saved; `None` where that can't have been.
    fn load(number: f64) -> Option<Self>;
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

impl Number for Time {
    fn save(&self) -> f64 {
        self.0
    }

    fn load(number: f64) -> Option<Time> {
        (number.is_nan() || number.abs() <= 8.64e15).then_some(Time(number))
    }
}

impl Number for Span {
    fn save(&self) -> f64 {
        self.0
    }

    fn load(number: f64) -> Option<Span> {
        (0.0..=LONGEST_SPAN).contains(&number).then_some(Span(number))
    }
}

impl Number for SpanIfAny {
    fn save(&self) -> f64 {
        self.0
    }

    fn load(number: f64) -> Option<SpanIfAny> {
        (number.is_nan() || (0.0..=LONGEST_SPAN).contains(&number)).then_some(SpanIfAny(number))
    }
}

impl Number for Tally {
    fn save(&self) -> f64 {
        self.get()
    }

    fn load(number: f64) -> Option<Tally> {
        Tally::restored(number)
    }
}

impl Number for u32 {
    fn save(&self) -> f64 {
        (*self).into()
    }

    fn load(number: f64) -> Option<u32> {
        if number.fract() != 0.0 || !(0.0..=u32::MAX.into()).contains(&number) {
            return None;
        }
        // Whole and in range, so the conversion is exact.
        #[allow(clippy::as_conversions)]
        return Some(number as u32);
    }
}

impl Number for u16 {
    fn save(&self) -> f64 {
        (*self).into()
    }

    fn load(number: f64) -> Option<u16> {
        u16::try_from(u32::load(number)?).ok()
    }
}

/// One of a list: its number is its position.
macro_rules! by_position {
    ($($type:ty),+) => {$(
        impl Number for $type {
            fn save(&self) -> f64 {
                let mut number = 0.0;
                for other in <$type>::ALL {
                    if other == *self {
                        return number;
                    }
                    number += 1.0;
                }
                f64::NAN
            }

            fn load(number: f64) -> Option<$type> {
                <$type>::ALL.get(usize::from(u16::load(number)?)).copied()
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

    #[inline(never)]
    fn number(&mut self) -> Option<f64> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn next<T: Number>(&mut self) -> Option<T> {
        T::load(self.number()?)
    }

    /// A list after its length, in items of that many numbers.
    pub(super) fn list(&mut self, size: usize) -> Option<&'a [f64]> {
        let length = usize::try_from(self.next::<u32>()?).ok()?.checked_mul(size)?;
        let (list, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(list)
    }

    /// Whether nothing is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
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
                // Fields are made in the order in which they are written.
                Some($struct { $($field: saved.next()?,)+ })
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
            let loaded = T::load(*number).map(|it| it.save());
            assert!(loaded.is_some_and(|it| it == *number || (it.is_nan() && number.is_nan())), "{number}");
        }
        for number in bad.iter().chain(&[f64::INFINITY, f64::NEG_INFINITY]) {
            assert!(T::load(*number).is_none(), "{number}");
        }
    }

    #[test]
    fn each_kind_of_number_takes_both_ends_of_its_range_and_nothing_outside() {
        comes_back::<Time>(&[-8.64e15, 8.64e15, f64::NAN], &[8.64e15 + 1.0, -8.64e15 - 1.0]);
        comes_back::<Span>(&[0.0, 0.5, LONGEST_SPAN], &[-0.5, LONGEST_SPAN + 1.0, f64::NAN]);
        comes_back::<SpanIfAny>(&[0.0, 0.5, LONGEST_SPAN, f64::NAN], &[-0.5, LONGEST_SPAN + 1.0]);
        comes_back::<Tally>(&[0.0, 9_007_199_254_740_992.0], &[-1.0, 0.5, 9_007_199_254_740_994.0, f64::NAN]);
        comes_back::<u32>(&[0.0, 4_294_967_295.0], &[-1.0, 0.5, 4_294_967_296.0, f64::NAN]);
        comes_back::<u16>(&[0.0, 65_535.0], &[-1.0, 0.5, 65_536.0, f64::NAN]);
        comes_back::<State>(&[0.0, 2.0], &[-1.0, 0.5, 3.0, f64::NAN]);
        comes_back::<Mode>(&[0.0, 3.0], &[-1.0, 0.5, 4.0, f64::NAN]);
        comes_back::<Reason>(&[0.0, 11.0], &[-1.0, 0.5, 12.0, f64::NAN]);
    }

    #[test]
    fn a_list_comes_back_with_what_follows_it_and_a_length_that_is_none_is_refused() {
        let mut saved = Vec::new();
        save_list(&mut saved, &[7.0, 8.0, 9.0, 10.0], 2);
        saved.push(1.0);
        assert_eq!(saved[0], 2.0);
        let mut reader = Reader::new(&saved);
        assert_eq!(reader.list(2), Some(&saved[1..5]));
        assert_eq!((reader.next::<u32>(), reader.is_at_end()), (Some(1), true));
        for length in [3.0, -1.0, 0.5, 4_294_967_295.0, f64::NAN] {
            saved[0] = length;
            assert_eq!(Reader::new(&saved).list(2), None, "{length}");
        }
    }
}
