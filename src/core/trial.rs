//! The test requests of one half-open generation: which are in flight, which have hung, and whether one more may pass.
//!
//! Must not know: what a verdict leads to. It holds leases and ends them; the machine opens and closes. Nor who asks, but for
//! the probe's own.
//!
//! # Why the front tells it all
//!
//! Permits rise, so leases stand in the order in which they were given. All last equally long, whatever that is set to, so
//! the one that began first ends first. They begin in the order in which they stand: [`Trial::follow`] sees to it before a
//! lease is given, and it is the only place where a beginning moves. A clock that went back takes the beginnings that
//! lie after it along (the end of the list); a lease given at an unknown time begins at the first time seen
//! after it, and until then every lease behind it is unknown, too. So what is over is at the front, and where the first is
//! not over, none is.
//!
//! A lease that is given back leaves a hole. Holes at the front go at once; when there are more holes than leases,
//! all go: each costs O(1) over time, and the list is never longer than twice the leases in flight and [`SPARE`].
//! To give a lease and to give it back takes O(1), once holes were closed O(log n). Only a clock that goes
//! back costs a step for each lease that began after the time it went back to.

use super::config::{Config, Field};
use super::permit::Permit;
use super::tally::Tally;
use super::time::Moment;

/// What a test request holds until it settles or expires.
#[derive(Clone, Copy, Debug)]
struct Lease {
    permit: Permit,
    since: Moment,
    /// False for a hole: it was given back.
    is_held: bool,
}

/// Holes that are left alone, however few leases there are.
const SPARE: usize = 16;

/// The test requests of one half-open generation.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    /// In the order of their permits and of their beginnings. The first that is not gone is held.
    leases: Vec<Lease>,
    /// How many at the front are gone. A ring, which would need no such count, is 0.1 KB more in the package.
    gone: usize,
    /// The leases that are no holes.
    in_flight: u32,
    /// Test requests that failed, were slow or expired.
    failures: u32,
    /// When the probe last asked, or the circuit was due before it did. Nobody looks at it where there is no probe.
    heard: Moment,
    /// Leases looked at, moved or dropped.
    #[cfg(test)]
    steps: std::cell::Cell<usize>,
}

impl Trial {
    /// A trial that has been due since then, with that many failures: none, unless it is carried on from a snapshot. Test requests
    /// in flight were lost with the process that had them.
    pub(super) fn new(due: Moment, failures: u32) -> Trial {
        Trial {
            leases: Vec::new(),
            gone: 0,
            in_flight: 0,
            failures,
            heard: due,
            #[cfg(test)]
            steps: std::cell::Cell::new(0),
        }
    }

    /// The probe asks at `now`.
    pub(super) fn hear(&mut self, now: f64) {
        self.heard = Moment::at(now);
    }

    /// How many ms from `now` the test requests go on being the probe's alone, which has `patience` ms to ask: 0 when it has not
    /// asked for that long. Changes nothing.
    pub(super) fn kept_for_probe(&self, patience: f64, now: f64) -> f64 {
        self.heard.remaining(patience, now)
    }

    /// Whether the probe has not asked for `patience` ms at `now`.
    pub(super) fn is_left_by_probe(&mut self, patience: f64, now: f64) -> bool {
        self.heard.has_passed(patience, now)
    }

    /// Test requests that failed, were slow or expired.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts one more failure and answers how many there are.
    pub(super) fn fail(&mut self) -> u32 {
        self.failures = self.failures.saturating_add(1);
        self.failures
    }

