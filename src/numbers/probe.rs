//! The steps of background recovery, for whoever awaits its promises.
//!
//! Must not know: timers, events, promises. The core decides each step.

use crate::boundary::slots;
use crate::core::{Permit, ProbeStep};
use std::cell::Cell;

thread_local! {
    static PATIENCE: Cell<f64> = const { Cell::new(f64::NAN) };
}

/// What the probe of that slot's breaker has to do: nothing any more at 0; below 0 to ask again after as many ms; above 0 to test the
/// dependency, and to settle the permit that this is.
#[unsafe(export_name = "probeStep")]
pub extern "C" fn probe_step(slot: u32, now: f64, random: f64) -> f64 {
    match slots::with_cold(slot, ProbeStep::Stop, |breaker| breaker.next_of_probe(now, random)) {
        ProbeStep::Stop => 0.0,
        ProbeStep::Wait(ms) => -ms,
        ProbeStep::Test(Permit(permit), patience) => {
            PATIENCE.set(patience);
            permit
        }
    }
}

/// How many ms the test of the last step has at most.
#[unsafe(export_name = "probePatience")]
pub extern "C" fn probe_patience() -> f64 {
    PATIENCE.get()
}
