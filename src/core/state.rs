//! The words for where a breaker stands: its states and its modes.
//!
//! Must not know: how it gets from one to another.

/// The three states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls pass.
    Closed,
    /// Calls are refused until the recovery time is up.
    Open,
    /// A few test requests pass.
    HalfOpen,
}

impl State {
    /// Every state, in the order of their numbers.
    pub const ALL: [State; 3] = [State::Closed, State::Open, State::HalfOpen];

    /// The state as every layer spells it.
    pub fn name(self) -> &'static str {
        match self {
            State::Closed => "closed",
            State::Open => "open",
            State::HalfOpen => "half_open",
        }
    }
}

/// What a breaker does with its own verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It acts on them.
    Normal,
    /// It is held open until it is released.
    Isolated,
    /// It has none: all calls pass, and are only counted.
    Disabled,
    /// It has them, counts them, and lets all calls pass.
    Observing,
}

impl Mode {
    /// Every mode, in the order of their numbers.
    pub const ALL: [Mode; 4] = [Mode::Normal, Mode::Isolated, Mode::Disabled, Mode::Observing];

    /// The mode as every layer spells it.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Normal => "normal",
            Mode::Isolated => "isolated",
            Mode::Disabled => "disabled",
            Mode::Observing => "observing",
        }
    }
}

/// The number of one of these: its position in their list.
pub(super) fn number_of<T: PartialEq>(all: &[T], one: T) -> f64 {
    let mut number = 0.0;
    for other in all {
        if *other == one {
            return number;
        }
        number += 1.0;
    }
    f64::NAN
}
