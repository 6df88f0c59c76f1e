//! Judges the last `window.size` calls.
//!
//! Must not know: time. A ring of two bits a call, so 100 calls take 25 bytes; O(1) per call, and no memory
//! but what the constructor took.

use super::{Carried, Counts, Evidence, Shape};
use crate::core::config::{Config, Field};
use crate::core::numbers::{Kind, Number};
use crate::core::reason::Reason;

const FAILED: u8 = 1;
const SLOW: u8 = 2;
const CALLS_PER_BYTE: u32 = 4;

/// A call in a snapshot: 1 for failed, plus 2 for slow.
const CALL: Kind = Kind::UpTo(3);

/// The last `window.size` calls.
#[derive(Clone, Debug)]
pub(in crate::core) struct CountWindow {
    /// Two bits a call, four calls a byte.
    ring: Box<[u8]>,
    size: u32,
    /// Where the next call goes: the place of the oldest one once the ring is full.
    next: u32,
    counts: Counts,
}

impl CountWindow {
    #[cfg(test)]
    pub(super) const EXAMPLE: &[(Field, f64)] =
        &[(Field::WindowSize, 10.0), (Field::FailureRate, 1.0), (Field::MinimumCalls, 3.0)];

    pub(super) const NEEDS_TIME_OF_SUCCESS: bool = false;

    pub(super) fn new(config: &Config) -> Option<CountWindow> {
        config.given(Field::WindowSize)?;
        let size = config.count(Field::WindowSize);
        let bytes = usize::try_from(size.div_ceil(CALLS_PER_BYTE)).ok()?;
        Some(CountWindow { ring: vec![0; bytes].into(), size, next: 0, counts: Counts::default() })
    }

    #[inline(always)]
    pub(super) fn succeed(&mut self, _now: f64) {
        self.push(false, false);
    }

    pub(super) fn judge(&mut self, evidence: Evidence, config: &Config) -> Option<Reason> {
        self.take(evidence.failed, evidence.slow);
        self.counts.judge(evidence, config)
    }

    /// As [`CountWindow::push`], for all but the hot path.
    #[inline(never)]
    fn take(&mut self, failed: bool, slow: bool) {
        self.push(failed, slow);
    }

    #[inline(always)]
    fn push(&mut self, failed: bool, slow: bool) {
        let call = if failed { FAILED } else { 0 } | if slow { SLOW } else { 0 };
        let oldest = self.replace(self.next, call);
        if self.counts.calls == self.size {
            self.counts.take_all(Counts {
                calls: 1,
                failures: (oldest & FAILED).into(),
                slow: (oldest & SLOW != 0).into(),
            });
        }
        self.counts.add(failed, slow);
        self.next = self.next.wrapping_add(1);
        if self.next >= self.size {
            self.next = 0;
        }
    }

    /// Writes a call into its place and answers what was there.
    #[inline(always)]
    fn replace(&mut self, place: u32, call: u8) -> u8 {
        let shift = (place & 3) << 1;
        let Some(byte) = usize::try_from(place >> 2).ok().and_then(|byte| self.ring.get_mut(byte)) else {
            return 0;
        };
        let before = (*byte >> shift) & 3;
        *byte = (*byte & !(3 << shift)) | (call << shift);
        before
    }

    fn at(&self, place: u32) -> u8 {
        let byte = usize::try_from(place >> 2).ok().and_then(|byte| self.ring.get(byte)).copied();
        (byte.unwrap_or(0) >> ((place & 3) << 1)) & 3
    }

    pub(super) fn clear(&mut self) {
        self.ring.fill(0);
        self.next = 0;
        self.counts = Counts::default();
    }

    pub(super) fn counts(&self, _now: f64) -> Option<Counts> {
        Some(self.counts)
    }

    /// The calls, oldest first: 1 for failed, plus 2 for slow.
    pub(super) fn save(&self, _now: f64) -> Vec<f64> {
        let mut place = if self.counts.calls == self.size { self.next } else { 0 };
        let mut saved = Vec::new();
        for _ in 0..self.counts.calls {
            saved.push(self.at(place).into());
            place = place.wrapping_add(1);
            if place >= self.size {
                place = 0;
            }
        }
        saved
    }

    /// The last calls of a larger window are those of a smaller one. Those of one that was full may not be all that a larger one would have.
    pub(super) fn load(&mut self, saved: &[f64], was: Shape, _away: f64, _now: f64) -> Carried {
        self.clear();
        if was.size.is_nan() {
            return Carried::Not;
        }
        let calls = f64::from(u32::try_from(saved.len()).unwrap_or(u32::MAX));
        if calls > was.size {
            return Carried::Bad;
        }
        for call in saved {
            if !CALL.takes(*call) {
                return Carried::Bad;
            }
            let call = u32::of(*call);
            self.take(call & 1 != 0, call & 2 != 0);
        }
        if calls == was.size && calls < self.size.into() { Carried::Not } else { Carried::Exactly }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(size: f64) -> Config {
        Config::default().with(Field::WindowSize, size).unwrap()
    }

    fn window(size: f64) -> CountWindow {
        CountWindow::new(&config(size)).unwrap()
    }

    #[test]
    fn a_window_of_another_size_has_the_last_calls_where_none_is_missing() {
        use Carried::{Bad, Exactly, Not};
        let four = [1.0, 0.0, 2.0, 3.0];
        for (was, is, carried, calls) in [
            (4.0, 4.0, Exactly, &four[..]),
            (5.0, 4.0, Exactly, &four),
            (9.0, 2.0, Exactly, &four[2..]),
            (4.0, 1.0, Exactly, &four[3..]),
            (5.0, 9.0, Exactly, &four),
            // It was full: nobody knows what came before.
            (4.0, 5.0, Not, &four),
            (3.0, 9.0, Bad, &[]),
        ] {
            let mut window = window(is);
            assert_eq!(window.load(&four, Shape::of(&config(was)), 0.0, 0.0), carried, "{was} to {is}");
            assert_eq!(window.save(0.0), calls, "{was} to {is}");
        }
    }

    #[test]
    fn the_oldest_call_leaves_when_the_window_is_full() {
        let mut window = window(5.0);
        window.push(true, true);
        for _ in 0..4 {
            window.push(false, false);
        }
        assert_eq!(window.counts, Counts { calls: 5, failures: 1, slow: 1 });
        window.push(false, true);
        assert_eq!(window.counts, Counts { calls: 5, failures: 0, slow: 1 });
    }

    #[test]
    fn a_hundred_calls_take_25_bytes() {
        assert_eq!(window(100.0).ring.len(), 25);
    }

    #[test]
    fn what_is_saved_comes_oldest_first() {
        let mut window = window(3.0);
        for call in 0..5_u8 {
            window.push(call % 2 == 1, call == 4);
        }
        assert_eq!(window.save(0.0), [0.0, 1.0, 2.0]);
    }
}
