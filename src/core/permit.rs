//! What a call is given when it asks, and what it brings back.
//!
//! Must not know: states, policies, how a permit is carried to JavaScript.

/// The right to make one call, good for one generation of the breaker.
///
/// In `closed` every call of a generation carries the generation's own number, so JavaScript makes
/// its handlers once per generation. In `half_open` each test request has a number of its own, its lease.
///
/// A whole number from 1 up to 2^53 in an f64, the form in which JavaScript holds it. Any other number is
/// the permit of no generation: what it settles is stale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Permit(pub f64);

impl Permit {
    /// The permit of calls that no state is judged by: those that pass while the breaker is disabled, and
    /// those that it would have refused while it observes.
    pub(super) const UNJUDGED: Permit = Permit(0.0);
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The dependency did its work.
    Success,
    /// The dependency is to blame.
    Failure,
    /// Nobody learnt anything: it counts in no rate, and its permit goes back.
    Ignored,
    /// A failure: the call took longer than it may.
    TimedOut,
}

impl Outcome {
    /// Whether the dependency is to blame.
    pub(super) fn is_failure(self) -> bool {
        matches!(self, Outcome::Failure | Outcome::TimedOut)
    }
}

/// How a call ended, and what a failure asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// How the call ended.
    pub outcome: Outcome,
    /// How long the failure asks to be left alone, in ms; NaN when it does not.
    pub retry_after: f64,
    /// Whether the failure asks to open the circuit at once, whatever the policy says.
    pub trips: bool,
}

impl From<Outcome> for Verdict {
    #[inline]
    fn from(outcome: Outcome) -> Verdict {
        Verdict { outcome, retry_after: f64::NAN, trips: false }
    }
}

/// Why a call may not pass. An answer, not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The circuit is open and its time is not up.
    Open,
    /// The circuit is half open and all its test requests are in flight, or only the probe may make them.
    HalfOpenFull,
    /// The circuit is held open by hand.
    Isolated,
    /// As many calls are in flight as may be.
    BulkheadFull,
    /// A fleet holds the circuit open, and a test is due: whether this call is it is for the fleet to say. The call stands in no count until it is
    /// refused by [`Breaker::refuse`](super::Breaker::refuse), or asks again with a grant.
    Undecided,
}

/// The answer to a call that asks to pass.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a permit has to be settled"]
pub enum Admission {
    /// The call may be made and must be settled with this permit.
    Granted(Permit),
    /// The call must not be made.
    Refused(Refusal),
}
