//! What the verdict of a fleet does to a breaker: it is held open, and its fleet says which call tests.
//!
//! Must not know: who the fleet is, how it came to its verdict, how long a call waits for what it says.
//!
//! A verdict takes the place of the circuit's own open time, but not of one that was asked for by hand. Until it is due, the circuit refuses.
//! From then on the fleet is asked about each call that could be a test, and a call passes only by its grant, one at a time. Such a test alone
//! closes nothing: the fleet lets go, or is not heard of until its verdict is stale. Then the breaker goes on by itself.

use super::{Breaker, Phase};
use crate::core::backoff::OpenTime;
use crate::core::numbers::Kind;
use crate::core::permit::{Admission, Outcome, Permit, Refusal};
use crate::core::reason::Reason;
use crate::core::state::names;
use crate::core::time::Moment;
use crate::core::trial::Trial;

/// The most that a caller is told to wait, and the probe waits, where the fleet may grant a test at any moment, in ms: as long as
/// a fleet takes from one draw to the next.
const LONGEST_HINT: f64 = 250.0;
const SHORTEST_HINT: f64 = 1.0;

names! {
    /// Where the verdict of a fleet stands.
    Stage {
        /// There is none, or it is over.
        None: "none",
        /// The circuit is held open, and no test is due.
        Held: "held",
        /// It is held open until the fleet grants a test.
        Due: "due",
        /// The fleet was not heard of for too long: the breaker goes on by itself.
        Stale: "stale",
    }
}

names! {
    /// How a test ended that a fleet granted.
    TestEnd {
        /// The dependency did its work, in time.
        Success: "success",
        /// It failed, or was slow.
        Failure: "failure",
        /// Nobody learnt anything.
        Ignored: "ignored",
        /// It did not settle within its lease.
        Expired: "expired",
    }
}

/// A verdict: from then on, due and stale after that many ms.
#[derive(Clone, Copy, Debug)]
struct Hold {
    since: Moment,
    due: f64,
    stale: f64,
}

/// What a fleet has said, and what it is to hear.
#[derive(Clone, Debug)]
pub(super) struct Fleet {
    hold: Option<Hold>,
    /// Since when a test may pass that has not come yet.
    granted: Option<Moment>,
    /// For how long it may, and then how long it may take, in ms.
    lease: f64,
    /// The test under way; NaN for none.
    test: Permit,
    /// How the last one ended, until somebody takes it.
    ended: Option<TestEnd>,
}

impl Breaker {
    /// Holds the circuit open on account of a fleet's verdict: refuses for `due` ms from now, from then on admits what the fleet grants, and
    /// after `stale` ms goes on by itself. A verdict takes the place of an earlier one and of the circuit's own open time. A granted test that is
    /// under way goes on.
    ///
    /// False, and nothing changed, where these are not spans or the first is the longer.
    pub fn hold(&mut self, due: f64, stale: f64, now: f64) -> bool {
        if !Kind::Span.takes(due) || !Kind::Span.takes(stale) || due > stale {
            return false;
        }
        let was_held = self.is_held();
        let hold = Some(Hold { since: Moment::at(now), due, stale });
        match &mut self.fleet {
            Some(fleet) => fleet.hold = hold,
            None => {
                let (granted, lease, test, ended) = (None, 0.0, Permit(f64::NAN), None);
                self.fleet = Some(Box::new(Fleet { hold, granted, lease, test, ended }));
            }
        }
        match &mut self.phase {
            Phase::Open { span, .. } => *span = OpenTime::NONE,
            // Half open by a grant: that ends with what the fleet says next, not with the same said again.
            Phase::HalfOpen(trial) if was_held && (due == 0.0 || !trial.is_idle()) => {}
            _ => self.open(Reason::Fleet, OpenTime::NONE, now),
        }
        true
    }

