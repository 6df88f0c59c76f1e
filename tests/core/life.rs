//! Random lives of a breaker: what may happen to it, and a ledger that an onlooker could keep.
//!
//! Must not know: what is right. It does the steps and notes which calls are of the current generation; the
//! properties judge. To add a deed: its variant in [`Step`], its line in [`steps`] and in [`Life::live`].

use crate::windows::{reach, windows};
use crate::worked::{NO_CHANCE, UNJUDGED};
use halfopen::core::{
    Admission, Breaker, Config, Field, Metrics, Mode, Outcome, Permit, Refusal, Rejections, Stage, State,
    Verdict, WINDOWS, snapshot,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::ops::RangeInclusive;
use std::rc::Rc;

/// What a breaker is made of.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) config: Rc<Config>,
    /// Test requests are left to the probe.
    pub(crate) probed: bool,
}

impl Setup {
    pub(crate) fn breaker(&self) -> Breaker {
        let mut breaker = Breaker::new(Rc::clone(&self.config));
        if self.probed {
            breaker.leave_tests_to_probe();
        }
        breaker
    }

    /// Whether an option without a default is on.
    pub(crate) fn has(&self, field: Field) -> bool {
        self.config.get(field).is_some()
    }
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Somebody asks to make a call: the short way first, as the boundary does it, or not.
    Admit {
        short_way_first: bool,
    },
    AdmitProbe,
    /// One of the calls in flight ends, whenever it was admitted, after that many ms (NaN for one that was not timed). A call
    /// that is never picked never ends.
    Settle(Index, Verdict, f64),
    /// Somebody settles what no admission gave.
    SettleForeign(f64, Verdict),
    Record(Outcome),
    Trip,
    TripFor(f64),
    Reset,
    Isolate,
    Release,
    Disable,
    Observe,
    Enable,
    /// A fleet holds the circuit open: due and stale after that many ms.
    Hold(f64, f64),
    /// It grants a test with that lease.
    Grant(f64),
    TakeBack,
    LetGo,
    LeaveFleet,
    /// From here on, that is the random number of whatever may open the circuit.
    Chance(f64),
    Check,
    Set(Field, f64),
    /// The process ends, and another carries on from the snapshot of this one. Calls in flight are lost.
    Reborn,
    Clock(Clock),
}

/// What the clock does.
#[derive(Clone, Debug)]
pub(crate) enum Clock {
    Forward(Span),
    Back(Span),
    /// From here on it answers what is no time, until it moves.
    Nonsense(f64),
}

/// How far it moves: some ms, or some more than a span that matters.
#[derive(Clone, Debug)]
pub(crate) enum Span {
    Ms(f64),
    RecoveryTimeoutAnd(f64),
    HalfOpenTimeoutAnd(f64),
    RetryAfterAnd(f64),
    ProbeAfterAnd(f64),
    WindowAnd(f64),
    DueAnd(f64),
    StaleAnd(f64),
}

impl Step {
    /// Whether it is a fleet's doing.
    pub(crate) fn is_of_fleet(&self) -> bool {
        matches!(self, Step::Hold(..) | Step::Grant(_) | Step::TakeBack | Step::LetGo | Step::LeaveFleet)
    }

    /// Whether the clock runs as a clock should.
    pub(crate) fn keeps_time(&self) -> bool {
        !matches!(self, Step::Clock(Clock::Back(_) | Clock::Nonsense(_)))
    }
}

// All times are multiples of half a millisecond, and all shares of them powers of two: sums and differences are
// exact, so that a deadline can be asked for to the millisecond.
fn small_spans() -> impl Strategy<Value = f64> {
    prop_oneof![
        select(vec![0.0, 0.5, 1.0, 100.0, 1000.0, 60_000.0]),
        (0..20_000_u32).prop_map(|halves| f64::from(halves) / 2.0)
    ]
}

fn counts(range: RangeInclusive<u32>) -> impl Strategy<Value = f64> {
    range.prop_map(f64::from)
}

type Given = Vec<(Field, f64)>;

