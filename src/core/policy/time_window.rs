//! Judges the calls of the last `window.duration` ms.
//!
//! Must not know: a clock. The window moves on in equal parts, the buckets, anchored at the first call; it
//! holds the current bucket and all but one full length before it. A step costs at most one pass over
//! the buckets, whatever the gap; after a gap of a whole window it is empty.

use super::{Carried, Counts, Evidence, Shape};
use crate::core::config::{Config, Field};
use crate::core::numbers::Number;
use crate::core::reason::Reason;

/// Numbers a bucket is saved as: its age in buckets, calls, failures, slow calls.
const SAVED: usize = 4;

/// The calls of the last `window.duration` ms, in `window.buckets` buckets.
#[derive(Clone, Debug)]
pub(in crate::core) struct TimeWindow {
    buckets: Box<[Counts]>,
    /// The length of the window, in ms.
    duration: f64,
    /// When the first bucket began; NaN before the first call that had a time.
    origin: f64,
    /// The number of the current bucket since then. Counted, so that no rounding adds up: a call is gone after exactly
    /// the duration, whatever the number of buckets.
    tick: f64,
    /// The place of the current bucket.
    head: usize,
    total: Counts,
}

impl TimeWindow {
    #[cfg(test)]
    pub(super) const EXAMPLE: &[(Field, f64)] =
        &[(Field::WindowDuration, 10_000.0), (Field::FailureRate, 1.0), (Field::MinimumCalls, 3.0)];

    pub(super) const NEEDS_TIME_OF_SUCCESS: bool = true;

    pub(super) fn new(config: &Config) -> Option<TimeWindow> {
        let duration = config.given(Field::WindowDuration)?;
        let buckets = config.count(Field::WindowBuckets);
        Some(TimeWindow {
            buckets: vec![Counts::default(); usize::try_from(buckets).ok()?].into(),
            duration,
            origin: f64::NAN,
            tick: 0.0,
            head: 0,
            total: Counts::default(),
        })
    }

    #[inline(always)]
    pub(super) fn succeed(&mut self, now: f64) {
        self.add(false, false, now);
    }

    pub(super) fn judge(&mut self, evidence: Evidence, config: &Config) -> Option<Reason> {
        self.add(evidence.failed, evidence.slow, evidence.now);
        self.total.judge(evidence, config)
    }

    #[inline(always)]
    fn add(&mut self, failed: bool, slow: bool, now: f64) {
        self.advance(now);
        if let Some(bucket) = self.buckets.get_mut(self.head) {
            bucket.add(failed, slow);
        }
        self.total.add(failed, slow);
    }

    /// Moves the window to `now`. What is no time moves nothing; a clock that went back goes on in the
    /// current bucket, so that the window can neither freeze nor go blind.
    #[inline(always)]
    fn advance(&mut self, now: f64) {
        // In buckets since the origin. The usual case, the current bucket, is one comparison; NaN is not in it.
        let passed = self.passed(now) - self.tick;
        if !(0.0..1.0).contains(&passed) {
            self.move_on(now);
        }
    }

    #[cold]
    fn move_on(&mut self, now: f64) {
        if !now.is_finite() {
            return;
        }
        let steps = self.passed(now).floor() - self.tick;
        if steps.is_nan() || steps < 0.0 {
            self.begin(now);
            return;
        }
        if steps >= self.count() {
            self.clear();
            self.begin(now);
            return;
        }
        self.tick += steps;
        let mut left = steps;
        while left >= 1.0 {
            left -= 1.0;
            self.head = self.head.wrapping_add(1);
            if self.head >= self.buckets.len() {
                self.head = 0;
            }
            if let Some(bucket) = self.buckets.get_mut(self.head) {
                self.total.take_all(std::mem::take(bucket));
            }
        }
    }

    /// Has the current bucket begin at `now`.
    fn begin(&mut self, now: f64) {
        self.origin = now;
        self.tick = 0.0;
    }

    /// How many buckets have passed at `now` since the origin.
    #[inline(always)]
    fn passed(&self, now: f64) -> f64 {
        (now - self.origin) * self.count() / self.duration
    }

    /// How many buckets there are.
    #[inline(always)]
    fn count(&self) -> f64 {
        u32::try_from(self.buckets.len()).unwrap_or(u32::MAX).into()
    }

    pub(super) fn clear(&mut self) {
        self.buckets.fill(Counts::default());
        self.begin(f64::NAN);
        self.head = 0;
        self.total = Counts::default();
    }

    /// How many buckets lie between the current one and the one of `now`; 0 when that is no time.
    fn age(&self, now: f64) -> f64 {
        let age = (self.passed(now).floor() - self.tick).max(0.0);
        if now.is_finite() { age } else { 0.0 }
    }