    /// Whether no test request is in flight.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight == 0
    }

    /// Whether one more test request may pass. With none in flight there is always room, so that options
    /// changed in the midst of a trial can't leave it without a verdict.
    pub(super) fn has_room(&self, config: &Config, successes: Tally) -> bool {
        let judged = successes.get() + f64::from(self.failures);
        self.in_flight == 0
            || (self.in_flight < config.count(Field::HalfOpenMaxConcurrent)
                && f64::from(self.in_flight) + judged < f64::from(config.count(Field::HalfOpenCalls)))
    }

    /// Gives a lease from `now` on. The permit's number is above those of all leases given before.
    pub(super) fn lease(&mut self, permit: Permit, now: f64) {
        self.follow(now);
        self.step(1);
        // First the lease, which may need memory: should the host have no more room for a call there, nothing is counted that never ends.
        self.leases.push(Lease { permit, since: Moment::at(now), is_held: true });
        self.in_flight = self.in_flight.saturating_add(1);
    }

    /// Ends the lease of that permit; false when nobody holds it.
    pub(super) fn give_back(&mut self, permit: Permit) -> bool {
        let place = self.place(permit);
        let Some(lease) =
            self.left_mut().get_mut(place).filter(|lease| lease.is_held && lease.permit == permit)
        else {
            return false;
        };
        lease.is_held = false;
        self.in_flight = self.in_flight.saturating_sub(1);
        self.close_holes();
        true
    }

    /// Ends the leases that have lasted `lease_time` ms at `now` and tells whose they were, in the order of their beginnings.
    pub(super) fn expire(&mut self, lease_time: f64, now: f64) -> Vec<Permit> {
        self.follow(now);
        let mut expired = Vec::new();
        while let Some(first) = self.leases.get_mut(self.gone)
            && first.since.has_passed(lease_time, now)
        {
            if first.is_held {
                expired.push(first.permit);
                self.in_flight = self.in_flight.saturating_sub(1);
            }
            self.step(1);
            self.gone = self.gone.saturating_add(1);
        }
        self.close_holes();
        expired
    }

    /// How many ms from `now` until the first lease ends; infinity when there is none. Changes nothing.
    pub(super) fn expires_after(&self, lease_time: f64, now: f64) -> f64 {
        self.left().first().map_or(f64::INFINITY, |first| first.since.remaining(lease_time, now))
    }

    /// Moves the beginnings that are unknown or lie after `now` to `now`. They are the last ones.
    fn follow(&mut self, now: f64) {
        let mut moved = 0_usize;
        for lease in self.left_mut().iter_mut().rev() {
            // Moved or not, it has begun by now; those before it have begun before it.
            if !lease.since.follow(now) {
                break;
            }
            moved = moved.saturating_add(1);
        }
        self.step(moved);
    }

    /// Where the lease of that permit stands, if it does. Permits are whole numbers that rise, so it stands no further from
    /// the first lease, and no further from the last, than its number does: without holes closed, that is one place.
    fn place(&self, permit: Permit) -> usize {
        let left = self.left();
        let (Some(first), Some(last)) = (left.first(), left.last()) else { return 0 };
        let end = left.len().saturating_sub(1);
        let mut low = end.saturating_sub(distance(permit, last.permit));
        let mut high = distance(first.permit, permit).min(end);
        while low < high {
            self.step(1);
            let middle = low.midpoint(high);
            match left.get(middle) {
                Some(lease) if lease.permit.0 < permit.0 => low = middle.saturating_add(1),
                _ => high = middle,
            }
        }
        low
    }

    /// Passes over the holes at the front, and drops all holes where they are more than the leases.
    fn close_holes(&mut self) {
        while self.left().first().is_some_and(|first| !first.is_held) {
            self.step(1);
            self.gone = self.gone.saturating_add(1);
        }
        let held = usize::try_from(self.in_flight).unwrap_or(usize::MAX);
        if held == 0 || self.leases.len() > held.saturating_mul(2).saturating_add(SPARE) {
            self.step(self.left().len());
            // By hand: `retain` is 400 B of Wasm.
            let mut kept = 0_usize;
            for at in self.gone..self.leases.len() {
                if let Some(lease) = self.leases.get(at).copied()
                    && lease.is_held
                    && let Some(place) = self.leases.get_mut(kept)
                {
                    *place = lease;
                    kept = kept.saturating_add(1);
                }
            }
            self.leases.truncate(kept);
            self.gone = 0;
        }
    }

    /// Those that are not gone.
    fn left(&self) -> &[Lease] {
        self.leases.get(self.gone..).unwrap_or_default()
    }

    fn left_mut(&mut self) -> &mut [Lease] {
        self.leases.get_mut(self.gone..).unwrap_or_default()
    }

    /// Notes the work done, for the test that it does not grow.
    #[inline(always)]
    fn step(&self, _count: usize) {
        #[cfg(test)]
        self.steps.set(self.steps.get() + _count);
    }
}

