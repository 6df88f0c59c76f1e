//! What people do to a breaker by hand: open it, close it, hold it open, switch it off, change its options.
//!
//! Must not know: calls and their results.

use super::{Breaker, Phase};
use crate::core::backoff::{Backoff, OpenTime};
use crate::core::config::{Field, Problem};
use crate::core::reason::Reason;
use crate::core::state::Mode;
use crate::core::time::Moment;
use std::rc::Rc;

impl Breaker {
    /// Opens the circuit by hand for a whole recovery time from now.
    pub fn trip(&mut self, now: f64) {
        self.open(Reason::Trip, OpenTime::Recovery, now);
    }

    /// Closes the circuit by hand, forgets its failures and ends isolation. Calls in flight belong to the past.
    pub fn reset(&mut self, now: f64) {
        if self.mode == Mode::Isolated {
            self.mode = Mode::Normal;
        }
        self.backoff = Backoff::default();
        self.close(Reason::Reset, now);
    }

    /// Opens the circuit by hand and holds it open, whatever the time, until it is released or reset.
    pub fn isolate(&mut self, now: f64) {
        self.mode = Mode::Isolated;
        self.open(Reason::Isolate, OpenTime::Recovery, now);
    }

    /// Ends isolation: the circuit is open with its time up, so the next call is a test request. Nothing
    /// happens when it is not isolated.
    pub fn release(&mut self, now: f64) {
        if self.mode == Mode::Isolated {
            self.mode = Mode::Normal;
            self.phase = Phase::Open { since: Moment::at(now), span: OpenTime::Fixed(0.0) };
        }
    }

    /// Lets all calls pass and goes on counting them; the state stays as it is.
    pub fn disable(&mut self) {
        self.mode = Mode::Disabled;
    }

    /// Goes on with its verdicts, but lets all calls pass.
    pub fn observe(&mut self) {
        self.mode = Mode::Observing;
    }

    /// Ends [`Breaker::disable`] and [`Breaker::observe`]; isolation is ended by [`Breaker::release`].
    pub fn enable(&mut self) {
        if self.mode != Mode::Isolated {
            self.mode = Mode::Normal;
        }
    }

    /// Changes one option of the running breaker.
    ///
    /// # Errors
    /// [`Problem::Fixed`] for an option that only counts when a breaker is made; else as [`Config::set`](crate::core::Config::set) and
    /// [`Config::check`](crate::core::Config::check). Then nothing changed.
    pub fn set(&mut self, field: Field, value: f64) -> Result<(), Problem> {
        if !field.may_change() {
            return Err(Problem::Fixed(field));
        }
        let mut config = *self.config;
        config.set(field, value)?;
        config.check()?;
        self.config = Rc::new(config);
        Ok(())
    }
}
