//! Background recovery: while the circuit is not closed, the breaker tests its dependency itself.
//!
//! Must not know: timers and events; the host brings them along. This is the one place where Rust awaits promises.
//! The task holds the slot's number, never a borrow across an await, and the host alone knows whether the
//! breaker still lives, so the task keeps nothing alive.

use super::slots;
use crate::core::{Admission, Field, Mode, Outcome, Permit, State};
use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// The shortest pause between two looks at the clock, in ms: it may lag behind the timer.
const SHORTEST_PAUSE: f64 = 1.0;

#[wasm_bindgen]
extern "C" {
    /// What JavaScript lends to the task.
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

    /// Resolves after that many ms.
    #[wasm_bindgen(method, catch)]
    fn sleep(this: &Host, ms: f64) -> Result<Promise, JsValue>;

    /// Tests the dependency: resolves when it is well, rejects when it is not or has not answered after that many ms.
    #[wasm_bindgen(method, catch)]
    fn probe(this: &Host, patience: f64) -> Result<Promise, JsValue>;

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
    spawn_local(async move {
        recover(slot, &host).await;
        host.ended();
    });
}

/// What to do next.
enum Step {
    Stop,
    Wait(f64),
    Test(Permit, f64),
}

async fn recover(slot: u32, host: &Host) {
    while host.lives() {
        let (now, random) = (host.now(), host.random());
        let step = slots::with_cold(slot, Step::Stop, |breaker| {
            if breaker.state() == State::Closed || matches!(breaker.mode(), Mode::Isolated | Mode::Disabled) {
                return Step::Stop;
            }
            match breaker.admit_probe(now, random) {
                Admission::Granted(permit) => {
                    Step::Test(permit, breaker.config().get(Field::HalfOpenTimeout).unwrap_or(f64::INFINITY))
                }
                Admission::Refused(_) => Step::Wait(
                    breaker.retry_after(now).min(breaker.test_expires_after(now)).max(SHORTEST_PAUSE),
                ),
            }
        });
        match step {
            Step::Stop => return,
            Step::Wait(ms) => {
                if pause(host, ms).await.is_err() {
                    return;
                }
            }
            Step::Test(permit, patience) => {
                // Becoming half open is news.
                host.tell(&JsValue::UNDEFINED);
                let result = test(host, patience).await;
                if !host.lives() {
                    return;
                }
                let (outcome, failure) = match result {
                    Ok(()) => (Outcome::Success, JsValue::UNDEFINED),
                    Err(failure) => (Outcome::Failure, failure),
                };
                let (settled_at, random) = (host.now(), host.random());
                slots::with_cold(slot, (), |breaker| {
                    breaker.settle(permit, outcome.into(), settled_at - now, settled_at, random)
                });
                host.tell(&failure);
            }
        }
    }
}

/// One test: well when the probe resolves.
async fn test(host: &Host, patience: f64) -> Result<(), JsValue> {
    JsFuture::from(host.probe(patience)?).await.map(|_| ())
}

async fn pause(host: &Host, ms: f64) -> Result<(), JsValue> {
    JsFuture::from(host.sleep(ms)?).await.map(|_| ())
}