    /// Hands over each bucket that still counts at `now` with its age in buckets, the youngest first.
    fn each(&self, now: f64, mut take: impl FnMut(f64, Counts)) {
        let mut age = self.age(now);
        let mut place = self.head;
        for _ in 0..self.buckets.len() {
            if age >= self.count() {
                return;
            }
            if let Some(bucket) = self.buckets.get(place) {
                take(age, *bucket);
            }
            age += 1.0;
            place = place.checked_sub(1).unwrap_or(self.buckets.len().saturating_sub(1));
        }
    }

    pub(super) fn counts(&self, now: f64) -> Option<Counts> {
        let mut counts = Counts::default();
        self.each(now, |_, bucket| counts.add_all(bucket));
        Some(counts)
    }

    /// The buckets that are not empty, each as its age in buckets, calls, failures, slow calls.
    pub(super) fn save(&self, now: f64) -> Vec<f64> {
        let mut saved = Vec::new();
        self.each(now, |age, bucket| {
            if bucket.calls > 0 {
                saved.extend_from_slice(&[
                    age,
                    bucket.calls.into(),
                    bucket.failures.into(),
                    bucket.slow.into(),
                ]);
            }
        });
        saved
    }

    /// A window that reaches no further back has what it needs, where its buckets are as long as the saved ones or several of
    /// them. What is in a bucket can't be told apart.
    pub(super) fn load(&mut self, saved: &[f64], was: Shape, away: f64, now: f64) -> Carried {
        self.clear();
        if was.duration.is_nan() {
            return Carried::Not;
        }
        let (buckets, rest) = saved.as_chunks::<SAVED>();
        if !rest.is_empty() {
            return Carried::Bad;
        }
        let count = self.count();
        // Saved buckets in one of these, and those that have passed since.
        let each = self.duration * was.buckets / (was.duration * count);
        let passed = (away * was.buckets / was.duration).floor().max(0.0);
        self.begin(if now.is_finite() { now } else { f64::NAN });
        for bucket in buckets {
            if !bucket.iter().all(|number| u32::KIND.takes(*number)) {
                return Carried::Bad;
            }
            let [age, calls, failures, slow] = bucket.map(u32::of);
            if failures > calls || slow > calls || f64::from(age) >= was.buckets {
                return Carried::Bad;
            }
            let age = ((f64::from(age) + passed) / each).floor();
            if age >= count {
                continue;
            }
            let counts = Counts { calls, failures, slow };
            // The head is the first bucket; older ones lie before it, from the end of the ring.
            #[allow(clippy::as_conversions)]
            let place = self.buckets.len().saturating_sub(age as usize);
            let place = if age == 0.0 { 0 } else { place };
            if let Some(bucket) = self.buckets.get_mut(place) {
                bucket.add_all(counts);
                self.total.add_all(counts);
            }
        }
        // The fraction of what is beyond all numbers is NaN.
        if each >= 1.0 && each.fract() == 0.0 && self.duration <= was.duration {
            Carried::Exactly
        } else {
            Carried::Not
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::tally::Tally;

    fn config(duration: f64, buckets: u32) -> Config {
        Config::default()
            .with(Field::WindowDuration, duration)
            .and_then(|config| config.with(Field::WindowBuckets, buckets.into()))
            .unwrap()
    }

    fn window() -> TimeWindow {
        TimeWindow::new(&config(1000.0, 10)).unwrap()
    }

    fn call(window: &mut TimeWindow, failed: bool, now: f64) -> Counts {
        let evidence = Evidence { failed, slow: false, failures_in_a_row: Tally::default(), now };
        window.judge(evidence, &Config::default());
        window.total
    }

    #[test]
    fn a_call_is_gone_after_exactly_the_duration_and_not_before() {
        let mut window = window();
        call(&mut window, true, 5000.0);
        assert_eq!(window.counts(5999.0).unwrap().failures, 1);
        assert_eq!(window.counts(6000.0).unwrap().failures, 0);
        assert_eq!(call(&mut window, false, 5999.0), Counts { calls: 2, failures: 1, slow: 0 });
        assert_eq!(call(&mut window, false, 6000.0), Counts { calls: 2, failures: 0, slow: 0 });
    }

    #[test]
    fn a_call_is_gone_after_exactly_the_duration_whatever_the_number_of_buckets() {
        for buckets in 1..=40_u32 {
            let mut window = TimeWindow::new(&config(1000.0, buckets)).unwrap();
            for now in [0.0, 398.0, 438.0, 586.0, 961.0] {
                call(&mut window, true, now);
            }
            let left = window.counts(1000.0).unwrap().failures;
            assert_eq!(call(&mut window, false, 1000.0).failures, left);
            assert!(left <= 4, "{buckets}");
        }
    }

    #[test]
    fn after_any_idle_gap_only_the_new_call_is_left() {
        for gap in [1000.0, 1001.0, 3_600_000.0, 1e15] {
            let mut window = window();
            for now in 0..10_u32 {
                call(&mut window, true, f64::from(now) * 100.0);
            }
            assert_eq!(
                call(&mut window, false, 900.0 + gap),
                Counts { calls: 1, failures: 0, slow: 0 },
                "{gap}"
            );
        }
    }

    #[test]
    fn a_clock_that_goes_back_neither_freezes_nor_blinds_the_window() {
        let mut window = window();
        call(&mut window, true, 3_600_000.0);
        assert_eq!(call(&mut window, true, 0.0).failures, 2);
        assert_eq!(call(&mut window, true, 999.0).failures, 3);
        assert_eq!(call(&mut window, true, 1000.0).failures, 2);
    }

    #[test]
    fn what_is_no_time_counts_into_the_current_bucket() {
        let mut window = window();
        assert_eq!(call(&mut window, true, f64::NAN).failures, 1);
        assert_eq!(call(&mut window, true, 500.0).failures, 2);
        assert_eq!(call(&mut window, true, f64::INFINITY).failures, 3);
        assert_eq!(call(&mut window, false, 1500.0), Counts { calls: 1, failures: 0, slow: 0 });
    }

    #[test]
    fn reading_moves_nothing() {
        let mut window = window();
        call(&mut window, true, 0.0);
        assert_eq!(window.counts(1e9).unwrap(), Counts::default());
        assert_eq!(window.counts(0.0).unwrap().failures, 1);
    }

    #[test]
    fn time_spent_away_ages_what_was_saved() {
        let mut first = window();
        call(&mut first, true, 0.0);
        call(&mut first, true, 500.0);
        let saved = first.save(500.0);
        let mut other = window();
        for (away, failures) in [(400.0, 2), (500.0, 1), (1e12, 0)] {
            assert_eq!(other.load(&saved, Shape::of(&config(1000.0, 10)), away, 77.0), Carried::Exactly);
            assert_eq!(other.counts(77.0).unwrap().failures, failures, "{away} ms away");
        }
    }

    #[test]
    fn another_window_takes_what_reaches_far_enough_back_in_buckets_that_its_own_are_made_of() {
        use Carried::{Bad, Exactly, Not};
        let mut first = window();
        for time in 0..10_u32 {
            call(&mut first, true, f64::from(time) * 100.0);
        }
        let saved = first.save(900.0);
        for (duration, buckets, carried, failures) in [
            (1000.0, 10, Exactly, 10),
            // Buckets as long, but fewer.
            (300.0, 3, Exactly, 3),
            (100.0, 1, Exactly, 1),
            // Buckets of several.
            (1000.0, 5, Exactly, 10),
            (1000.0, 2, Exactly, 10),
            (1000.0, 1, Exactly, 10),
            (600.0, 2, Exactly, 6),
            // Nobody knows what came before, or where in its bucket a call was.
            (1100.0, 11, Not, 0),
            (2000.0, 10, Not, 0),
            (1000.0, 20, Not, 0),
            (600.0, 10, Not, 0),
            (1000.0, 3, Not, 0),
            (150.0, 1, Not, 0),
        ] {
            let mut other = TimeWindow::new(&config(duration, buckets)).unwrap();
            let was = Shape::of(&config(1000.0, 10));
            assert_eq!(other.load(&saved, was, 0.0, 77.0), carried, "{duration} in {buckets}");
            if carried == Exactly {
                assert_eq!(other.counts(77.0).unwrap().failures, failures, "{duration} in {buckets}");
            }
        }
        assert_eq!(
            window().load(&saved, Shape::of(&config(1000.0, 9)), 0.0, 77.0),
            Bad,
            "more buckets than there were"
        );
        assert_eq!(window().load(&saved[..39], Shape::of(&config(1000.0, 10)), 0.0, 77.0), Bad);
    }

    #[test]
    fn durations_beyond_all_products_are_carried_to_none_but_themselves() {
        let (longest, shortest) = (9_007_199_254_740_991.0, 5e-324);
        let other = |was: f64, is: f64, buckets| {
            let mut window = TimeWindow::new(&config(is, buckets)).unwrap();
            window.load(&[0.0, 1.0, 1.0, 0.0], Shape::of(&config(was, 1000)), 0.0, 0.0)
        };
        assert_eq!(other(longest, longest, 1000), Carried::Exactly);
        assert_eq!(other(longest, shortest, 1), Carried::Not);
        assert_eq!(other(shortest, longest, 1), Carried::Not);
    }
}
