//! What can be wrong with options, as data.
//!
//! Must not know: how a message is shown. The texts here say what was expected; the boundary adds
//! what came.

use super::conflict::Conflict;
use super::field::Field;

/// Why an option was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The value is outside what the option takes.
    Invalid(Field),
    /// The options contradict each other.
    Conflict(Conflict),
    /// The breaker runs, and the option counts only when one is made.
    Fixed(Field),
}

impl Problem {
    /// The option that is to be corrected, as JavaScript spells it.
    pub fn option(self) -> &'static str {
        match self {
            Problem::Invalid(field) | Problem::Fixed(field) => field.name(),
            Problem::Conflict(conflict) => conflict.text().0,
        }
    }

    /// What the option should have been, as it continues "Expected `option` to be …".
    pub fn expected(self) -> &'static str {
        match self {
            Problem::Invalid(field) => field.expected(),
            Problem::Conflict(conflict) => conflict.text().1,
            Problem::Fixed(_) => "given when the breaker is made, not written later",
        }
    }
}
