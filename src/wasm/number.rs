//! The numbers that stand for the core's answers at the boundary.
//!
//! Must not know: slots. Each pair of directions stands side by side, so that they can't drift apart.

use crate::core::{Admission, Conflict, Field, Mode, Outcome, Problem, Reason, Refusal, State};

pub(super) fn of_state(state: State) -> u32 {
    position(&State::ALL, &state)
}

pub(super) fn of_mode(mode: Mode) -> u32 {
    position(&Mode::ALL, &mode)
}

pub(super) fn of_reason(reason: Reason) -> u32 {
    position(&Reason::ALL, &reason)
}

/// A permit is 0 or above, a refusal below.
pub(super) fn of_admission(admission: Admission) -> f64 {
    match admission {
        Admission::Granted(permit) => permit.0,
        Admission::Refused(Refusal::Open) => -1.0,
        Admission::Refused(Refusal::HalfOpenFull) => -2.0,
        Admission::Refused(Refusal::Isolated) => -3.0,
        Admission::Refused(Refusal::BulkheadFull) => -4.0,
    }
}

pub(super) fn of_outcome(outcome: Outcome) -> u32 {
    match outcome {
        Outcome::Success => 0,
        Outcome::Failure => 1,
        Outcome::Ignored => 2,
        Outcome::TimedOut => 3,
    }
}

/// An outcome that is none of the four is ignored.
#[inline]
pub(super) fn to_outcome(number: u32) -> Outcome {
    match number {
        0 => Outcome::Success,
        1 => Outcome::Failure,
        3 => Outcome::TimedOut,
        _ => Outcome::Ignored,
    }
}

/// The problem of an option that does not exist.
pub(super) const UNKNOWN_OPTION: u32 = 1000;

/// Where the numbers of conflicts begin; 0 stands for no problem.
const CONFLICTS: u32 = 100;

/// Where the numbers of options begin that a running breaker can't change.
const FIXED: u32 = 200;

// The three kinds and the unknown option share no number.
const _: () = assert!(Field::ALL.len() < CONFLICTS as usize);
const _: () = assert!(Conflict::ALL.len() <= (FIXED - CONFLICTS) as usize);
const _: () = assert!(Field::ALL.len() <= (UNKNOWN_OPTION - FIXED) as usize);

pub(super) fn of_problem(problem: Problem) -> u32 {
    match problem {
        Problem::Invalid(field) => 1 + position(&Field::ALL, &field),
        Problem::Conflict(conflict) => CONFLICTS + position(&Conflict::ALL, &conflict),
        Problem::Fixed(field) => FIXED + position(&Field::ALL, &field),
    }
}

pub(super) fn to_problem(number: u32) -> Option<Problem> {
    if let Some(field) = number.checked_sub(FIXED) {
        return Field::from_number(field).map(Problem::Fixed);
    }
    match number.checked_sub(CONFLICTS) {
        Some(conflict) => Conflict::ALL.get(conflict as usize).copied().map(Problem::Conflict),
        None => Field::from_number(number.checked_sub(1)?).map(Problem::Invalid),
    }
}

fn position<T: PartialEq>(all: &[T], one: &T) -> u32 {
    all.iter().position(|other| other == one).unwrap_or(0) as u32
}
