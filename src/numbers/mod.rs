//! The boundary of numbers alone: what `src/wasm` does with JavaScript's values, for hosts that can't lend them.
//!
//! Must not know: wasm-bindgen, or any other crate of JavaScript. All functions here and in `src/boundary` are `extern "C"`, take and
//! give numbers, and lists lie in memory at an address that is a number, too. So there is one table of functions and no reference,
//! which is what the core needs to be turned to JavaScript; and whoever brings the bytes needs no glue that fits them.
//!
//! Nothing is decided here either: JavaScript awaits the probe's promises, and asks the core for each step.

pub mod http;
pub mod lists;
pub mod probe;
