//! The table of all breakers of this instance: a slot is a number that JavaScript holds.
//!
//! Must not know: what a breaker does. One Wasm memory holds every breaker of a process (on Node 20
//! each memory reserves 10 GiB of address space), and a number costs JavaScript neither an object nor
//! a finaliser of its own. No JavaScript runs while the table is in use.

use super::sole::Sole;
use crate::core::Breaker;
use std::ptr::null_mut;

struct Slots {
    breakers: Vec<Option<Box<Breaker>>>,
    free: Vec<u32>,
}

thread_local! {
    static SLOTS: Sole<Slots> = const { Sole::new(Slots { breakers: Vec::new(), free: Vec::new() }) };
}

/// Does `work` with the table.
#[inline(always)]
fn table<T>(work: impl FnOnce(&mut Slots) -> T) -> T {
    SLOTS.with(|slots| slots.with(work))
}

/// Puts a breaker into a free slot.
pub(super) fn insert(breaker: Box<Breaker>) -> u32 {
    table(|slots| {
        if let Some(slot) = slots.free.pop()
            && let Some(free) = slots.breakers.get_mut(slot as usize)
        {
            *free = Some(breaker);
            return slot;
        }
        slots.breakers.push(Some(breaker));
        (slots.breakers.len() - 1) as u32
    })
}

/// Leaves the first slots without a breaker for ever.
pub(super) fn retire(count: u32) {
    table(|slots| slots.breakers.resize_with(count as usize, || None));
}

pub(super) fn remove(slot: u32) {
    table(|slots| {
        if let Some(held) = slots.breakers.get_mut(slot as usize)
            && held.take().is_some()
        {
            slots.free.push(slot);
        }
    });
}

/// Does `work` with the breaker in that slot, or answers `absent`.
#[inline(always)]
pub(crate) fn with<T>(slot: u32, absent: T, work: impl FnOnce(&mut Breaker) -> T) -> T {
    table(|slots| match slots.breakers.get_mut(slot as usize) {
        Some(Some(breaker)) => work(breaker),
        _ => absent,
    })
}

/// As [`with`], for all but the hot path: one copy of the way to the slot serves every caller, which keeps
/// 4 KB out of the Wasm.
#[inline(always)]
pub(crate) fn with_cold<T>(slot: u32, absent: T, work: impl FnOnce(&mut Breaker) -> T) -> T {
    // SAFETY: As in [`Sole::with`]: `work` calls the pure core and does not lead back here. A breaker stays where it is while
    // the table grows, since it has a box of its own.
    match unsafe { find(slot).as_mut() } {
        Some(breaker) => work(breaker),
        None => absent,
    }
}

#[inline(never)]
fn find(slot: u32) -> *mut Breaker {
    with(slot, null_mut(), |breaker| breaker)
}
