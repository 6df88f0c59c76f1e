//! The words for where a breaker stands: its states and its modes.
//!
//! Must not know: how it gets from one to another.

/// Makes an enum whose variants have names, each row a variant with the name that every layer spells it by.
macro_rules! names {
    ($(#[$enum_doc:meta])* $enum:ident { $($(#[$doc:meta])* $variant:ident: $name:literal,)+ }) => {
        $(#[$enum_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $enum {
            $($(#[$doc])* $variant,)+
        }

        impl $enum {
            /// All of them, in the order of their numbers.
            pub const ALL: [$enum; [$($name),+].len()] = [$($enum::$variant),+];

            /// The name as every layer spells it.
            pub fn name(self) -> &'static str {
                match self {
                    $($enum::$variant => $name,)+
                }
            }
        }
    };
}

pub(super) use names;

names! {
    /// The three states.
    State {
        /// Calls pass.
        Closed: "closed",
        /// Calls are refused until the recovery time is up.
        Open: "open",
        /// A few test requests pass.
        HalfOpen: "half_open",
    }
}

names! {
    /// What a breaker does with its own verdicts.
    Mode {
        /// It acts on them.
        Normal: "normal",
        /// It is held open until it is released.
        Isolated: "isolated",
        /// It has none: all calls pass, and are only counted.
        Disabled: "disabled",
        /// It has them, counts them, and lets all calls pass.
        Observing: "observing",
    }
}
