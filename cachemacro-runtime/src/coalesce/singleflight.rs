//! One load in progress for each (key, snapshot) in a process; all other callers wait for it (R10, R11).
//!
//! The holder of the [`LeaderGuard`] leads the flight. A lead that is dropped, by cancellation or panic, passes to one waiter. After an
//! error that cannot be shared, several waiters lead at once, so that n of them do not load one after the other. The first lead that
//! lands gives every waiter the result.

use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use super::load_lock::Together;
use crate::entry::{Absence, EntryKey, Made, Object};
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
    /// How often the function had been cleared.
    pub(crate) clears: u64,
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
    Value(Object, Option<u64>, Deadlines, Made),
    /// An absence.
    Absent(Absence, Deadlines, Made),
    /// The loader's error. Every waiter gets a clone.
    Error(Object),
    /// The records moved, so the load is void. Each waiter looks again.
    Void,
}

pub(crate) struct Flight {
    home: Arc<Flights>,
    key: FlightKey,
    /// The first result, and the number of its load. Ten thousand waiters may read it, so there is no lock to queue for.
    landed: OnceLock<(Landing, u64)>,
    /// Loads begun so far: that of the first leader, and those of waiters that took over the lead.
    begun: AtomicU64,
    crew: Mutex<Crew>,
    together: Together,
    changed: Notify,
}

/// Who loads. While there are fewer leaders than there may be, the next caller that comes or wakes leads.
struct Crew {
    leaders: u32,
    most: u32,
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
        crew: Mutex::new(Crew { leaders: 0, most: 1 }),
        together: Together::default(),
        changed: Notify::new(),
    });
    match flight.try_lead() {
        Some(Waited::Leads(lead)) => Role::Leader(lead),
        _ => Role::Waiter(Waiter { begun: flight.begun.load(Ordering::SeqCst), flight }),
    }
}

impl Flight {
    /// The result, or the lead if the flight has a place for a leader.
    fn try_lead(self: &Arc<Self>) -> Option<Waited> {
        if let Some((landing, _)) = self.landed.get() {
            return Some(Waited::Landed(landing.clone()));
        }
        let mut crew = lock(&self.crew);
        // Its leader may have landed since.
        if let Some((landing, _)) = self.landed.get() {
            return Some(Waited::Landed(landing.clone()));
        }
        let leads = crew.leaders < crew.most;
        crew.leaders += u32::from(leads);
        drop(crew);
        leads.then(|| Waited::Leads(LeaderGuard { flight: Arc::clone(self), number: AtomicU64::new(0) }))
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
    /// That of its load, from 1.
    number: AtomicU64,
}

impl LeaderGuard {
    /// The load begins.
    pub(crate) fn begin(&self) {
        self.number.store(self.flight.begun.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
    }

    /// Gives every waiter the result. Callers that come later begin a new flight.
    pub(crate) fn land(self, landing: Landing) {
        self.flight.home.detach(&self.flight.key, &self.flight);
        // Of several leaders the first one gives the result. A landed flight gets no new leader.
        let _ = self.flight.landed.set((landing, self.number.load(Ordering::SeqCst)));
        self.flight.changed.notify_waiters();
    }

    /// The load has failed, with an error for this leader alone. From now on so many waiters load at once.
    pub(crate) fn fail(self, most: u32) {
        lock(&self.flight.crew).most = most.max(1);
    }

    /// How often the function had been cleared before the flight began.
    pub(crate) fn clears(&self) -> u64 {
        self.flight.key.clears
    }

    /// The lock of the leaders, for loads without a snapshot of the store.
    pub(crate) fn together(&self) -> &Together {
        &self.flight.together
    }

    /// Whether other leaders may load at the same time, as an earlier load has failed.
    pub(crate) fn is_one_of_many(&self) -> bool {
        lock(&self.flight.crew).most > 1
    }
}

impl Drop for LeaderGuard {
    fn drop(&mut self) {
        let free = {
            let mut crew = lock(&self.flight.crew);
            crew.leaders -= 1;
            crew.most - crew.leaders
        };
        if self.flight.landed.get().is_none() {
            (0..free).for_each(|_| self.flight.changed.notify_one());
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
        self.flight.landed.get().is_some_and(|(_, number)| *number > self.begun)
    }
}
