//! What the background task that tests the dependency has to do next.
//!
//! Must not know: timers, promises, who awaits them. One step is asked for at a time.

use super::Breaker;
use crate::core::config::Field;
use crate::core::permit::{Admission, Permit};
use crate::core::state::{Mode, State};

/// The shortest pause between two looks at the clock, in ms: it may lag behind the timer.
const SHORTEST_PAUSE: f64 = 1.0;

/// One step of the probe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ProbeStep {
    /// There is nothing to test: the circuit is closed, isolated or disabled.
    Stop,
    /// To ask again after that many ms, 1 at least.
    Wait(f64),
    /// To test the dependency, and to settle this permit as a failure where it has not answered after that many ms.
    Test(Permit, f64),
}

impl Breaker {
    /// What the probe has to do now. It becomes half open on the way where the open time is up, as by [`Breaker::admit_probe`].
    pub fn next_of_probe(&mut self, now: f64, random: f64) -> ProbeStep {
        if self.state() == State::Closed || matches!(self.mode(), Mode::Isolated | Mode::Disabled) {
            return ProbeStep::Stop;
        }
        match self.admit_probe(now, random) {
            Admission::Granted(permit) => {
                ProbeStep::Test(permit, self.config.get(Field::HalfOpenTimeout).unwrap_or(f64::INFINITY))
            }
            Admission::Refused(_) => ProbeStep::Wait(self.probe_after(now).max(SHORTEST_PAUSE)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Config, Outcome};
    use std::rc::Rc;

    const NO_CHANCE: f64 = f64::NAN;

    /// A breaker whose test requests are its probe's, open since 0 for 1000 ms.
    fn open() -> Breaker {
        let mut config = Config::UNSET;
        for (field, value) in [
            (Field::RecoveryTimeout, 1000.0),
            (Field::SuccessThreshold, 1.0),
            (Field::HalfOpenTimeout, 500.0),
        ] {
            assert_eq!(config.set(field, value), Ok(()));
        }
        let mut breaker = Breaker::new(Rc::new(config));
        breaker.leave_tests_to_probe();
        breaker.trip(0.0);
        breaker
    }

    #[test]
    fn the_probe_waits_until_the_open_time_is_up_and_tests_then() {
        let mut breaker = open();
        assert_eq!(breaker.next_of_probe(0.0, NO_CHANCE), ProbeStep::Wait(1000.0));
        // The clock may lag behind the timer.
        assert_eq!(breaker.next_of_probe(999.5, NO_CHANCE), ProbeStep::Wait(1.0));
        let ProbeStep::Test(permit, patience) = breaker.next_of_probe(1000.0, NO_CHANCE) else {
            panic!("it is due")
        };
        assert_eq!((patience, breaker.state()), (500.0, State::HalfOpen));
        assert!(matches!(breaker.next_of_probe(1000.0, NO_CHANCE), ProbeStep::Wait(_)), "one at a time");
        breaker.settle(permit, Outcome::Success.into(), f64::NAN, 1000.0, NO_CHANCE);
        assert_eq!(breaker.next_of_probe(1000.0, NO_CHANCE), ProbeStep::Stop);
    }

    #[test]
    fn the_probe_stops_where_a_switch_leaves_nothing_to_test_and_not_where_the_breaker_observes() {
        let mut breaker = open();
        breaker.observe();
        assert_eq!(breaker.next_of_probe(0.0, NO_CHANCE), ProbeStep::Wait(1000.0));
        breaker.disable();
        assert_eq!(breaker.next_of_probe(2000.0, NO_CHANCE), ProbeStep::Stop);
        breaker.enable();
        breaker.isolate(0.0);
        assert_eq!(breaker.next_of_probe(2000.0, NO_CHANCE), ProbeStep::Stop);
        breaker.release(2000.0);
        assert!(matches!(breaker.next_of_probe(2000.0, NO_CHANCE), ProbeStep::Test(..)));
    }
}