fn half_open_options() -> impl Strategy<Value = Given> {
    let given = (
        small_spans(),
        counts(1..=3),
        proptest::option::of(counts(0..=3)),
        counts(1..=3),
        proptest::option::of(select(vec![0.5, 1.0, 50.0, 2000.0, 90_000.0])),
    );
    given.prop_map(|(recovery, successes, spare, concurrent, lease)| {
        let mut options = vec![
            (Field::RecoveryTimeout, recovery),
            (Field::SuccessThreshold, successes),
            (Field::HalfOpenMaxConcurrent, concurrent),
        ];
        options.extend(spare.map(|spare| (Field::HalfOpenCalls, successes + spare)));
        options.extend(lease.map(|lease| (Field::HalfOpenTimeout, lease)));
        options
    })
}

/// The rules of a window: never none.
fn rules() -> impl Strategy<Value = Given> {
    let rate = || select(vec![0.25, 0.5, 1.0]);
    let slow = (select(vec![10.0, 100.0]), rate())
        .prop_map(|(slow, rate)| vec![(Field::SlowCallDuration, slow), (Field::SlowCallRate, rate)]);
    let failing = rate().prop_map(|rate| vec![(Field::FailureRate, rate)]);
    let judged = (
        prop_oneof![failing.clone(), slow.clone(), (failing, slow).prop_map(|(a, b)| [a, b].concat())],
        counts(1..=3),
    )
        .prop_map(|(mut rules, minimum)| {
            rules.push((Field::MinimumCalls, minimum));
            rules
        });
    (proptest::option::of(counts(1..=3)), proptest::option::of(judged)).prop_map(|(threshold, rates)| {
        let mut rules = rates.unwrap_or_default();
        let threshold = if rules.is_empty() { Some(threshold.unwrap_or(2.0)) } else { threshold };
        rules.extend(threshold.map(|threshold| (Field::FailureThreshold, threshold)));
        rules
    })
}

fn policy_options() -> impl Strategy<Value = Given> {
    let join = |(window, rules): (Given, Given)| [window, rules].concat();
    prop_oneof![
        1 => counts(1..=4).prop_map(|failures| vec![(Field::FailureThreshold, failures)]),
        WINDOWS.len() as u32 => (windows(), rules()).prop_map(join),
    ]
}

fn other_options() -> impl Strategy<Value = Given> {
    let backoff = (select(vec![1.0, 1.5, 2.0, 4.0]), select(vec![0.0, 0.25, 1.0]))
        .prop_map(|(factor, jitter)| vec![(Field::BackoffFactor, factor), (Field::BackoffJitter, jitter)]);
    (
        proptest::option::of(backoff),
        proptest::option::weighted(0.2, counts(1..=4)),
        proptest::option::of(select(vec![0.0, 500.0, 5000.0])),
    )
        .prop_map(|(backoff, concurrent, asked)| {
            let mut options = backoff.unwrap_or_default();
            options.extend(concurrent.map(|calls| (Field::MaxConcurrent, calls)));
            options.extend(asked.map(|ms| (Field::MaxRetryAfter, ms)));
            options
        })
}

/// Options small enough for everything to happen within a few steps.
pub(crate) fn setups() -> impl Strategy<Value = Setup> {
    let options = (half_open_options(), policy_options(), other_options(), proptest::bool::weighted(0.15));
    options.prop_map(|(half_open, policy, others, probed)| Setup {
        config: Rc::new(crate::worked::config(&[half_open, policy, others].concat())),
        probed,
    })
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        10 => Just(Outcome::Success),
        8 => Just(Outcome::Failure),
        2 => Just(Outcome::TimedOut),
        2 => Just(Outcome::Ignored)
    ]
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    let asking = (
        outcomes(),
        select(vec![f64::NAN, -1.0, 0.0, 250.0, 1000.0, 1e6, f64::INFINITY, f64::NEG_INFINITY]),
        any::<bool>(),
    );
    prop_oneof![
        5 => outcomes().prop_map(Verdict::from),
        1 => asking.prop_map(|(outcome, retry_after, trips)| Verdict { outcome, retry_after, trips }),
    ]
}

fn spans() -> impl Strategy<Value = Span> {
    let near = || select(vec![-1.0, -0.5, 0.0, 0.5, 1.0]);
    prop_oneof![
        small_spans().prop_map(Span::Ms),
        near().prop_map(Span::RecoveryTimeoutAnd),
        near().prop_map(Span::HalfOpenTimeoutAnd),
        near().prop_map(Span::RetryAfterAnd),
        near().prop_map(Span::ProbeAfterAnd),
        near().prop_map(Span::WindowAnd),
        near().prop_map(Span::DueAnd),
        near().prop_map(Span::StaleAnd),
    ]
}

