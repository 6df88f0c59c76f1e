//! Moments and the time since them, for clocks that may run backwards or answer nonsense.
//!
//! Must not know: where a time comes from. All times are f64 milliseconds of one clock; its zero
//! means nothing here.

/// A moment from which a span is measured.
///
/// Two rules make a deadline safe against its clock. A time that is not a finite number is no time:
/// it passes nothing and moves nothing. A time before the moment means that the clock went back: the
/// moment moves back with it, so that no deadline is ever further away than its whole span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment(f64);

impl Moment {
    /// The moment `now`. When `now` is no time, the moment is unknown and becomes the first time seen.
    pub(super) fn at(now: f64) -> Self {
        Moment(if now.is_finite() { now } else { f64::NAN })
    }

    /// Whether a time has been seen since.
    pub(super) fn is_known(self) -> bool {
        !self.0.is_nan()
    }

    /// Milliseconds passed at `now`, or `None` when `now` is no time. Moves the moment back with a clock
    /// that went back.
    pub(super) fn elapsed(&mut self, now: f64) -> Option<f64> {
        if !now.is_finite() {
            return None;
        }
        self.follow(now);
        Some(now - self.0)
    }

    /// Moves the moment to `now` when it is unknown or lies after `now`; false when it stays.
    pub(super) fn follow(&mut self, now: f64) -> bool {
        let moves = now.is_finite() && (self.0.is_nan() || self.0 > now);
        if moves {
            self.0 = now;
        }
        moves
    }

    /// The moment that many milliseconds later.
    pub(super) fn after(self, span: f64) -> Moment {
        Moment(self.0 + span)
    }

    /// Whether at least `span` milliseconds have passed at `now`.
    pub(super) fn has_passed(&mut self, span: f64, now: f64) -> bool {
        self.elapsed(now).is_some_and(|elapsed| elapsed >= span)
    }

    /// Milliseconds of `span` left at `now`, from 0 to `span`. Changes nothing.
    pub(super) fn remaining(mut self, span: f64, now: f64) -> f64 {
        let elapsed = self.elapsed(now).unwrap_or(0.0);
        (span - elapsed).clamp(0.0, span.max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_passed_at_its_last_millisecond_and_not_before() {
        let mut start = Moment::at(1000.0);
        assert!(!start.has_passed(500.0, 1499.999));
        assert!(start.has_passed(500.0, 1500.0));
    }

    #[test]
    fn a_clock_that_goes_back_leaves_at_most_the_whole_span() {
        let mut start = Moment::at(3_600_000.0);
        assert_eq!(start.remaining(500.0, 0.0), 500.0);
        assert!(!start.has_passed(500.0, 0.0));
        assert!(start.has_passed(500.0, 500.0));
    }

    #[test]
    fn a_time_that_is_no_number_passes_nothing() {
        for nonsense in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut start = Moment::at(1000.0);
            assert!(!start.has_passed(0.0, nonsense));
            assert_eq!(start.remaining(500.0, nonsense), 500.0);
            assert_eq!(start, Moment::at(1000.0));
        }
    }

    #[test]
    fn an_unknown_moment_becomes_the_first_time_seen() {
        let mut start = Moment::at(f64::NAN);
        assert!(!start.has_passed(500.0, 7000.0));
        assert!(!start.has_passed(500.0, 7499.0));
        assert!(start.has_passed(500.0, 7500.0));
    }
}
