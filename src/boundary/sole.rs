//! A cell that only one piece of code is ever in.
//!
//! Must not know: what is in it.
//!
//! Why not `RefCell`: its mark that a borrow is under way outlives a call that never returns. JavaScript engines end a
//! call stack that is too deep with a `RangeError`, in the midst of Wasm if it so happens, and no destructor runs. The
//! mark would stay for ever, and every breaker of the process would be lost to one function that recursed too far.

use std::cell::UnsafeCell;

/// A value that is used by one function at a time.
pub(crate) struct Sole<T>(UnsafeCell<T>);

impl<T> Sole<T> {
    pub(crate) const fn new(value: T) -> Sole<T> {
        Sole(UnsafeCell::new(value))
    }

    /// Does `work` with the value. `work` must not lead back here: it may call the pure core, which has no way to
    /// JavaScript, and nothing else that could.
    #[inline(always)]
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        // SAFETY: The cell is not Sync, so there is one thread. On it, two uses at a time would take a `work` that leads back
        // here; the callers are in this folder, each a few lines, and none of them does (the documentation above forbids
        // it). A use that was cut off by a trap left no frame behind that could go on with its reference.
        work(unsafe { &mut *self.0.get() })
    }
}
