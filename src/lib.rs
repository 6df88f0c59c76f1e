//! The state machine of the npm package `halfopen`, in a few rooms.
//!
//! - [`core`] is pure: it decides whether a call may pass and what its result means. It knows no
//!   clock, no randomness, no I/O and no JavaScript, and it cannot panic. It builds and is tested
//!   natively.
//! - `boundary` exists on the `wasm32` target only. It keeps the breakers of a process in one table of
//!   slots, checks numbers that come in and turns answers into numbers.
//! - `wasm` is what that boundary has of JavaScript's values: the one room where a `JsValue` may appear.
//! - `numbers` stands in its place in the build with the feature `numbers`, in which nothing but numbers
//!   crosses: for what can't hold references to JavaScript's values, such as the core turned to JavaScript.
//!
//! The JavaScript around it lives in `js/`: it awaits, reads clocks, emits events and throws.
//!
//! Must not know: anything of what is in the rooms. It lists them.

pub mod core;

#[cfg(all(target_arch = "wasm32", any(feature = "javascript", feature = "numbers")))]
pub mod boundary;
#[cfg(all(target_arch = "wasm32", feature = "numbers"))]
pub mod numbers;
#[cfg(all(target_arch = "wasm32", feature = "javascript", not(feature = "numbers")))]
pub mod wasm;
