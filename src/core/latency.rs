//! How long calls took, in a histogram of fixed size.
//!
//! Must not know: what a call is. Each power of two of milliseconds is parted into eight, so a percentile is
//! off by at most 1/16 of itself (6.25 %), between 1/16 ms and 2^22 ms (70 minutes); what lies outside
//! counts at the ends. 208 counts of 4 bytes; O(1) per call.

use super::tally::Tally;

const PARTS: u64 = 8;
/// The exponent of the first power of two: 2^-4 ms.
const LOWEST: u64 = 1023 - 4;
const OCTAVES: u64 = 26;
const SIZE: usize = 208;

/// How long calls took.
#[derive(Clone, Debug)]
pub(super) struct Latency {
    counts: [u32; SIZE],
    calls: Tally,
    sum: f64,
}

/// A summary in ms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LatencySummary {
    /// Calls timed.
    pub calls: f64,
    /// The mean, exact.
    pub mean: f64,
    /// Half of the calls took at most this long.
    pub p50: f64,
    /// Nine of ten calls took at most this long.
    pub p90: f64,
    /// 99 of 100 calls took at most this long.
    pub p99: f64,
}

impl Default for Latency {
    fn default() -> Self {
        Latency { counts: [0; SIZE], calls: Tally::default(), sum: 0.0 }
    }
}

impl Latency {
    /// Takes in one call. What is no length of time is left out.
    pub(super) fn record(&mut self, elapsed: f64) {
        if !elapsed.is_finite() || elapsed < 0.0 {
            return;
        }
        self.calls.add_one();
        self.sum += elapsed;
        if let Some(count) = self.counts.get_mut(place(elapsed)) {
            *count = count.saturating_add(1);
        }
    }

    /// The summary, or `None` before the first call.
    pub(super) fn summary(&self) -> Option<LatencySummary> {
        let calls = self.calls.get();
        (calls > 0.0).then(|| LatencySummary {
            calls,
            mean: self.sum / calls,
            p50: self.percentile(0.5),
            p90: self.percentile(0.9),
            p99: self.percentile(0.99),
        })
    }

    #[inline(never)]
    fn percentile(&self, share: f64) -> f64 {
        let rank = (self.calls.get() * share).ceil();
        let mut seen = 0.0;
        for (place, count) in self.counts.iter().enumerate() {
            seen += f64::from(*count);
            if seen >= rank {
                return middle(place);
            }
        }
        middle(SIZE)
    }
}

/// The place of a length of time: its exponent and the three bits after it.
fn place(elapsed: f64) -> usize {
    // The sign, which -0 has, is no part of the exponent.
    let octave_and_part = elapsed.abs().to_bits() >> (52 - 3);
    let place = octave_and_part.saturating_sub(LOWEST.saturating_mul(PARTS));
    usize::try_from(place).unwrap_or(SIZE).min(SIZE.saturating_sub(1))
}

/// The middle of the lengths that have that place.
fn middle(place: usize) -> f64 {
    let place = u64::try_from(place).unwrap_or(0).min(OCTAVES.saturating_mul(PARTS));
    let bits = place.saturating_add(LOWEST.saturating_mul(PARTS));
    let from = f64::from_bits(bits << (52 - 3));
    let to = f64::from_bits(bits.saturating_add(1) << (52 - 3));
    (from + to) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_off_by_at_most_a_sixteenth() {
        let mut latency = Latency::default();
        let mut all = Vec::new();
        let mut seed = 7_u64;
        for _ in 0..10_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let elapsed = ((seed >> 40) as f64 / 1000.0).powf(1.5) / 500.0 + 0.07;
            latency.record(elapsed);
            all.push(elapsed);
        }
        all.sort_by(f64::total_cmp);
        let summary = latency.summary().unwrap();
        for (share, got) in [(0.5, summary.p50), (0.9, summary.p90), (0.99, summary.p99)] {
            let exact = all[(all.len() as f64 * share) as usize - 1];
            assert!((got - exact).abs() / exact <= 1.0 / 16.0, "{share}: {got} for {exact}");
        }
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        assert!((summary.mean - mean).abs() < 1e-9 * mean);
    }

    #[test]
    fn what_is_outside_counts_at_the_ends_and_what_is_no_time_not_at_all() {
        let mut latency = Latency::default();
        for nonsense in [f64::NAN, f64::INFINITY, -1.0] {
            latency.record(nonsense);
        }
        assert_eq!(latency.summary(), None);
        for nothing in [0.0, -0.0] {
            latency.record(nothing);
            assert!(latency.summary().unwrap().p99 < 0.07, "{nothing}");
        }
        latency.record(1e300);
        assert!(latency.summary().unwrap().p99 > 4_000_000.0);
    }
}
