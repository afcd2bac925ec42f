//! One load in progress for each (key, token) in a process; everyone else waits for it (R10, R11).
//!
//! A flight is led by the holder of its [`Lead`]. Dropping the lead, by cancellation, panic or an error that cannot be
//! shared, passes leadership to one waiter; landing it gives every waiter the result.

use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use crate::entry::{Absence, EntryKey, Object};
use crate::policy::Deadlines;
use crate::protocol::Snapshot;
use crate::util::sync::atomic::{AtomicU64, Ordering};
use crate::util::sync::{Arc, Mutex, Notify, lock};
use crate::util::weak_map::WeakMap;

/// A load is only shared between callers that saw the same records: one that began before an acknowledged event is no
/// answer to a caller that came after it (R10).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FlightKey {
    pub(crate) key: Arc<EntryKey>,
    pub(crate) snapshots: Arc<[Snapshot]>,
}

/// Of the key alone, which brings its hash along: at a time there are few flights of one key.
impl Hash for FlightKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

/// What a flight brought.
#[derive(Clone)]
pub(crate) enum Landing {
    /// A value, and the version it was stored under where it was.
    Value(Object, Option<u64>, Deadlines),
    /// An absence.
    Absent(Absence, Deadlines),
    /// The loader's error, which every waiter gets a clone of.
    Error(Object),
    /// Nothing: the records moved in a way that makes the load void. Look again.
    Void,
}

pub(crate) struct Flight {
    home: Arc<Flights>,
    key: FlightKey,
    /// Set once, and read by ten thousand waiters who should not queue for it.
    landed: OnceLock<Landing>,
    /// Loads begun so far: the first, and those of the waiters it was handed to.
    begun: AtomicU64,
    /// Where not, the next to come or to wake leads.
    is_led: Mutex<bool>,
    changed: Notify,
}

pub(crate) type Flights = WeakMap<FlightKey, Flight>;

/// A caller's place on a flight.
pub(crate) enum Seat {
    Lead(Lead),
    Wait(Waiter),
}

/// What waiting came to.
pub(crate) enum Waited {
    Landed(Landing),
    /// The leader is gone without a result, and this waiter leads now.
    Leads(Lead),
}

/// Joins the flight of this key, or begins it.
pub(crate) fn join(flights: &Arc<Flights>, key: FlightKey) -> Seat {
    let flight = flights.get_or_insert(&key, || Flight {
        home: Arc::clone(flights),
        key: key.clone(),
        landed: OnceLock::new(),
        begun: AtomicU64::new(0),
        is_led: Mutex::new(false),
        changed: Notify::new(),
    });
    match flight.try_lead() {
        Some(Waited::Leads(lead)) => Seat::Lead(lead),
        _ => Seat::Wait(Waiter { begun: flight.begun.load(Ordering::SeqCst), flight }),
    }
}

impl Flight {
    /// The result, or the lead if nobody has it; `None` while it is led.
    fn try_lead(self: &Arc<Self>) -> Option<Waited> {
        if let Some(landing) = self.landed.get() {
            return Some(Waited::Landed(landing.clone()));
        }
        let was_led = std::mem::replace(&mut *lock(&self.is_led), true);
        (!was_led).then(|| Waited::Leads(Lead { flight: Arc::clone(self), landed: false }))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.home.forget(&self.key);
    }
}

/// The right and the duty to load.
pub(crate) struct Lead {
    flight: Arc<Flight>,
    landed: bool,
}

impl Lead {
    /// The load begins.
    pub(crate) fn begin(&self) {
        self.flight.begun.fetch_add(1, Ordering::SeqCst);
    }

    /// Gives every waiter the result. Whoever comes later begins anew.
    pub(crate) fn land(mut self, landing: Landing) {
        self.landed = true;
        self.flight.home.detach(&self.flight.key, &self.flight);
        // Whoever leads has not landed, so nothing was there. It stays led: nobody leads a flight that has landed.
        let _ = self.flight.landed.set(landing);
        self.flight.changed.notify_waiters();
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if !self.landed {
            *lock(&self.flight.is_led) = false;
            self.flight.changed.notify_one();
        }
    }
}

/// A caller that waits for another's load.
pub(crate) struct Waiter {
    flight: Arc<Flight>,
    /// Loads that had begun when the caller came.
    begun: u64,
}

impl Waiter {
    /// Waits until the flight lands or its lead falls to this waiter.
    pub(crate) async fn wait(&self) -> Waited {
        loop {
            let mut changed = std::pin::pin!(self.flight.changed.notified());
            // Registered before the state is read, so that no change falls between.
            changed.as_mut().enable();
            if let Some(waited) = self.flight.try_lead() {
                return waited;
            }
            changed.await;
        }
    }

    /// Whether the load that brought the result began after the caller came.
    pub(crate) fn came_first(&self) -> bool {
        self.flight.begun.load(Ordering::SeqCst) > self.begun
    }
}
