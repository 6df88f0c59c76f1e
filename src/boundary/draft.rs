//! Making a breaker: its options are gathered one number at a time, then checked together.
//!
//! Must not know: options that are no numbers. JavaScript reads all options before it gathers the first, so no two
//! breakers' options mix. The options of the breaker made last are kept: breakers made of the same ones share
//! them, which saves each of them 150 bytes.

use super::sole::Sole;
use super::{number, slots};
use crate::core::{Breaker, Config, Field};
use std::rc::Rc;
#[cfg(not(feature = "numbers"))]
use wasm_bindgen::prelude::*;

struct Drafts {
    next: Config,
    last: Option<Rc<Config>>,
}

thread_local! {
    static DRAFTS: Sole<Drafts> = const { Sole::new(Drafts { next: Config::UNSET, last: None }) };
}

fn with<T>(work: impl FnOnce(&mut Drafts) -> T) -> T {
    DRAFTS.with(|drafts| drafts.with(work))
}

/// Forgets the options gathered for the next breaker.
#[cfg_attr(feature = "numbers", unsafe(export_name = "draftBegin"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = draftBegin))]
pub extern "C" fn draft_begin() {
    with(|drafts| drafts.next = Config::UNSET);
}

/// Gathers one option for the next breaker, by its number; answers 0 or the number of the problem.
#[cfg_attr(feature = "numbers", unsafe(export_name = "draftOption"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = draftOption))]
pub extern "C" fn draft_option(field: u32, value: f64) -> u32 {
    let Some(field) = Field::from_number(field) else { return number::UNKNOWN_OPTION };
    with(|drafts| drafts.next.set(field, value).map_or_else(number::of_problem, |()| 0))
}

/// Makes a breaker of the gathered options: answers its slot, or the negative number of the problem. The flags are
/// [`number::TRACKS_LATENCY`] and [`number::HAS_PROBE`].
#[cfg_attr(feature = "numbers", unsafe(export_name = "create"))]
#[cfg_attr(not(feature = "numbers"), wasm_bindgen(js_name = create))]
pub extern "C" fn create(flags: u32) -> f64 {
    with(|drafts| {
        if let Err(problem) = drafts.next.check() {
            return -f64::from(number::of_problem(problem));
        }
        let config = match &drafts.last {
            Some(last) if **last == drafts.next => last,
            _ => drafts.last.insert(Rc::new(drafts.next)),
        };
        let mut breaker = Box::new(Breaker::new(Rc::clone(config)));
        if flags & number::TRACKS_LATENCY != 0 {
            breaker.track_latency();
        }
        if flags & number::HAS_PROBE != 0 {
            breaker.leave_tests_to_probe();
        }
        slots::insert(breaker).into()
    })
}