fn clocks() -> impl Strategy<Value = Clock> {
    prop_oneof![
        8 => spans().prop_map(Clock::Forward),
        1 => spans().prop_map(Clock::Back),
        1 => select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]).prop_map(Clock::Nonsense),
    ]
}

/// New values of options, some of which contradict the others and are refused.
pub(crate) fn settings() -> impl Strategy<Value = Step> {
    let spans =
        vec![Field::RecoveryTimeout, Field::HalfOpenTimeout, Field::SlowCallDuration, Field::BackoffMax];
    let numbers = vec![
        Field::FailureThreshold,
        Field::SuccessThreshold,
        Field::HalfOpenCalls,
        Field::HalfOpenMaxConcurrent,
        Field::MinimumCalls,
        Field::BackoffFactor,
    ];
    prop_oneof![
        (select(spans), small_spans()).prop_map(|(field, span)| Step::Set(field, span)),
        (select(numbers), counts(0..=5)).prop_map(|(field, count)| Step::Set(field, count)),
    ]
}

/// Permits that no admission gave.
fn foreign_permits() -> impl Strategy<Value = f64> {
    prop_oneof![
        select(vec![-1.0, -2.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e9, 9_007_199_254_740_992.0]),
        (0..100_u32).prop_map(|whole| f64::from(whole) + 0.5),
        (1..100_u32).prop_map(|whole| -f64::from(whole)),
    ]
}

/// What a fleet may do, which is not what it should.
fn fleet_steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (small_spans(), small_spans()).prop_map(|(due, more)| Step::Hold(due, due + more)),
        1 => Just(Step::Hold(0.0, 20_000.0)),
        4 => select(vec![f64::NAN, 0.5, 100.0, 5000.0]).prop_map(Step::Grant),
        1 => Just(Step::TakeBack),
        1 => Just(Step::LetGo),
        1 => Just(Step::LeaveFleet),
    ]
}

/// Everything that may happen, in any order.
pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let elapsed = || {
        prop_oneof![
            3 => Just(f64::NAN),
            3 => select(vec![0.0, 9.5, 10.0, 99.5, 100.0, 5000.0, -1.0, f64::INFINITY])
        ]
    };
    let mode = select(vec![
        Step::Isolate,
        Step::Release,
        Step::Release,
        Step::Disable,
        Step::Observe,
        Step::Enable,
        Step::Enable,
        Step::Enable,
    ]);
    let step = prop_oneof![
        24 => any::<bool>().prop_map(|short_way_first| Step::Admit { short_way_first }),
        4 => Just(Step::AdmitProbe),
        24 => (any::<Index>(), verdicts(), elapsed())
            .prop_map(|(which, verdict, elapsed)| Step::Settle(which, verdict, elapsed)),
        2 => (foreign_permits(), verdicts()).prop_map(|(permit, verdict)| Step::SettleForeign(permit, verdict)),
        6 => outcomes().prop_map(Step::Record),
        3 => Just(Step::Trip),
        2 => small_spans().prop_map(Step::TripFor),
        2 => Just(Step::Reset),
        4 => mode,
        6 => fleet_steps(),
        3 => select(vec![0.0, 0.25, 0.5, 1.0, -1.0, f64::NAN]).prop_map(Step::Chance),
        6 => Just(Step::Check),
        2 => settings(),
        1 => Just(Step::Reborn),
        16 => clocks().prop_map(Step::Clock),
    ];
    vec(step, 0..80)
}

/// Whether the dependency is to blame.
pub(crate) fn is_failure(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Failure | Outcome::TimedOut)
}

/// The counts over a breaker's life, as an onlooker keeps them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ledger {
    pub(crate) successful: f64,
    pub(crate) failed: f64,
    pub(crate) timed_out: f64,
    pub(crate) ignored: f64,
    /// Refused calls by kind: open, half open, bulkhead, isolated.
    pub(crate) rejected: [f64; 4],
    pub(crate) would_reject: f64,
    pub(crate) stale: f64,
    pub(crate) in_flight: f64,
}