/// How far one number lies above another; 0 where it does not, or is no number.
fn distance(from: Permit, to: Permit) -> usize {
    // Saturates: NaN and what is below 0 are 0, what is too large is the largest.
    #[allow(clippy::as_conversions)]
    return (to.0 - from.0) as usize;
}

/// Test requests that expired and whose results have not come yet. They are in flight, but hold no place of those that
/// `maxConcurrent` has: one that never settles would keep it for ever, and a circuit with a single place open.
#[derive(Clone, Debug, Default)]
pub(super) struct Hung {
    permits: Vec<Permit>,
    /// Those that are not in the list any more: their late results can't be told from others.
    forgotten: Tally,
}

/// The longest list: a dependency that hangs at every test adds one each time, for as long as the breaker lives.
const MOST_HUNG: usize = 64;

impl Hung {
    pub(super) fn add(&mut self, permit: Permit) {
        if self.permits.len() >= MOST_HUNG {
            self.permits.remove(0);
            self.forgotten.add_one();
        }
        self.permits.push(permit);
    }

    /// Its late result has come.
    pub(super) fn end(&mut self, permit: Permit) {
        self.permits.retain(|expired| *expired != permit);
    }

    pub(super) fn count(&self) -> f64 {
        let listed = u32::try_from(self.permits.len()).unwrap_or(u32::MAX);
        self.forgotten.get() + f64::from(listed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE_TIME: f64 = 50.0;

    fn permit(number: u32) -> Permit {
        Permit(number.into())
    }

    fn numbers(permits: Vec<Permit>) -> Vec<f64> {
        permits.into_iter().map(|permit| permit.0).collect()
    }

    fn trial() -> Trial {
        Trial::new(Moment::at(0.0), 0)
    }

    /// A trial as naive as can be: every lease is looked at each time.
    #[derive(Default)]
    struct List(Vec<(f64, f64)>);

    impl List {
        fn expire(&mut self, lease_time: f64, now: f64) -> Vec<f64> {
            if !now.is_finite() {
                return Vec::new();
            }
            for (_, since) in &mut self.0 {
                *since = since.min(now);
            }
            let is_over = |lease: &(f64, f64)| now - lease.1 >= lease_time;
            let expired = self.0.iter().filter(|lease| is_over(lease)).map(|lease| lease.0).collect();
            self.0.retain(|lease| !is_over(lease));
            expired
        }

        fn expires_after(&self, lease_time: f64, now: f64) -> f64 {
            let left = |since: f64| {
                if now.is_finite() {
                    (lease_time - (now - since.min(now))).clamp(0.0, lease_time)
                } else {
                    lease_time
                }
            };
            self.0.iter().map(|(_, since)| left(*since)).fold(f64::INFINITY, f64::min)
        }

        fn give_back(&mut self, permit: f64) -> bool {
            let before = self.0.len();
            self.0.retain(|lease| lease.0 != permit);
            self.0.len() != before
        }
    }

    /// Numbers that look random, the same each time.
    fn random(seed: &mut u64, below: u32) -> u32 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((*seed >> 33) % u64::from(below)) as u32
    }

    #[test]
    fn whatever_the_clock_does_it_ends_the_leases_that_a_naive_list_ends() {
        for life in 0..400 {
            let mut seed = life;
            let (mut trial, mut list) = (trial(), List::default());
            let (mut time, mut lease_time, mut serial) = (1000.0, LEASE_TIME, 0);
            for _ in 0..200 {
                let now = match random(&mut seed, 12) {
                    0 => f64::NAN,
                    1 => f64::INFINITY,
                    _ => time,
                };
                assert_eq!(trial.expires_after(lease_time, now), list.expires_after(lease_time, now));
                match random(&mut seed, 10) {
                    0..=3 => {
                        assert_eq!(numbers(trial.expire(lease_time, now)), list.expire(lease_time, now));
                        serial += 1 + random(&mut seed, 3) / 2;
                        trial.lease(permit(serial), now);
                        list.0.push((serial.into(), if now.is_finite() { now } else { f64::INFINITY }));
                    }
                    4..=6 => {
                        let number = random(&mut seed, serial + 2);
                        assert_eq!(trial.give_back(permit(number)), list.give_back(number.into()));
                    }
                    7 => assert_eq!(numbers(trial.expire(lease_time, now)), list.expire(lease_time, now)),
                    8 => {
                        time += f64::from(random(&mut seed, 60))
                            - if random(&mut seed, 3) == 0 { 50.0 } else { 0.0 }
                    }
                    _ => lease_time = [LEASE_TIME, 10.0, 200.0][random(&mut seed, 3) as usize],
                }
                assert_eq!(trial.in_flight as usize, list.0.len());
                assert!(trial.leases.len() <= 2 * list.0.len() + SPARE, "holes grow without end");
            }
        }
    }

    #[test]
    fn no_number_but_that_of_a_lease_gives_one_back() {
        let mut trial = trial();
        for number in [5, 6, 9] {
            trial.lease(permit(number), 0.0);
        }
        let none = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -5.0, 0.0, 4.0, 5.5, 7.0, 8.0, 10.0, 1e300];
        for number in none {
            assert!(!trial.give_back(Permit(number)), "{number}");
        }
        for number in [6, 5, 9] {
            assert!(trial.give_back(permit(number)));
            assert!(!trial.give_back(permit(number)), "twice");
        }
        assert_eq!((trial.in_flight, trial.leases.len()), (0, 0));
    }

