//! Frees entries past their hard deadline, or idle for too long, on one thread of the process.
//!
//! It is a thread and no task, because a task needs a runtime that has a timer, ends with its runtime, and is not polled between
//! two calls of `block_on`. Values are dropped in the context of the runtime in which the cache was filled.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;

/// The pause between two steps.
const PAUSE: Duration = Duration::from_secs(1);
/// A cache is swept once in so many steps.
pub(super) const STEPS: usize = 8;

/// What has entries that expire.
pub(super) trait Sweep: Send + Sync {
    /// Frees the expired entries of one of `parts` parts.
    fn sweep_part(&self, part: usize, parts: usize);

    /// Whether there are entries left. If not, it is not swept any more until it says so again.
    fn goes_on(&self) -> bool;
}

pub(super) struct Swept {
    tier: Weak<dyn Sweep>,
    runtime: Handle,
    /// The part of the tier that comes next.
    next: usize,
}

/// The tiers that have entries; `None` while there is no thread.
static SWEPT: Mutex<Option<Vec<Swept>>> = Mutex::new(None);

/// Sweeps this tier until it is empty or dropped.
///
/// # Errors
/// When the thread cannot be started.
pub(super) fn begin(tier: Weak<dyn Sweep>, runtime: Handle) -> io::Result<()> {
    let mut swept = SWEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if swept.is_none() {
        thread::Builder::new().name("cachemacro-sweep".to_owned()).spawn(run)?;
    }
    swept.get_or_insert_default().push(Swept::new(tier, runtime));
    Ok(())
}

fn run() {
    loop {
        thread::sleep(PAUSE);
        // The lock is not held while values are dropped.
        let mut tiers = match &mut *SWEPT.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(tiers) => std::mem::take(tiers),
            None => return,
        };
        // A panic is that of a value's `Drop`.
        tiers.retain_mut(|swept| catch_unwind(AssertUnwindSafe(|| swept.step())).unwrap_or(true));
        let mut swept = SWEPT.lock().unwrap_or_else(PoisonError::into_inner);
        let all = swept.get_or_insert_default();
        all.append(&mut tiers);
        if all.is_empty() {
            *swept = None;
            return;
        }
    }
}

impl Swept {
    pub(super) fn new(tier: Weak<dyn Sweep>, runtime: Handle) -> Self {
        Self { tier, runtime, next: 0 }
    }

    /// One step. Returns whether there are more.
    pub(super) fn step(&mut self) -> bool {
        let _entered = self.runtime.enter();
        // It may become the last reference, whose end drops all values.
        let Some(tier) = self.tier.upgrade() else { return false };
        tier.sweep_part(self.next, STEPS);
        self.next = (self.next + 1) % STEPS;
        tier.goes_on()
    }
}
