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
use crate::core::permit::{Outcome, Permit, Refusal};
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

/// What a fleet has said, and what it is to hear.
#[derive(Clone, Debug)]
pub(super) struct Fleet {
    /// When it last gave its verdict.
    since: Moment,
    /// When a test is due, and when the verdict is stale, in ms after that; below 0 where there is none.
    due: f64,
    stale: f64,
    /// Whether a test may pass that has not come yet, and since when.
    has_grant: bool,
    granted: Moment,
    /// For how long it may, and then how long it may take, in ms.
    lease: f64,
    /// The test under way; NaN for none.
    test: Permit,
    /// How the last one ended, until somebody takes it.
    ended: Option<TestEnd>,
}

/// Where there is no verdict.
const NONE: f64 = -1.0;

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
        let fleet = self.fleet.get_or_insert_with(|| {
            Box::new(Fleet {
                since: Moment::at(now),
                due,
                stale,
                has_grant: false,
                granted: Moment::at(now),
                lease: 0.0,
                test: Permit(f64::NAN),
                ended: None,
            })
        });
        (fleet.since, fleet.due, fleet.stale) = (Moment::at(now), due, stale);
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
        if fleet.stale < 0.0 || by_hand {
            return false;
        }
        let is_given = Kind::Span.takes(lease);
        if is_idle && (is_given || !fleet.has_grant) {
            (fleet.has_grant, fleet.granted) = (true, Moment::at(now));
            fleet.lease = if is_given { lease } else { own };
        }
        true
    }

    /// Takes a grant back that no call has used; false where there is none.
    pub fn take_back(&mut self) -> bool {
        self.fleet.as_mut().is_some_and(|fleet| std::mem::take(&mut fleet.has_grant))
    }

    /// The fleet lets go: the circuit closes if nothing but its verdict kept it from that.
    pub fn let_go(&mut self, now: f64) {
        if !self.forget_hold() || self.isolated {
            return;
        }
        if self.open_for(now) == 0.0 {
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
        self.count_refusal(refusal);
        refusal
    }

    /// Where the verdict of a fleet stands.
    pub fn stage(&self, now: f64) -> Stage {
        let Some(fleet) = &self.fleet else { return Stage::None };
        if fleet.stale < 0.0 {
            Stage::None
        } else if fleet.since.remaining(fleet.stale, now) == 0.0 {
            Stage::Stale
        } else if self.due_after(fleet, now) > 0.0 {
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
    #[inline(never)]
    pub(super) fn is_held(&self) -> bool {
        self.fleet.as_ref().is_some_and(|fleet| fleet.stale >= 0.0)
    }

    /// Ends the verdict of a fleet; false where there was none.
    #[inline(never)]
    pub(super) fn forget_hold(&mut self) -> bool {
        let was_held = self.is_held();
        if let Some(fleet) = &mut self.fleet {
            fleet.stale = NONE;
            fleet.has_grant = false;
        }
        was_held
    }

    /// Whether the verdict of a fleet stands at `now`. One that is stale is forgotten.
    pub(super) fn stays_held(&mut self, now: f64) -> bool {
        let Some(fleet) = &mut self.fleet else { return false };
        if fleet.stale >= 0.0 && fleet.since.has_passed(fleet.stale, now) {
            self.forget_hold();
        }
        self.is_held()
    }

    /// How long a test request may take, in ms.
    #[inline(never)]
    pub(super) fn lease_time(&self) -> f64 {
        match &self.fleet {
            Some(fleet) if fleet.stale >= 0.0 => fleet.lease,
            _ => self.config.half_open_timeout(),
        }
    }

    /// How many ms from now a verdict that stands keeps callers and the probe from testing, should the fleet say nothing else: 0 with a grant. `None`
    /// without a verdict, and after it is stale.
    #[inline(never)]
    pub(super) fn held_for(&self, now: f64) -> Option<f64> {
        let fleet = self.fleet.as_ref()?;
        let stale = fleet.since.remaining(fleet.stale, now);
        if stale == 0.0 {
            return None;
        }
        if self.is_idle() {
            let is_granted = fleet.has_grant && fleet.granted.remaining(fleet.lease, now) > 0.0;
            if is_granted && self.held(now) == 0.0 {
                return Some(0.0);
            }
            let due = self.due_after(fleet, now);
            if due > 0.0 {
                return Some(due);
            }
        }
        Some(stale.clamp(SHORTEST_HINT, LONGEST_HINT))
    }

    /// Whether callers may use a grant, or the probe has to.
    pub(super) fn callers_test(&self) -> bool {
        !self.probed || self.probe_is_lost
    }

    /// Why a call may not pass while the verdict of a fleet stands, which asks for `wait` ms. `None` where the call uses the grant.
    #[cold]
    #[inline(never)]
    pub(super) fn refuse_held(&mut self, wait: f64, is_probe: bool, full: bool, now: f64) -> Option<Refusal> {
        let is_idle = self.is_idle();
        let fleet = self.fleet.as_ref()?;
        let is_early = wait > 0.0 && self.due_after(fleet, now) > 0.0;
        if !is_idle || is_early || !(is_probe || self.callers_test()) {
            return Some(self.refusal_of_held());
        }
        if full {
            return Some(Refusal::BulkheadFull);
        }
        if wait > 0.0 {
            return Some(Refusal::Undecided);
        }
        if let Phase::Open { .. } = self.phase {
            self.enter(Phase::HalfOpen(Trial::new(Moment::at(now), 0)), Reason::RecoveryDue, now);
        }
        None
    }

    /// Notes that the grant was used.
    pub(super) fn begin_test(&mut self, permit: Permit) {
        if let Some(fleet) = &mut self.fleet {
            fleet.has_grant = false;
            // Of one that belongs to the past by now, and has not settled.
            if !fleet.test.0.is_nan() {
                fleet.ended = Some(TestEnd::Ignored);
            }
            fleet.test = permit;
        }
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
    #[inline(never)]
    fn due_after(&self, fleet: &Fleet, now: f64) -> f64 {
        fleet.since.remaining(fleet.due, now).max(self.open_for(now))
    }

    /// What is left of the circuit's own open time, in ms.
    #[inline(never)]
    pub(super) fn open_for(&self, now: f64) -> f64 {
        match self.phase {
            Phase::Open { since, .. } => since.remaining(self.open_time(), now),
            _ => 0.0,
        }
    }

    /// Whether no test request is in flight.
    fn is_idle(&self) -> bool {
        !matches!(&self.phase, Phase::HalfOpen(trial) if !trial.is_idle())
    }

    fn refusal_of_held(&self) -> Refusal {
        if let Phase::HalfOpen(_) = self.phase { Refusal::HalfOpenFull } else { Refusal::Open }
    }
}