impl Ledger {
    pub(crate) fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Success => self.successful += 1.0,
            Outcome::Ignored => self.ignored += 1.0,
            Outcome::Failure | Outcome::TimedOut => self.failed += 1.0,
        }
        if outcome == Outcome::TimedOut {
            self.timed_out += 1.0;
        }
    }

    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        let [open, half_open, bulkhead, isolated] = &mut self.rejected;
        let kind = match refusal {
            Refusal::Open => open,
            Refusal::HalfOpenFull => half_open,
            Refusal::BulkheadFull => bulkhead,
            Refusal::Isolated => isolated,
            // Nobody was refused yet.
            Refusal::Undecided => return,
        };
        *kind += 1.0;
    }

    /// One that was in flight is over; a breaker never counts below 0.
    pub(crate) fn land(&mut self) {
        self.in_flight = (self.in_flight - 1.0).max(0.0);
    }
}

impl From<&Breaker> for Ledger {
    fn from(breaker: &Breaker) -> Ledger {
        let Metrics { successful, failed, timed_out, ignored, rejected, would_reject, stale, in_flight } =
            breaker.metrics();
        let rejections = breaker.rejections();
        let Rejections { half_open, bulkhead, isolated } = rejections;
        let by_kind = [rejections.open(rejected), half_open.get(), bulkhead.get(), isolated.get()];
        assert_eq!(by_kind.iter().sum::<f64>(), rejected.get());
        Ledger {
            successful: successful.get(),
            failed: failed.get(),
            timed_out: timed_out.get(),
            ignored: ignored.get(),
            rejected: by_kind,
            would_reject: would_reject.get(),
            stale: stale.get(),
            in_flight: in_flight.get(),
        }
    }
}

/// What an onlooker can see of a breaker.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct View {
    pub(crate) state: State,
    pub(crate) mode: Mode,
    pub(crate) failure_count: f64,
    pub(crate) success_count: f64,
    pub(crate) failed_tests: u32,
    pub(crate) last_failure_time: Option<f64>,
    pub(crate) open_time: f64,
    pub(crate) failed_recoveries: u16,
    pub(crate) metrics: Ledger,
    pub(crate) changes: f64,
    pub(crate) config: Config,
    pub(crate) stages: [Stage; 4],
}

impl View {
    pub(crate) fn of(breaker: &Breaker) -> View {
        View {
            state: breaker.state(),
            mode: breaker.mode(),
            failure_count: breaker.failure_count(),
            success_count: breaker.success_count(),
            failed_tests: breaker.failed_tests(),
            last_failure_time: breaker.last_failure_time(),
            open_time: breaker.open_time(),
            failed_recoveries: breaker.failed_recoveries(),
            metrics: breaker.into(),
            changes: breaker.log().total(),
            config: **breaker.config(),
            stages: [f64::NAN, 0.0, 1_010_000.0, 1e9].map(|at| breaker.stage(at)),
        }
    }
}

/// All there is inside of a breaker but its metrics and the list of what hangs, which keeps the books of those in flight.
pub(crate) fn innards(breaker: &Breaker) -> String {
    let text = format!("{breaker:?}").replace(&format!("{:?}", breaker.metrics()), "");
    let text = text.replace(&format!("{:?}", Some(breaker.rejections())), "None");
    let (before, rest) = text.split_once(" hung: ").expect("a list of what hangs");
    let (_, after) = rest.split_once(" log: ").expect("a log after it");
    format!("{before}{after}")
}

/// Whose verdict the result of a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// That of the current generation.
    Current,
    /// That of an earlier one, or it expired.
    Late,
    /// Nobody's: it was let through while the breaker was disabled or observing.
    Unjudged,
}

/// A call in flight, as the ledger knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) permit: Permit,
    pub(crate) standing: Standing,
    /// Since when it holds the lease of a test request; NaN when nobody could tell the time.
    pub(crate) lease: Option<f64>,
    /// Its lease expired: it is in flight and holds no place.
    pub(crate) hangs: bool,
}

impl Call {
    pub(crate) fn is_current(&self) -> bool {
        self.standing == Standing::Current
    }
}

/// What was done and answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deed {
    Admitted(Admission),
    /// The probe asked.
    ProbeAdmitted(Admission),
    /// A call in flight was settled, as the ledger knew it.
    Settled(Call, Verdict, f64),
    SettledForeign,
    Recorded(Outcome),
    Tripped,
    /// Opened by hand for that many ms.
    TrippedFor(f64),
    Reset,
    Isolated,
    /// Isolation ended, if there was one.
    Released,
    /// The mode changed and nothing else.
    ModeSet,
    Held,
    /// Whether the fleet's grant stands now, or its test is under way.
    Granted(bool),
    TakenBack(bool),
    LetGo,
    LeftFleet,
    Checked,
    Set,
    /// A new breaker carried on; that many calls were lost.
    Reborn(usize),
    /// Nothing that the breaker could notice.
    Nothing,
}