    /// Lets one test request pass, as if it were due, that comes within `lease` ms and settles within as many (NaN: the half-open timeout).
    ///
    /// False, and nothing changed, where no verdict stands or the circuit was opened by hand. True, and nothing changed, where a test is under way.
    pub fn grant(&mut self, lease: f64, now: f64, random: f64) -> bool {
        self.advance(now, random);
        let by_hand = self.isolated || self.held(now) > 0.0;
        let own = self.config.half_open_timeout();
        let is_idle = self.is_idle();
        let Some(fleet) = &mut self.fleet else { return false };
        if fleet.hold.is_none() || by_hand {
            return false;
        }
        if is_idle && (fleet.granted.is_none() || Kind::Span.takes(lease)) {
            fleet.granted = Some(Moment::at(now));
            fleet.lease = if Kind::Span.takes(lease) { lease } else { own };
        }
        true
    }

    /// Takes a grant back that no call has used; false where there is none.
    pub fn take_back(&mut self) -> bool {
        self.fleet.as_mut().is_some_and(|fleet| fleet.granted.take().is_some())
    }

    /// The fleet lets go: the circuit closes if nothing but its verdict kept it from that.
    pub fn let_go(&mut self, now: f64) {
        if !self.forget_hold() || self.isolated {
            return;
        }
        let left = match self.phase {
            Phase::Open { since, .. } => since.remaining(self.open_time(), now),
            _ => 0.0,
        };
        if left == 0.0 {
            self.close(Reason::Fleet, now);
        }
    }

    /// The breaker leaves its fleet, whose verdict is over without another: a circuit that it held open is due.
    pub fn leave_fleet(&mut self) {
        self.fleet = None;
    }

    /// Counts a call as refused that [`Breaker::admit`] left undecided.
    pub fn refuse(&mut self) -> Refusal {
        let refusal = self.refusal_of_held();
        self.metrics.refuse(refusal);
        refusal
    }

    /// Where the verdict of a fleet stands.
    pub fn stage(&self, now: f64) -> Stage {
        let Some(hold) = self.fleet.as_ref().and_then(|fleet| fleet.hold) else { return Stage::None };
        if hold.since.remaining(hold.stale, now) == 0.0 {
            Stage::Stale
        } else if self.due_after(hold, now) > 0.0 {
            Stage::Held
        } else {
            Stage::Due
        }
    }

    /// Whether a granted test has ended, and nobody took how.
    pub fn has_test_end(&self) -> bool {
        self.fleet.as_ref().is_some_and(|fleet| fleet.ended.is_some())
    }

    /// Takes how the last granted test ended.
    pub fn take_test_end(&mut self) -> Option<TestEnd> {
        self.fleet.as_mut()?.ended.take()
    }

    /// Whether there is a verdict of a fleet, though it be stale.
    pub(super) fn is_held(&self) -> bool {
        self.fleet.as_ref().is_some_and(|fleet| fleet.hold.is_some())
    }

    /// Ends the verdict of a fleet; false where there was none.
    pub(super) fn forget_hold(&mut self) -> bool {
        self.fleet.as_mut().is_some_and(|fleet| {
            fleet.granted = None;
            fleet.hold.take().is_some()
        })
    }

    /// Whether the verdict of a fleet stands at `now`. One that is stale is forgotten.
    pub(super) fn stays_held(&mut self, now: f64) -> bool {
        let Some(hold) = self.fleet.as_mut().and_then(|fleet| fleet.hold.as_mut()) else { return false };
        let is_stale = hold.since.has_passed(hold.stale, now);
        !(is_stale && self.forget_hold())
    }

    /// How long a test request may take, in ms.
    pub(super) fn lease_time(&self) -> f64 {
        match &self.fleet {
            Some(fleet) if fleet.hold.is_some() => fleet.lease,
            _ => self.config.half_open_timeout(),
        }
    }