    #[test]
    fn a_first_lease_that_hangs_keeps_no_holes_behind_it() {
        let mut trial = trial();
        trial.lease(permit(1), 0.0);
        for number in 2..100_000 {
            trial.lease(permit(number), 0.0);
            trial.give_back(permit(number));
            assert!(trial.leases.len() <= 2 + SPARE);
        }
        assert_eq!(numbers(trial.expire(LEASE_TIME, LEASE_TIME)), [1.0]);
        assert_eq!(trial.leases.len(), 0);
    }

    /// Work per lease given and given back with that many in flight, in whatever order they come back.
    fn work(in_flight: u32, mut which: impl FnMut(u32) -> u32) -> f64 {
        let mut trial = trial();
        let mut held: Vec<_> = (1..=in_flight).collect();
        held.iter().for_each(|number| trial.lease(permit(*number), 0.0));
        trial.steps.set(0);
        let rounds = 3 * in_flight;
        for round in 1..=rounds {
            let at = which(round) as usize % held.len();
            trial.expire(1e9, round.into());
            assert!(trial.give_back(permit(std::mem::replace(&mut held[at], in_flight + round))));
            trial.lease(permit(in_flight + round), round.into());
            trial.expires_after(1e9, round.into());
        }
        trial.steps.get() as f64 / f64::from(rounds)
    }

    #[test]
    fn a_lease_costs_as_much_with_many_in_flight_as_with_few() {
        let mut seed = 7;
        for in_flight in [64, 1024, 16_384] {
            let in_order = work(in_flight, |round| round - 1);
            assert!(in_order <= 3.0, "{in_order} steps with {in_flight}, the oldest first");
            // The newest first leaves holes between the others and the next one.
            let newest = work(in_flight, |_| 0);
            assert!(newest <= 6.0, "{newest} steps with {in_flight}, the newest first");
            let any = work(in_flight, |_| random(&mut seed, u32::MAX));
            assert!(any <= 5.0 + f64::from(in_flight).log2(), "{any} steps with {in_flight}, in any order");
        }
    }

    #[test]
    fn of_those_that_hang_the_last_are_told_apart_and_the_rest_counted() {
        let mut hung = Hung::default();
        let count = MOST_HUNG as u32 + 2;
        (1..=count).for_each(|number| hung.add(permit(number)));
        assert_eq!(hung.count(), f64::from(count));
        hung.end(permit(2));
        assert_eq!(hung.count(), f64::from(count), "forgotten");
        hung.end(permit(3));
        assert_eq!(hung.count(), f64::from(count - 1));
    }
}