impl Deed {
    /// Whether a call that asked was let through, and why not; `None` when nobody asked.
    pub(crate) fn answer(&self) -> Option<Result<(), Refusal>> {
        match self {
            Deed::Admitted(answer) | Deed::ProbeAdmitted(answer) => Some(match answer {
                Admission::Granted(_) => Ok(()),
                Admission::Refused(refusal) => Err(*refusal),
            }),
            _ => None,
        }
    }
}

/// A breaker, its clock, and the ledger.
pub(crate) struct Life {
    setup: Setup,
    pub(crate) breaker: Breaker,
    time: f64,
    nonsense: Option<f64>,
    /// The random number of whatever may open the circuit.
    pub(crate) random: f64,
    /// Calls in flight, oldest first.
    pub(crate) in_flight: Vec<Call>,
    /// Test requests that expired in the last step.
    pub(crate) expired: usize,
    /// The verdict of the fleet, until it ends by something else than time.
    pub(crate) hold: Option<Hold>,
    /// Since when a grant of the fleet's is there to be used.
    pub(crate) grant: Option<f64>,
    /// How long it is, and then how long its test may take.
    pub(crate) lease: f64,
    /// The fleet was asked about the call of the last step.
    pub(crate) was_undecided: bool,
}

/// The verdict of a fleet: since when, due and stale after that many ms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    pub(crate) since: f64,
    pub(crate) due: f64,
    pub(crate) stale: f64,
}

/// The zero of the clock of a life, in ms after the epoch.
pub(crate) const ORIGIN: f64 = 1_700_000_000_000.0;

impl Life {
    pub(crate) fn new(setup: &Setup) -> Life {
        let setup = setup.clone();
        let breaker = setup.breaker();
        Life {
            setup,
            breaker,
            time: 1_000_000.0,
            nonsense: None,
            random: NO_CHANCE,
            in_flight: Vec::new(),
            expired: 0,
            hold: None,
            grant: None,
            lease: f64::NAN,
            was_undecided: false,
        }
    }

    /// The verdict and the grant of the fleet are no more.
    fn end_hold(&mut self) {
        self.hold = None;
        self.grant = None;
    }

    /// Has the breaker leave its fleet.
    pub(crate) fn leave_fleet(&mut self) {
        self.breaker.leave_fleet();
        self.end_hold();
    }

    /// The longest that the verdict of a fleet may stand from now on, whatever the clock does.
    pub(crate) fn stale_span(&self) -> f64 {
        self.hold.map_or(0.0, |hold| hold.stale)
    }

    /// What the clock answers.
    pub(crate) fn now(&self) -> f64 {
        self.nonsense.unwrap_or(self.time)
    }

    /// Puts the clock to a time.
    pub(crate) fn set_time(&mut self, time: f64) {
        self.time = time;
    }

    /// What the clock answers once it is mended.
    pub(crate) fn working_clock(&self) -> f64 {
        self.time
    }

    /// The test requests that hold a lease of the current half-open state.
    pub(crate) fn leases(&self) -> usize {
        self.in_flight.iter().filter(|call| call.is_current() && call.lease.is_some()).count()
    }

    /// The calls in flight, by the breaker's own count, that hold a place of those that `maxConcurrent` has.
    pub(crate) fn in_place(&self) -> f64 {
        let hanging = self.in_flight.iter().filter(|call| call.hangs).count();
        self.breaker.metrics().in_flight.get() - hanging as f64
    }

