//! What crosses as JavaScript's own values: the only room where a `JsValue` may appear.
//!
//! Must not know: what is decided, and what crosses as numbers alone, which is `src/boundary`.

pub mod http;
pub mod lists;
pub mod probe;
