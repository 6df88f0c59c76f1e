//! The pure room: what a circuit breaker decides, and nothing of how it is asked.
//!
//! Must not know: a clock, a random source, I/O, JavaScript. Time is an argument, always the last.
//! Must not panic: the lints below forbid every way to do so that a lint can see.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo,
        clippy::unimplemented,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::as_conversions
    )
)]

pub mod backoff;
pub mod config;
pub mod error;
pub mod http;
pub mod latency;
pub mod log;
pub mod machine;
pub mod metrics;
pub mod permit;
pub mod policy;
pub mod snapshot;
pub mod state;
pub mod tally;
pub mod time;

pub use config::{Config, Field};
pub use error::Problem;
pub use log::{Reason, Transition};
pub use machine::Breaker;
pub use permit::{Admission, Outcome, Permit, Refusal, Verdict};
pub use state::{Mode, State};
pub use tally::Tally;