    /// Does one step.
    pub(crate) fn live(&mut self, step: &Step) -> Deed {
        let now = self.now();
        let changes = self.breaker.log().total();
        self.expired = 0;
        self.was_undecided = false;
        match step {
            Step::Admit { short_way_first } => {
                if self.breaker.mode() != Mode::Disabled {
                    self.expire(now);
                }
                let permit = if *short_way_first { self.breaker.admit_if_closed() } else { None };
                let mut admission =
                    permit.map_or_else(|| self.breaker.admit(now, self.random), Admission::Granted);
                if admission == Admission::Refused(Refusal::Undecided) {
                    // The fleet wants another one.
                    self.was_undecided = true;
                    admission = Admission::Refused(self.breaker.refuse());
                }
                self.notice(changes);
                self.hold(admission, now);
                Deed::Admitted(admission)
            }
            Step::AdmitProbe => {
                if matches!(self.breaker.mode(), Mode::Normal | Mode::Observing) {
                    self.expire(now);
                }
                let admission = self.breaker.admit_probe(now, self.random);
                self.notice(changes);
                self.hold(admission, now);
                Deed::ProbeAdmitted(admission)
            }
            Step::Settle(which, verdict, elapsed) => {
                if self.in_flight.is_empty() {
                    return Deed::Nothing;
                }
                let call = self.in_flight.remove(which.index(self.in_flight.len()));
                self.settle(call, *verdict, *elapsed, now);
                self.notice(changes);
                Deed::Settled(call, *verdict, *elapsed)
            }
            Step::SettleForeign(permit, verdict) => {
                self.breaker.settle(Permit(*permit), *verdict, f64::NAN, now, self.random);
                Deed::SettledForeign
            }
            Step::Record(outcome) => {
                self.breaker.record(*outcome, now, self.random);
                self.notice(changes);
                Deed::Recorded(*outcome)
            }
            Step::Trip => {
                self.breaker.trip(now);
                self.end_generation();
                Deed::Tripped
            }
            Step::TripFor(ms) => {
                self.breaker.trip_for(*ms, now).expect("a span");
                self.end_generation();
                Deed::TrippedFor(*ms)
            }
            Step::Reset => {
                self.breaker.reset(now);
                self.end_hold();
                self.end_generation();
                Deed::Reset
            }
            Step::Isolate => {
                self.breaker.isolate(now);
                self.end_generation();
                Deed::Isolated
            }
            Step::Release => {
                self.breaker.release(now);
                Deed::Released
            }
            Step::Disable => {
                self.breaker.disable();
                Deed::ModeSet
            }
            Step::Observe => {
                self.breaker.observe();
                Deed::ModeSet
            }
            Step::Enable => {
                self.breaker.enable();
                Deed::ModeSet
            }
            Step::Hold(due, stale) => {
                assert!(self.breaker.hold(*due, *stale, now));
                self.hold = Some(Hold { since: time_of(now), due: *due, stale: *stale });
                self.notice(changes);
                Deed::Held
            }
            Step::Grant(lease) => {
                self.expire(now);
                let is_granted = self.breaker.grant(*lease, now, self.random);
                self.notice(changes);
                if is_granted && self.leases() == 0 && (self.grant.is_none() || !lease.is_nan()) {
                    let own = self.breaker.config().get(Field::HalfOpenTimeout).unwrap_or(f64::INFINITY);
                    self.grant = Some(time_of(now));
                    self.lease = if lease.is_nan() { own } else { *lease };
                }
                Deed::Granted(is_granted)
            }
            Step::TakeBack => {
                self.grant = None;
                Deed::TakenBack(self.breaker.take_back())
            }
            Step::LetGo => {
                self.breaker.let_go(now);
                self.end_hold();
                self.notice(changes);
                Deed::LetGo
            }
            Step::LeaveFleet => {
                self.leave_fleet();
                Deed::LeftFleet
            }
            Step::Chance(random) => {
                self.random = *random;
                Deed::Nothing
            }
            Step::Check => {
                self.expire(now);
                self.breaker.check(now, self.random);
                self.notice(changes);
                Deed::Checked
            }
            Step::Set(field, value) => {
                // A value that is refused changes nothing; tests/core/options.rs sees to that.
                let _ = self.breaker.set(*field, *value);
                Deed::Set
            }
            Step::Reborn => {
                let saved = self.breaker.snapshot(ORIGIN, now);
                let mut heir =
                    Setup { config: Rc::clone(self.breaker.config()), ..self.setup.clone() }.breaker();
                heir.restore(&saved, ORIGIN, now)
                    .unwrap_or_else(|| panic!("refused its own snapshot {saved:?}"));
                self.breaker = heir;
                let lost = self.in_flight.len();
                self.in_flight.clear();
                self.end_hold();
                Deed::Reborn(lost)
            }
            Step::Clock(clock) => {
                match clock {
                    Clock::Forward(span) => self.time += self.ms(span),
                    Clock::Back(span) => self.time -= self.ms(span),
                    Clock::Nonsense(_) => {}
                }
                self.nonsense = if let Clock::Nonsense(answer) = clock { Some(*answer) } else { None };
                Deed::Nothing
            }
        }
    }

