//! Background recovery: while the circuit is not closed, the breaker tests its dependency itself.
//!
//! Must not know: timers and events; the host brings them along. This is the one place where Rust awaits promises.
//! The task holds the slot's number, never a borrow across an await, and the host alone knows whether the
//! breaker still lives, so the task keeps nothing alive.
//!
//! Each task is woken by the promise it waits for and by nothing else, so none can stop another. `spawn_local` would put them all
//! into one queue, which with its microtasks is 3 KB of Wasm.

use crate::boundary::slots;
use crate::core::{Outcome, Permit, ProbeStep};
use js_sys::Promise;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    /// What JavaScript lends to the task. What is to give a promise never throws: it rejects.
    pub type Host;

    /// Whether the breaker still lives.
    #[wasm_bindgen(method)]
    fn lives(this: &Host) -> bool;

    /// The time of the breaker's clock, in ms.
    #[wasm_bindgen(method)]
    fn now(this: &Host) -> f64;

    /// A random number from 0 to 1 for jitter; NaN where the breaker needs none.
    #[wasm_bindgen(method)]
    fn random(this: &Host) -> f64;

    /// How long the last probe took, in ms; NaN where nobody wants to know.
    #[wasm_bindgen(method)]
    fn elapsed(this: &Host) -> f64;

    /// Resolves after that many ms.
    #[wasm_bindgen(method)]
    fn sleep(this: &Host, ms: f64) -> Promise;

    /// Tests the dependency: resolves when it is well, rejects when it is not or has not answered after that many ms.
    #[wasm_bindgen(method)]
    fn probe(this: &Host, patience: f64) -> Promise;

    /// There may be state changes to tell, due to that failure if there is one.
    #[wasm_bindgen(method)]
    fn tell(this: &Host, failure: &JsValue);

    /// The task has ended.
    #[wasm_bindgen(method)]
    fn ended(this: &Host);
}

/// Tests the dependency of that slot's breaker until its circuit is closed, isolated, disabled or gone.
#[wasm_bindgen(js_name = startProbe)]
pub fn start_probe(slot: u32, host: Host) {
    // Whoever starts it is in the midst of something.
    let awaited = Promise::resolve(&JsValue::UNDEFINED).into();
    let task = Task { slot, host, test: None, awaited };
    go_on(Box::into_raw(Box::new(task)).cast());
}

/// What the task knows between two promises: one state, and one place where it waits. As an `async fn` with a place for each promise it
/// is 0.4 KB more in the package.
struct Task {
    slot: u32,
    host: Host,
    /// The test request under way.
    test: Option<Permit>,
    awaited: JsFuture,
}

const WAKER: RawWakerVTable = RawWakerVTable::new(|task| RawWaker::new(task, &WAKER), go_on, go_on, |_| ());

/// Runs a task on to the next promise it waits for.
fn go_on(task: *const ()) {
    let place = task.cast::<Task>().cast_mut();
    // SAFETY: The pointer comes from `start_probe`, and one task is never here twice at a time: a promise wakes it once, from a
    // microtask of its own, and it waits for one promise after another. So nothing holds a waker of a task that has ended, and
    // what was ended by a trap is never woken.
    unsafe {
        let waker = Waker::from_raw(RawWaker::new(task, &WAKER));
        while let Poll::Ready(result) = Pin::new(&mut (*place).awaited).poll(&mut Context::from_waker(&waker))
        {
            let Some(promise) = (*place).next(result) else {
                (*place).host.ended();
                drop(Box::from_raw(place));
                return;
            };
            (*place).awaited = promise.into();
        }
    }
}

impl Task {
    /// What comes after the result of the promise that was awaited: the next one, or `None` at the end.
    fn next(&mut self, result: Result<JsValue, JsValue>) -> Option<Promise> {
        let Task { slot, host, test, .. } = self;
        match (test.take(), result) {
            (Some(permit), result) => {
                if !host.lives() {
                    return None;
                }
                let (outcome, failure) = match result {
                    Ok(_) => (Outcome::Success, JsValue::UNDEFINED),
                    Err(failure) => (Outcome::Failure, failure),
                };
                let (elapsed, now, random) = (host.elapsed(), host.now(), host.random());
                slots::with_cold(*slot, (), |breaker| {
                    breaker.settle(permit, outcome.into(), elapsed, now, random)
                });
                host.tell(&failure);
            }
            // It can't sleep any more.
            (None, Err(_)) => return None,
            (None, Ok(_)) => {}
        }
        if !host.lives() {
            return None;
        }
        let (now, random) = (host.now(), host.random());
        match slots::with_cold(*slot, ProbeStep::Stop, |breaker| breaker.next_of_probe(now, random)) {
            ProbeStep::Stop => None,
            ProbeStep::Wait(ms) => Some(host.sleep(ms)),
            ProbeStep::Test(permit, patience) => {
                *test = Some(permit);
                // Becoming half open is news.
                host.tell(&JsValue::UNDEFINED);
                Some(host.probe(patience))
            }
        }
    }
}
