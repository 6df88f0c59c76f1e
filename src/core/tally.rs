//! A count that never wraps.
//!
//! Must not know: what is counted.

/// A count from 0, exact up to 2^53, where it stops: 285 years at a million a second.
///
/// An f64, since that is what it crosses the boundary as: turning a u64 into one on every call costs a
/// nanosecond or two of the twelve that a call has.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Tally(f64);

impl Tally {
    /// 2^53: where it stops.
    pub(super) const MOST: f64 = 9_007_199_254_740_992.0;

    /// The count of a snapshot, which has to be a whole number from 0 to [`Tally::MOST`].
    pub(super) fn restored(count: f64) -> Tally {
        Tally(count)
    }

    /// One more.
    #[inline(always)]
    pub(super) fn add_one(&mut self) {
        self.0 += 1.0;
    }

    /// One less, not below 0.
    #[inline(always)]
    pub(super) fn take_one(&mut self) {
        // Not `max`, which minds NaN and is a function of its own.
        let left = self.0 - 1.0;
        self.0 = if left > 0.0 { left } else { 0.0 };
    }

    /// The count as a whole number.
    #[inline(always)]
    pub fn get(self) -> f64 {
        self.0
    }

    /// Whether the count is at least `limit`.
    #[inline(always)]
    pub(super) fn reaches(self, limit: u32) -> bool {
        self.0 >= f64::from(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_stops_where_it_would_lose_precision() {
        let mut tally = Tally(9_007_199_254_740_991.0);
        tally.add_one();
        tally.add_one();
        assert_eq!(tally.get(), 9_007_199_254_740_992.0);
    }

    #[test]
    fn a_tally_does_not_go_below_zero() {
        let mut tally = Tally::default();
        tally.take_one();
        assert_eq!(tally.get(), 0.0);
    }

    #[test]
    fn a_tally_reaches_its_limit_and_not_before() {
        let mut tally = Tally::default();
        tally.add_one();
        assert!(!tally.reaches(2));
        tally.add_one();
        assert!(tally.reaches(2));
    }
}
