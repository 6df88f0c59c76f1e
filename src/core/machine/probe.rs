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
