//! The names behind the numbers.
//!
//! Must not know: slots. JavaScript reads these lists once, so a name is written down in the core alone.

use super::{number, report};
use crate::core::{Field, Mode, Problem, Reason, State, snapshot};
use wasm_bindgen::prelude::*;

/// All names, each list in the order of its numbers and parted by commas: the options, the states, the modes, the reasons
/// of state changes, the numbers of a report, the single numbers that a snapshot begins with. The lists are parted by
/// semicolons.
#[wasm_bindgen]
pub fn names() -> String {
    let mut text = String::new();
    add(&mut text, Field::ALL.iter().map(|field| field.name()));
    add(&mut text, State::ALL.iter().map(|state| state.name()));
    add(&mut text, Mode::ALL.iter().map(|mode| mode.name()));
    add(&mut text, Reason::ALL.iter().map(|reason| reason.name()));
    add(&mut text, report::NAMES.iter().copied());
    add(&mut text, snapshot::NAMES.iter().copied());
    text
}

#[inline(never)]
fn add(text: &mut String, names: impl Iterator<Item = &'static str>) {
    let mut part = ';';
    for name in names {
        text.push(part);
        text.push_str(name);
        part = ',';
    }
}

/// The option that the problem of that number is about, and after a colon what it should have been, as it continues
/// "Expected `option` to be …".
#[wasm_bindgen]
pub fn problem(number: u32) -> String {
    let (option, expected) = number::to_problem(number)
        .map_or(("option", "known"), |problem| (problem.option(), Problem::expected(problem)));
    let mut text = String::from(option);
    text.push(':');
    text.push_str(expected);
    text
}
