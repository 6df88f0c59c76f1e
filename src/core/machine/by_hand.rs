//! What people do to a breaker by hand: open it, close it, hold it open, switch it off, change its options.
//!
//! Must not know: calls and their results.

use super::{Breaker, Phase};
use crate::core::backoff::{Backoff, OpenTime};
use crate::core::config::{Field, Problem};
use crate::core::numbers::Kind;
use crate::core::reason::Reason;
use crate::core::state::Mode;
use crate::core::time::Moment;
use std::rc::Rc;

impl Breaker {
    /// Opens the circuit by hand for a whole recovery time from now. Where a fleet holds it open, that is the least, since verdicts take the
    /// place of open times.
    pub fn trip(&mut self, now: f64) {
        let least = if self.is_held() { self.config.recovery_timeout() } else { 0.0 };
        self.open(Reason::Trip, OpenTime::RECOVERY, now);
        self.hold_by_hand(least);
    }

    /// Opens the circuit by hand for that many ms from now. No later failure, trip or option makes it shorter, and what comes
    /// after does not know of it.
    ///
    /// # Errors
    /// [`Problem::Invalid`] with [`Field::RecoveryTimeout`], which takes the same, when it is no such span. Then nothing changed.
    pub fn trip_for(&mut self, ms: f64, now: f64) -> Result<(), Problem> {
        if !Kind::Span.takes(ms) {
            return Err(Problem::Invalid(Field::RecoveryTimeout));
        }
        self.open(Reason::Trip, OpenTime::NONE, now);
        self.hold_by_hand(ms);
        Ok(())
    }

    fn hold_by_hand(&mut self, ms: f64) {
        if let Phase::Open { held, .. } = &mut self.phase {
            *held = held.max(ms);
        }
    }

    /// Closes the circuit by hand, forgets its failures and ends isolation. Calls in flight belong to the past.
    pub fn reset(&mut self, now: f64) {
        self.isolated = false;
        self.backoff = Backoff::default();
        self.close(Reason::Reset, now);
    }

    /// Opens the circuit by hand and holds it open, whatever the time, until it is released or reset.
    pub fn isolate(&mut self, now: f64) {
        self.isolated = true;
        self.open(Reason::Isolate, OpenTime::RECOVERY, now);
    }

    /// Ends isolation: the circuit is open with its time up, so the next call is a test request, unless [`Breaker::trip_for`] still
    /// holds. Nothing happens when it is not isolated.
    pub fn release(&mut self, now: f64) {
        if self.isolated {
            self.isolated = false;
            let held = self.held(now);
            self.phase = Phase::Open { since: Moment::at(now), span: OpenTime::NONE, held };
        }
    }

    /// Lets all calls pass and goes on counting them, though it is isolated; the state stays as it is.
    pub fn disable(&mut self) {
        self.leniency = Mode::Disabled;
    }

    /// Goes on with its verdicts, but lets all calls pass, unless it is isolated.
    pub fn observe(&mut self) {
        self.leniency = Mode::Observing;
    }

    /// Ends [`Breaker::disable`] and [`Breaker::observe`]; isolation is ended by [`Breaker::release`].
    pub fn enable(&mut self) {
        self.leniency = Mode::Normal;
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
