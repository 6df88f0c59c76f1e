//! The pure room: what a circuit breaker decides, and nothing of how it is asked.
//!
//! Must not know: a clock, a random source, I/O, JavaScript. Time and random numbers are arguments, always the last.
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

mod backoff;
mod config;
pub mod http;
mod latency;
mod log;
mod machine;
mod metrics;
mod numbers;
mod permit;
mod policy;
mod reason;
pub mod snapshot;
mod state;
mod tally;
mod time;
mod trial;

pub use config::{Config, Conflict, Field, LARGEST_WINDOW, LONGEST_TIMER, Problem, WINDOWS};
pub use latency::LatencySummary;
pub use log::{Log, Transition};
pub use machine::{Breaker, ProbeStep, Stage, TestEnd};
pub use metrics::{Metrics, Rejections};
pub use permit::{Admission, Outcome, Permit, Refusal, Verdict};
pub use policy::Counts;
pub use reason::Reason;
pub use state::{Mode, State};
pub use tally::Tally;
