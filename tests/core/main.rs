//! What the core promises, tested natively: both sides of every threshold, the numbered invariants of
//! `src/core/machine.rs` under random lives, and the traces of other circuit breakers.
//!
//! Must not know: JavaScript. A test goes through the crate's public face, as the boundary does.
#![cfg(not(target_arch = "wasm32"))]

mod closed;
mod fleet;
mod half_open;
mod http;
mod invariants;
mod life;
mod open;
mod options;
mod random;
mod textbook;
mod traces;
mod windows;
mod worked;
