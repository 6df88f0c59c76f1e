//! The circuit breaker class of the textbooks, word for word and as naive as there.
//!
//! Must not know: this crate. It is what the breaker must be indistinguishable from when calls follow one another. One
//! thing is as the design has it: opened by hand, it stays open for the whole recovery time from then on.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Closed,
    Open,
    HalfOpen,
}

#[derive(Debug)]
pub(crate) struct Textbook {
    pub(crate) failure_threshold: f64,
    pub(crate) recovery_timeout: f64,
    pub(crate) success_threshold: f64,
    pub(crate) state: State,
    pub(crate) failure_count: f64,
    pub(crate) success_count: f64,
    pub(crate) last_failure_time: Option<f64>,
    /// Where the recovery time starts: at the last failure, or where the circuit was opened by hand.
    open_since: f64,
}

impl Textbook {
    pub(crate) fn new(failure_threshold: f64, recovery_timeout: f64, success_threshold: f64) -> Textbook {
        Textbook {
            failure_threshold,
            recovery_timeout,
            success_threshold,
            state: State::Closed,
            failure_count: 0.0,
            success_count: 0.0,
            last_failure_time: None,
            open_since: 0.0,
        }
    }

    pub(crate) fn check_state(&mut self, now: f64) -> State {
        if self.state == State::Open {
            let elapsed = now - self.open_since;
            if elapsed >= self.recovery_timeout {
                self.state = State::HalfOpen;
            }
        }
        self.state
    }

    /// One call of a function that takes no time; the ms until the next try when it was refused.
    pub(crate) fn call(&mut self, succeeds: bool, now: f64) -> Result<(), f64> {
        if self.check_state(now) == State::Open {
            return Err(self.recovery_timeout - (now - self.open_since));
        }
        if succeeds {
            self.record_success();
        } else {
            self.record_failure(now);
        }
        Ok(())
    }

    pub(crate) fn record_success(&mut self) {
        if self.state == State::HalfOpen {
            self.success_count += 1.0;
            if self.success_count >= self.success_threshold {
                self.reset();
            }
        } else {
            self.failure_count = 0.0;
        }
    }

    pub(crate) fn record_failure(&mut self, now: f64) {
        self.failure_count += 1.0;
        self.last_failure_time = Some(now);
        self.open_since = now;
        if self.state == State::HalfOpen || self.failure_count >= self.failure_threshold {
            self.trip();
        }
    }

    fn trip(&mut self) {
        self.state = State::Open;
        self.success_count = 0.0;
    }

    pub(crate) fn trip_by_hand(&mut self, now: f64) {
        self.open_since = now;
        self.trip();
    }

    pub(crate) fn reset(&mut self) {
        self.state = State::Closed;
        self.failure_count = 0.0;
        self.success_count = 0.0;
        self.last_failure_time = None;
    }
}
