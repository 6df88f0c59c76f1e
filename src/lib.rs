//! The state machine of the npm package `halfopen`, in two rooms.
//!
//! - [`core`] is pure: it decides whether a call may pass and what its result means. It knows no
//!   clock, no randomness, no I/O and no JavaScript, and it cannot panic. It builds and is tested
//!   natively.
//! - `wasm` exists on the `wasm32` target only. It is the boundary: the one room where a `JsValue`
//!   may appear. It keeps the breakers of a process in one table of slots, checks numbers that come
//!   in and turns answers into numbers.
//!
//! The JavaScript around it lives in `js/`: it awaits, reads clocks, emits events and throws.
//!
//! Must not know: anything of what is in the rooms. It lists them.

pub mod core;

#[cfg(target_arch = "wasm32")]
pub mod wasm;
