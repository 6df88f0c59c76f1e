//! A window as naive as can be: a list of the calls of the current closed state, counted anew each time.
//!
//! Must not know: rings, buckets, running totals. A call that came in the part of the window with a certain number counts
//! until as many parts have begun since as the window has.

use halfopen::core::{Config, Field};

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
