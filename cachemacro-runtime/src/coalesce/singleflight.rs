//! One load in progress for each (key, snapshot) in a process; all other callers wait for it (R10, R11).
//!
//! The holder of the [`LeaderGuard`] leads the flight. A lead that is dropped, by cancellation, panic or an error that cannot
//! be shared, passes to one waiter. A lead that lands gives every waiter the result.

use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use crate::entry::{Absence, EntryKey, Object};
use crate::policy::Deadlines;
use crate::protocol::Snapshot;
use crate::util::few::Few;
use crate::util::sync::atomic::{AtomicU64, Ordering};
use crate::util::sync::{Arc, Mutex, Notify, lock};
use crate::util::weak_map::WeakMap;

/// A load is shared only between callers that saw the same records. A load that began before an acknowledged event is
/// not shared with a caller that came after the event (R10).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FlightKey {
    pub(crate) key: Arc<EntryKey>,
    pub(crate) snapshots: Few<Snapshot>,
}

/// Hashes the key only, which contains its hash: one key has few flights at a time.
impl Hash for FlightKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

/// The result of a flight.
#[derive(Clone)]
pub(crate) enum Landing {
    /// A value, and its version if it was stored.
    Value(Object, Option<u64>, Deadlines),
    /// An absence.
    Absent(Absence, Deadlines),
    /// The loader's error. Every waiter gets a clone.
    Error(Object),
    /// The records moved, so the load is void. Each waiter looks again.
    Void,
}

pub(crate) struct Flight {
    home: Arc<Flights>,
    key: FlightKey,
    /// Set once. Ten thousand waiters may read it, so there is no lock to queue for.
    landed: OnceLock<Landing>,
    /// Loads begun so far: that of the first leader, and those of waiters that took over the lead.
    begun: AtomicU64,
    /// If not, the next caller that comes or wakes leads.
    is_led: Mutex<bool>,
    changed: Notify,
}

pub(crate) type Flights = WeakMap<FlightKey, Flight>;

/// The role of a caller in a flight: leader or waiter.
pub(crate) enum Role {
    Leader(LeaderGuard),
    Waiter(Waiter),
}

/// How waiting ended.
pub(crate) enum Waited {
    Landed(Landing),
    /// The leader dropped its lead without a result, and this waiter leads now.
    Leads(LeaderGuard),
}

/// Joins the flight of this key, or begins one.
pub(crate) fn join(flights: &Arc<Flights>, key: FlightKey) -> Role {
    let flight = flights.get_or_insert(&key, || Flight {
        home: Arc::clone(flights),
        key: key.clone(),
        landed: OnceLock::new(),
        begun: AtomicU64::new(0),
        is_led: Mutex::new(false),
        changed: Notify::new(),
    });
    match flight.try_lead() {
        Some(Waited::Leads(lead)) => Role::Leader(lead),
        _ => Role::Waiter(Waiter { begun: flight.begun.load(Ordering::SeqCst), flight }),
    }
}

impl Flight {
    /// The result, or the lead if the flight has no leader; `None` while it has one.
    fn try_lead(self: &Arc<Self>) -> Option<Waited> {
        if let Some(landing) = self.landed.get() {
            return Some(Waited::Landed(landing.clone()));
        }
        let was_led = std::mem::replace(&mut *lock(&self.is_led), true);
        (!was_led).then(|| Waited::Leads(LeaderGuard { flight: Arc::clone(self), landed: false }))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.home.forget(&self.key);
    }
}

/// The right and the duty to load.
pub(crate) struct LeaderGuard {
    flight: Arc<Flight>,
    landed: bool,
}

impl LeaderGuard {
    /// The load begins.
    pub(crate) fn begin(&self) {
        self.flight.begun.fetch_add(1, Ordering::SeqCst);
    }

    /// Gives every waiter the result. Callers that come later begin a new flight.
    pub(crate) fn land(mut self, landing: Landing) {
        self.landed = true;
        self.flight.home.detach(&self.flight.key, &self.flight);
        // Only this leader can land, so the cell was empty. `is_led` stays true: a landed flight gets no new leader.
        let _ = self.flight.landed.set(landing);
        self.flight.changed.notify_waiters();
    }
}

impl Drop for LeaderGuard {
    fn drop(&mut self) {
        if !self.landed {
            *lock(&self.flight.is_led) = false;
            self.flight.changed.notify_one();
        }
    }
}

/// A caller that waits for the load of another caller.
pub(crate) struct Waiter {
    flight: Arc<Flight>,
    /// Loads that had begun when the caller came.
    begun: u64,
}

impl Waiter {
    /// Waits until the flight lands or its lead passes to this waiter.
    pub(crate) async fn wait(&self) -> Waited {
        loop {
            let mut changed = std::pin::pin!(self.flight.changed.notified());
            // Registered before the state is read, so that no change is missed.
            changed.as_mut().enable();
            if let Some(waited) = self.flight.try_lead() {
                return waited;
            }
            changed.await;
        }
    }

    /// The key that all of them ask for.
    pub(crate) fn key(&self) -> &Arc<EntryKey> {
        &self.flight.key.key
    }

    /// Those of the records that all of them saw.
    pub(crate) fn snapshots(&self) -> &Few<Snapshot> {
        &self.flight.key.snapshots
    }

    /// Whether the load with the result began after the caller came.
    pub(crate) fn came_first(&self) -> bool {
        self.flight.begun.load(Ordering::SeqCst) > self.begun
    }
}
