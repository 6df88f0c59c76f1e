//! What a fleet does with its breakers: holds them open, grants tests, lets go; and what it hears of them.
//!
//! Must not know: who the fleet is, whom it asks.

use super::{number, slots};
use crate::core::{Admission, Breaker};
#[cfg(not(feature = "numbers"))]
use wasm_bindgen::prelude::*;

/// Holds the circuit open: it refuses for `due` ms from now, then admits what the fleet grants, and goes on by itself after `stale` ms. Answers 0, or 1
/// where these are not spans or the first is the longer.
#[cfg_attr(feature = "numbers", unsafe(export_name = "fleetHold"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = fleetHold))]
pub extern "C" fn fleet_hold(slot: u32, due: f64, stale: f64, now: f64) -> u32 {
    slots::with_cold(slot, 0, |breaker| (!breaker.hold(due, stale, now)).into())
}

/// Lets one test request pass that comes within `lease` ms and settles within as many; NaN for the half-open timeout. Answers 1 where there is such
/// a grant now, or a test under way, else 0.
#[cfg_attr(feature = "numbers", unsafe(export_name = "fleetGrant"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = fleetGrant))]
pub extern "C" fn fleet_grant(slot: u32, lease: f64, now: f64, random: f64) -> u32 {
    slots::with_cold(slot, 0, |breaker| breaker.grant(lease, now, random).into())
}

/// Takes back a grant that no call has used; 1 where there was one, else 0.
#[cfg_attr(feature = "numbers", unsafe(export_name = "fleetTakeBack"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = fleetTakeBack))]
pub extern "C" fn fleet_take_back(slot: u32) -> u32 {
    slots::with_cold(slot, 0, |breaker| breaker.take_back().into())
}

/// Ends the fleet's verdict: by another where it `closes` the circuit, else without one, since the breaker leaves.
#[cfg_attr(feature = "numbers", unsafe(export_name = "fleetEnd"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = fleetEnd))]
pub extern "C" fn fleet_end(slot: u32, closes: bool, now: f64) {
    slots::with_cold(slot, (), |breaker| {
        if closes {
            breaker.let_go(now);
        } else {
            breaker.leave_fleet();
        }
    });
}

/// Where the fleet's verdict stands, by its number.
#[cfg_attr(feature = "numbers", unsafe(export_name = "fleetStage"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = fleetStage))]
pub extern "C" fn fleet_stage(slot: u32, now: f64) -> u32 {
    slots::with_cold(slot, 0, |breaker| breaker.stage(now) as u32)
}

/// Takes how the last granted test ended: 1 more than its number, or 0 where there is nothing to tell.
#[cfg_attr(feature = "numbers", unsafe(export_name = "fleetTestEnd"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = fleetTestEnd))]
pub extern "C" fn fleet_test_end(slot: u32) -> u32 {
    slots::with_cold(slot, None, Breaker::take_test_end).map_or(0, |end| 1 + end as u32)
}

/// Counts a call as refused whose admission was undecided; answers why, as an admission does.
#[cfg_attr(feature = "numbers", unsafe(export_name = "fleetRefuse"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = fleetRefuse))]
pub extern "C" fn fleet_refuse(slot: u32) -> f64 {
    slots::with_cold(slot, 0.0, |breaker| number::of_admission(Admission::Refused(breaker.refuse())))
}
