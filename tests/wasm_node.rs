//! The boundary in Node; the tests are those of `tests/wasm/common.rs`.
#![cfg(target_arch = "wasm32")]

#[path = "wasm/common.rs"]
mod common;
