//! Shorthands for tests that walk a breaker by hand.
//!
//! Must not know: what is right.

use halfopen::core::{
    Admission, Breaker, Config, Field, Permit, Problem, Reason, State, Transition, Verdict,
};
use std::rc::Rc;

/// The permit of calls that no state is judged by, as the boundary has it.
pub(crate) const UNJUDGED: Permit = Permit(0.0);

/// For what may open the circuit where no test asks for chance: nothing is taken off the open time.
pub(crate) const NO_CHANCE: f64 = f64::NAN;

/// A breaker with these options and the defaults for the rest.
pub(crate) fn breaker(options: &[(Field, f64)]) -> Breaker {
    Breaker::new(Rc::new(config(options)))
}

/// These options with one more.
pub(crate) fn with(mut config: Config, field: Field, value: f64) -> Result<Config, Problem> {
    config.set(field, value)?;
    Ok(config)
}

/// Options that are known to be good.
pub(crate) fn config(options: &[(Field, f64)]) -> Config {
    let config = options.iter().fold(Config::default(), |config, &(field, value)| {
        with(config, field, value).unwrap_or_else(|problem| panic!("{problem:?} with {value}"))
    });
    config.check().unwrap_or_else(|problem| panic!("{problem:?}"));
    config
}

/// Asks, and is let through.
#[track_caller]
pub(crate) fn admitted(breaker: &mut Breaker, now: f64) -> Permit {
    match breaker.admit(now, NO_CHANCE) {
        Admission::Granted(permit) => permit,
        Admission::Refused(refusal) => panic!("refused at {now} with {refusal:?}, was to be admitted"),
    }
}

/// Ends a call that nobody timed.
pub(crate) fn end(breaker: &mut Breaker, permit: Permit, verdict: impl Into<Verdict>, now: f64) {
    breaker.settle(permit, verdict.into(), f64::NAN, now, NO_CHANCE);
}

/// One call from its admission to its result.
#[track_caller]
pub(crate) fn call(breaker: &mut Breaker, verdict: impl Into<Verdict>, now: f64) {
    let permit = admitted(breaker, now);
    end(breaker, permit, verdict, now);
}

/// A breaker that was opened by hand at 0 and is half open at the end of its recovery time, which is returned.
#[track_caller]
pub(crate) fn half_open(options: &[(Field, f64)]) -> (Breaker, f64) {
    let mut breaker = breaker(options);
    breaker.trip(0.0);
    let due = breaker.open_time();
    assert_eq!(breaker.check(due, NO_CHANCE), State::HalfOpen);
    (breaker, due)
}

/// Takes the only state change that was not taken yet.
#[track_caller]
pub(crate) fn only_news(breaker: &mut Breaker) -> Transition {
    let news = breaker.take_transition().expect("a state change");
    assert_eq!(breaker.take_transition(), None);
    news
}

/// A state change in short.
pub(crate) fn change(from: State, to: State, reason: Reason, at: f64) -> Transition {
    Transition { from, to, reason, at }
}
