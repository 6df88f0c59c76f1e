//! What tests know of windows: what their members take, and a window as naive as can be, a list of the calls of the current
//! closed state, counted anew each time.
//!
//! Must not know: rings, buckets, running totals. A call that came in the part of the window with a certain number counts
//! until as many parts have begun since as the window has. To add a type of window: its members, and its kind of list; the tests at the
//! end ask for both.

use crate::options::{LONGEST_SPAN, NO_POSITIVE_SPANS, Range, TINY};
use halfopen::core::{Config, Field, WINDOWS};
use proptest::prelude::*;
use proptest::sample::select;

/// What a member of a window takes, and values for random lives: few and small, so that everything happens within a few steps.
type Member = (Range, &'static [f64]);

/// Each member.
pub(crate) const MEMBERS: &[Member] = &[
    (
        (Field::WindowSize, [1.0, 1_000_000.0], &[0.0, 0.5, 1.9, 1_000_001.0]),
        &[3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
    ),
    ((Field::WindowDuration, [TINY, LONGEST_SPAN], NO_POSITIVE_SPANS), &[1000.0, 2000.0, 60_000.0]),
    ((Field::WindowBuckets, [1.0, 1000.0], &[0.0, 0.5, 1.9, 1001.0]), &[1.0, 2.0, 4.0, 5.0, 10.0]),
];

/// The members of a type of window: the one that asks for it, and those that go along with that.
fn members_of(asks: Field) -> Vec<&'static Member> {
    let goes_along = |&&((field, ends, _), _): &&Member| {
        let mut config = Config::default();
        let mut set = |field, value| config.set(field, value).unwrap_or_else(|problem| panic!("{problem:?}"));
        set(Field::FailureThreshold, 1.0);
        set(asks, 1.0);
        set(field, ends[0]);
        config.check().is_ok()
    };
    MEMBERS.iter().filter(goes_along).collect()
}

/// The options of a window of any type, without the rules by which it judges.
pub(crate) fn windows() -> impl Strategy<Value = Vec<(Field, f64)>> {
    select(WINDOWS).prop_flat_map(|(_, asks)| {
        let values =
            |((field, ..), values): &'static Member| select(*values).prop_map(move |value| (*field, value));
        members_of(asks).into_iter().map(values).collect::<Vec<_>>()
    })
}

/// How far a window of these options reaches back, in ms or calls; 0 without one.
pub(crate) fn reach(config: &Config) -> f64 {
    WINDOWS.iter().find_map(|(_, asks)| config.get(*asks)).unwrap_or(0.0)
}

struct Call {
    failed: bool,
    slow: bool,
    /// The number of its part; 0 in a window of calls.
    part: f64,
}

pub(crate) struct List {
    calls: Vec<Call>,
    kind: Kind,
}

enum Kind {
    Calls(usize),
    /// Parts of a duration in ms; the current part, and a part from whose beginning all are counted.
    Time {
        duration: f64,
        parts: f64,
        current: f64,
        first: f64,
        began: f64,
    },
}

impl List {
    /// `None` for a breaker without a window.
    pub(crate) fn new(config: &Config) -> Option<List> {
        let kind = match (config.get(Field::WindowSize), config.get(Field::WindowDuration)) {
            (Some(size), _) => Kind::Calls(size as usize),
            (_, Some(duration)) => {
                let parts = config.get(Field::WindowBuckets)?;
                Kind::Time { duration, parts, current: 0.0, first: 0.0, began: f64::NAN }
            }
            _ => return None,
        };
        Some(List { calls: Vec::new(), kind })
    }

    pub(crate) fn push(&mut self, failed: bool, slow: bool, now: f64) {
        let mut part = 0.0;
        if let Kind::Time { duration, parts, current, first, began } = &mut self.kind {
            if now.is_finite() {
                // A clock that went back goes on in the current part; after a gap of a whole window the parts begin anew.
                let passed = *first + ((now - *began) * *parts / *duration).floor() - *current;
                if passed >= 0.0 {
                    *current += passed;
                }
                if !(0.0..*parts).contains(&passed) {
                    (*first, *began) = (*current, now);
                }
            }
            part = *current;
        }
        self.calls.push(Call { failed, slow, part });
    }

    pub(crate) fn clear(&mut self) {
        self.calls.clear();
        if let Kind::Time { current, first, began, .. } = &mut self.kind {
            (*current, *first, *began) = (0.0, 0.0, f64::NAN);
        }
    }

    /// What was saved and carried on at `now` begins its parts anew then; a call that is gone then does not come back.
    pub(crate) fn reborn(&mut self, now: f64) {
        if let Kind::Time { duration, parts, current, first, began } = &mut self.kind {
            let passed = *first + ((now - *began) * *parts / *duration).floor() - *current;
            let part = *current + if now.is_finite() { passed.max(0.0) } else { 0.0 };
            self.calls.retain(|call| part - call.part < *parts);
            for call in &mut self.calls {
                call.part -= part;
            }
            (*current, *first, *began) = (0.0, 0.0, if now.is_finite() { now } else { f64::NAN });
        }
    }

    /// Calls, failures and slow calls at `now`.
    pub(crate) fn counts(&self, now: f64) -> (u32, u32, u32) {
        let counted: Vec<_> = match self.kind {
            Kind::Calls(size) => self.calls.iter().rev().take(size).collect(),
            Kind::Time { duration, parts, current, first, began } => {
                // What is no time moves nothing.
                let passed = first + ((now - began) * parts / duration).floor() - current;
                let part = current + if now.is_finite() { passed.max(0.0) } else { 0.0 };
                self.calls.iter().filter(|call| part - call.part < parts).collect()
            }
        };
        let count = |which: fn(&Call) -> bool| counted.iter().filter(|call| which(call)).count() as u32;
        (count(|_| true), count(|call| call.failed), count(|call| call.slow))
    }
}

#[test]
fn every_type_of_window_happens_and_has_its_list() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let drawn: Vec<_> = (0..200).map(|_| windows().new_tree(&mut runner).unwrap().current()).collect();
    for (name, asks) in WINDOWS {
        let mut of_type =
            drawn.iter().filter(|options| options.iter().any(|(field, _)| field == asks)).peekable();
        assert!(of_type.peek().is_some(), "no {name}");
        for options in of_type {
            let config = crate::worked::config(&[&options[..], &[(Field::FailureThreshold, 1.0)]].concat());
            assert!(List::new(&config).is_some(), "no list for {name}");
        }
    }
}

#[test]
fn every_member_happens_and_stands_in_the_list_above_once() {
    let members: Vec<_> = MEMBERS.iter().map(|((field, ..), _)| *field).collect();
    let all: Vec<_> = Field::ALL.into_iter().filter(|field| field.name().starts_with("window.")).collect();
    assert_eq!(members, all);
    let drawn: Vec<_> =
        WINDOWS.iter().flat_map(|(_, asks)| members_of(*asks)).map(|((field, ..), _)| *field).collect();
    assert!(all.iter().all(|field| drawn.contains(field)), "{drawn:?}");
}
