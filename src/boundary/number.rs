//! The numbers that stand for the core's words at the boundary.
//!
//! Must not know: slots, JavaScript. Each pair of directions stands side by side, so that they can't drift apart.
//! `generate.rs` writes all of them down for JavaScript, so each is said here alone.

use crate::core::http::RateLimit;
use crate::core::{Admission, Conflict, Field, Mode, Outcome, Problem, Reason, Refusal, State};

/// The outcomes, each at its number.
pub const OUTCOMES: [Outcome; 4] = [Outcome::Success, Outcome::Failure, Outcome::Ignored, Outcome::TimedOut];

/// A permit is 0 or above, a refusal below: -1 and down, in this order.
pub const REFUSALS: [Refusal; 5] =
    [Refusal::Open, Refusal::HalfOpenFull, Refusal::Isolated, Refusal::BulkheadFull, Refusal::Undecided];

/// What a 429 means, each at its number.
pub const RATE_LIMITS: [RateLimit; 3] = [RateLimit::Pause, RateLimit::Failure, RateLimit::Ignored];

/// What the caller says of a response, whether it is a failure, each at its number; or nothing.
pub const SAYS: [Option<bool>; 3] = [None, Some(false), Some(true)];

/// The permit of a call that no state is judged by.
pub const UNJUDGED: f64 = 0.0;

/// A slot in which there never is a breaker.
pub const NO_SLOT: u32 = u32::MAX;

/// Added to the outcome of a failure that opens the circuit at once.
pub const TRIPS: u32 = 16;

/// Bit of `demand`: the time to admit.
pub const DEMANDS_TIME_TO_ADMIT: u32 = 1;
/// Bit of `demand`: the time of a success.
pub const DEMANDS_TIME_OF_SUCCESS: u32 = 2;
/// Bit of `demand`: how long calls take.
pub const DEMANDS_ELAPSED: u32 = 4;
/// Bit of `demand`: a random number for whatever may open the circuit: an admission that needs the time, the end of a call that was
/// not a success or was timed, a check, a failure recorded by hand.
pub const DEMANDS_RANDOM: u32 = 8;
/// Bit of `demand`: there are state changes that were not taken.
pub const DEMANDS_NEWS: u32 = 16;

/// Bit of what `settle` answers: there are state changes that were not taken.
pub const STATE_CHANGED: u32 = 1;
/// Bit of what `settle` answers: a test that a fleet granted has ended, and nobody took how.
pub const TEST_ENDED: u32 = 2;

/// Bit of `standing`: calls are in flight.
pub const IN_FLIGHT: u32 = 1;
/// Bit of `standing`: there were failures since the last success, or there are failures or slow calls in the window, or backoff
/// remembers a recovery that may yet turn out to have failed.
pub const FAILING: u32 = 2;
/// Bit of `standing`: the circuit is not closed.
pub const NOT_CLOSED: u32 = 4;
/// Bit of `standing`: somebody switched the breaker by hand.
pub const SWITCHED: u32 = 8;
/// Bit of `standing`: there are calls in the window.
pub const FILLED: u32 = 16;

/// How many rows of a report are written at once.
pub const ROWS: usize = 32;

/// Flag of `create`: the breaker keeps how long calls take.
pub const TRACKS_LATENCY: u32 = 1;
/// Flag of `create`: the breaker leaves test requests to its probe.
pub const HAS_PROBE: u32 = 2;

/// A state change is one number: 1, plus this times the number of the state it leads from,
pub const TRANSITION_FROM: u32 = 2;
/// plus this times that of the state it leads to,
pub const TRANSITION_TO: u32 = 8;
/// plus this times that of its reason.
pub const TRANSITION_REASON: u32 = 32;

/// Where the numbers of conflicts begin. 0 stands for no problem, 1 and up for the options.
pub const CONFLICTS: u32 = 100;

/// Where the numbers of options begin that a running breaker can't change.
pub const FIXED: u32 = 200;

/// The problem of an option that does not exist.
pub const UNKNOWN_OPTION: u32 = 1000;

// The three kinds and the unknown option share no number.
const _: () = assert!(Field::ALL.len() < CONFLICTS as usize);
const _: () = assert!(Conflict::ALL.len() <= (FIXED - CONFLICTS) as usize);
const _: () = assert!(Field::ALL.len() <= (UNKNOWN_OPTION - FIXED) as usize);

/// The number of a state.
pub fn of_state(state: State) -> u32 {
    position(&State::ALL, &state)
}

/// The number of a mode.
pub fn of_mode(mode: Mode) -> u32 {
    position(&Mode::ALL, &mode)
}

/// The number of a reason.
pub fn of_reason(reason: Reason) -> u32 {
    position(&Reason::ALL, &reason)
}

/// The number of a permit or a refusal.
pub fn of_admission(admission: Admission) -> f64 {
    match admission {
        Admission::Granted(permit) => permit.0,
        Admission::Refused(refusal) => -1.0 - f64::from(position(&REFUSALS, &refusal)),
    }
}

/// The number of an outcome.
pub fn of_outcome(outcome: Outcome) -> u32 {
    position(&OUTCOMES, &outcome)
}

/// The outcome of that number; one that is not of the four is ignored.
#[inline]
pub fn to_outcome(number: u32) -> Outcome {
    OUTCOMES.get(number as usize).copied().unwrap_or(Outcome::Ignored)
}

/// The number of what a 429 means.
pub fn of_rate_limit(limit: RateLimit) -> u32 {
    position(&RATE_LIMITS, &limit)
}

/// What a 429 means by that number; one that is not of the three ignores the call.
pub fn to_rate_limit(number: u32) -> RateLimit {
    RATE_LIMITS.get(number as usize).copied().unwrap_or(RateLimit::Ignored)
}

/// The number of what the caller says of a response.
pub fn of_says(fails: Option<bool>) -> u32 {
    position(&SAYS, &fails)
}

/// What the caller says by that number; one that is not of the three says nothing.
pub fn to_says(number: u32) -> Option<bool> {
    SAYS.get(number as usize).copied().flatten()
}

/// The number of a problem.
pub fn of_problem(problem: Problem) -> u32 {
    match problem {
        Problem::Invalid(field) => 1 + position(&Field::ALL, &field),
        Problem::Conflict(conflict) => CONFLICTS + position(&Conflict::ALL, &conflict),
        Problem::Fixed(field) => FIXED + position(&Field::ALL, &field),
    }
}

fn position<T: PartialEq>(all: &[T], one: &T) -> u32 {
    all.iter().position(|other| other == one).unwrap_or(0) as u32
}