    /// How many ms from now a verdict that stands keeps callers and the probe from testing, should the fleet say nothing else: 0 with a grant. `None`
    /// without a verdict, and after it is stale.
    pub(super) fn held_for(&self, now: f64) -> Option<f64> {
        let fleet = self.fleet.as_ref()?;
        let hold = fleet.hold?;
        let stale = hold.since.remaining(hold.stale, now);
        if stale == 0.0 {
            return None;
        }
        let due = self.due_after(hold, now);
        if !self.is_idle() {
            Some(self.test_expires_after(now).min(stale).clamp(SHORTEST_HINT, LONGEST_HINT))
        } else if fleet.granted.is_some_and(|since| since.remaining(fleet.lease, now) > 0.0) {
            Some(0.0)
        } else if due > 0.0 {
            Some(due)
        } else {
            Some(stale.clamp(SHORTEST_HINT, LONGEST_HINT))
        }
    }

    /// Whether callers may use a grant, or the probe has to.
    pub(super) fn callers_test(&self) -> bool {
        !self.probed || self.probe_is_lost
    }

    /// The verdict on a call that asks to pass while a fleet's stands; `None` where none does.
    #[cold]
    pub(super) fn guard_held(&mut self, is_probe: bool, full: bool, now: f64) -> Option<Admission> {
        let wait = self.held_for(now)?;
        let is_due = wait == 0.0 || self.stage(now) == Stage::Due;
        if !self.is_idle() || !is_due {
            return Some(Admission::Refused(self.refusal_of_held()));
        }
        if full {
            return Some(Admission::Refused(Refusal::BulkheadFull));
        }
        if !is_probe && !self.callers_test() {
            return Some(Admission::Refused(self.refusal_of_held()));
        }
        if wait > 0.0 {
            return Some(Admission::Refused(Refusal::Undecided));
        }
        if let Phase::Open { .. } = self.phase {
            self.enter(Phase::HalfOpen(Trial::new(Moment::at(now), 0)), Reason::RecoveryDue, now);
        }
        self.probe_is_lost = !is_probe;
        self.serial.add_one();
        let permit = Permit(self.serial.get());
        if let Phase::HalfOpen(trial) = &mut self.phase {
            trial.hear(now);
            trial.lease(permit, now);
        }
        if let Some(fleet) = &mut self.fleet {
            fleet.granted = None;
            // Of one that belongs to the past by now, and has not settled.
            if !fleet.test.0.is_nan() {
                fleet.ended = Some(TestEnd::Ignored);
            }
            fleet.test = permit;
        }
        Some(Admission::Granted(permit))
    }

    /// Notes how the test of a fleet ended, whatever became of the circuit meanwhile.
    pub(super) fn end_test(&mut self, permit: Permit, end: impl FnOnce() -> TestEnd) {
        if let Some(fleet) = &mut self.fleet
            && fleet.test == permit
        {
            fleet.test = Permit(f64::NAN);
            fleet.ended = Some(end());
        }
    }

    /// How a settled test ended.
    pub(super) fn end_of(outcome: Outcome, slow: bool) -> TestEnd {
        match outcome {
            Outcome::Ignored => TestEnd::Ignored,
            Outcome::Success if !slow => TestEnd::Success,
            _ => TestEnd::Failure,
        }
    }

    /// How many ms are left until a test is due: by the verdict, and by what came to be since.
    fn due_after(&self, hold: Hold, now: f64) -> f64 {
        let own = match self.phase {
            Phase::Open { since, .. } => since.remaining(self.open_time(), now),
            _ => 0.0,
        };
        hold.since.remaining(hold.due, now).max(own)
    }

    /// Whether no test request is in flight.
    fn is_idle(&self) -> bool {
        !matches!(&self.phase, Phase::HalfOpen(trial) if !trial.is_idle())
    }

    fn refusal_of_held(&self) -> Refusal {
        if let Phase::HalfOpen(_) = self.phase { Refusal::HalfOpenFull } else { Refusal::Open }
    }
}