    /// The short way first where the boundary takes it: a success that nobody timed.
    fn settle(&mut self, call: Call, verdict: Verdict, elapsed: f64, now: f64) {
        let takes_short_way = verdict.outcome == Outcome::Success && !verdict.trips && elapsed.is_nan();
        if !takes_short_way || !self.breaker.succeed_if_closed(call.permit, now) {
            self.breaker.settle(call.permit, verdict, elapsed, now, self.random);
        }
    }

    fn hold(&mut self, admission: Admission, now: f64) {
        let Admission::Granted(permit) = admission else { return };
        let is_judged = permit != UNJUDGED;
        if is_judged {
            self.grant = None;
        }
        let since = time_of(now);
        let lease = (is_judged && self.breaker.state() == State::HalfOpen).then_some(since);
        let standing = if is_judged { Standing::Current } else { Standing::Unjudged };
        self.in_flight.push(Call { permit, standing, lease, hangs: false });
    }

    fn ms(&self, span: &Span) -> f64 {
        let config = self.breaker.config();
        let of = |field| config.get(field).unwrap_or(0.0);
        let ms = match span {
            Span::Ms(ms) => *ms,
            Span::RecoveryTimeoutAnd(more) => of(Field::RecoveryTimeout) + more,
            Span::HalfOpenTimeoutAnd(more) => of(Field::HalfOpenTimeout) + more,
            Span::RetryAfterAnd(more) => self.breaker.retry_after(self.time) + more,
            Span::ProbeAfterAnd(more) => self.breaker.probe_after(self.time) + more,
            Span::WindowAnd(more) => reach(config) + more,
            Span::DueAnd(more) => self.hold.map_or(0.0, |hold| hold.due) + more,
            Span::StaleAnd(more) => self.hold.map_or(0.0, |hold| hold.stale) + more,
        };
        if ms.is_finite() { ms.max(0.0) } else { 0.0 }
    }

    /// Notes which leases are over at an admission or a check, as the rules have it: a lease runs from its admission; a
    /// clock that is behind that moment moves it back; what is no time ends nothing.
    fn expire(&mut self, now: f64) {
        if !now.is_finite() {
            return;
        }
        let own = self.breaker.config().get(Field::HalfOpenTimeout).unwrap_or(f64::INFINITY);
        let lease_time = if self.hold.is_some() { self.lease } else { own };
        for call in self.in_flight.iter_mut().filter(|call| call.is_current()) {
            let Some(since) = call.lease else { continue };
            let since = if since <= now { since } else { now };
            call.lease = Some(since);
            if now - since >= lease_time {
                (call.standing, call.hangs) = (Standing::Late, true);
                self.expired += 1;
            }
        }
        if let Some(hold) = &mut self.hold {
            hold.since = hold.since.min(now);
            if now - hold.since >= hold.stale {
                self.end_hold();
            }
        }
    }

    /// A state that changed has ended the generation.
    fn notice(&mut self, changes_before: f64) {
        if self.breaker.log().total() != changes_before {
            self.end_generation();
        }
        if self.breaker.state() == State::Closed {
            self.end_hold();
        }
    }

    fn end_generation(&mut self) {
        for call in self.in_flight.iter_mut().filter(|call| call.is_current()) {
            call.standing = Standing::Late;
        }
    }
}

/// A moment; NaN when nobody could tell the time.
fn time_of(now: f64) -> f64 {
    if now.is_finite() { now } else { f64::NAN }
}

#[test]
fn every_count_of_a_snapshot_happens() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut counted = std::collections::BTreeSet::new();
    for _ in 0..300 {
        let (setup, steps) = (setups(), steps()).new_tree(&mut runner).unwrap().current();
        let mut life = Life::new(&setup);
        for step in &steps {
            life.live(step);
        }
        let saved = life.breaker.snapshot(ORIGIN, life.working_clock());
        let above_0 = snapshot::NAMES.iter().zip(saved).filter(|(_, number)| *number > 0.0);
        counted.extend(above_0.map(|(name, _)| *name));
    }
    for name in snapshot::NAMES.iter().filter(|name| name.ends_with("Calls")) {
        assert!(counted.contains(name), "nothing counts {name}");
    }
}
