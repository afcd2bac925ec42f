//! Leases: of all processes only one loads a missing entry. They only save work; correctness comes from the fenced fill
//! (R12).

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use cachemacro_runtime::store::StoreError;
use parking_lot::Mutex;
use redis::Pipeline;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::scripts::{LEASE, Server, millis};

/// The length of a lease before the function's first load.
const UNKNOWN: Duration = Duration::from_secs(2);

/// The leases of this process, and the load times of its functions.
pub(crate) struct Leases {
    server: Server,
    /// The shortest and the longest lease.
    terms: RangeInclusive<Duration>,
    /// A number that identifies this process. All callers of this process that now load an entry, or wait for its load,
    /// ask under one load number. So a lease of this process under another load number is from an earlier load, which
    /// has ended.
    process: u32,
    next: AtomicU32,
    held: Mutex<HashMap<String, Weak<Held>>>,
    costs: Mutex<HashMap<&'static str, Duration>>,
}

/// The owner of a lease: 8 digits for the process, 8 for the load.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Owner(u64);

/// The part of a lease that its renewal needs.
struct Lease {
    key: String,
    owner: Owner,
    /// Also true when another process has the lease: then this process does not release it.
    is_released: AtomicBool,
}

/// The state that all guards of one lease share. The last guard releases the lease.
struct Held {
    lease: Arc<Lease>,
    home: Arc<Leases>,
    renewal: Mutex<Option<AbortHandle>>,
}

/// A lease that a script is about to release. If this is dropped before the result is known, the last guard releases
/// it.
pub(crate) struct Release {
    lease: Arc<Lease>,
    is_done: bool,
}

impl Release {
    pub(crate) fn owner(&self) -> Owner {
        self.lease.owner
    }

    /// The script has released it.
    pub(crate) fn done(mut self) {
        self.is_done = true;
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        if !self.is_done {
            self.lease.is_released.store(false, Ordering::Relaxed);
        }
    }
}

/// Renews a lease while a load runs, and releases it at the end, also if it is unknown whether the server granted it.
/// The waiters of the load have guards too, so a waiter that gives up does not end the lease for the others (G4).
#[derive(Clone)]
pub(crate) struct Guard(Arc<Held>);

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Leases {
    pub(crate) fn new(server: Server, terms: RangeInclusive<Duration>) -> Self {
        Self {
            server,
            terms,
            process: fastrand::u32(..),
            next: AtomicU32::new(0),
            held: Mutex::default(),
            costs: Mutex::default(),
        }
    }

    /// The guard for a lease that the caller asks for next: that of this process, or a new one.
    pub(crate) fn ask(self: &Arc<Self>, key: String) -> Guard {
        let mut all = self.held.lock();
        let known = all.get(&key).and_then(Weak::upgrade);
        match &known {
            Some(held) if !held.lease.is_released.load(Ordering::Relaxed) => return Guard(Arc::clone(held)),
            _ => {}
        }
        let load = self.next.fetch_add(1, Ordering::Relaxed);
        let owner = Owner(u64::from(self.process) << 32 | u64::from(load));
        let lease = Arc::new(Lease { key: key.clone(), owner, is_released: AtomicBool::new(false) });
        let held = Arc::new(Held { lease, home: Arc::clone(self), renewal: Mutex::default() });
        all.insert(key, Arc::downgrade(&held));
        // Dropped after the lock: this may be the last reference, and its drop takes the lock.
        drop(all);
        drop(known);
        Guard(held)
    }

    /// The longest time that a lease lasts without a renewal.
    pub(crate) fn longest(&self) -> Duration {
        *self.terms.end()
    }

    /// The length of a lease for this function: four times its mean load time, within the configured range.
    pub(crate) fn term(&self, function: &'static str) -> Duration {
        let cost = self.costs.lock().get(function).copied();
        cost.map_or(UNKNOWN, |cost| cost.saturating_mul(4)).clamp(*self.terms.start(), *self.terms.end())
    }

    /// Adds a load time to the moving mean, with a weight of a quarter.
    pub(crate) fn loaded(&self, function: &'static str, took: Duration) {
        let mut costs = self.costs.lock();
        let mean = costs.entry(function).or_insert(took);
        *mean = (mean.saturating_mul(3).saturating_add(took)) / 4;
    }

    /// The lease that a script is about to release; `None` if another caller of this process needs it. Callers that
    /// come from now on ask under a new load number.
    pub(crate) fn release(&self, key: &str) -> Option<Release> {
        let all = self.held.lock();
        let held = all.get(key).and_then(Weak::upgrade)?;
        // One reference is the caller's guard, one is `held`.
        let is_shared = Arc::strong_count(&held) > 2;
        let is_ours = !is_shared && !held.lease.is_released.swap(true, Ordering::Relaxed);
        // Unlocks first: `held` may be the last reference by now.
        drop(all);
        is_ours.then(|| Release { lease: Arc::clone(&held.lease), is_done: false })
    }

    fn forget(&self, held: &Held) {
        let mut all = self.held.lock();
        if all.get(&held.lease.key).is_some_and(|other| std::ptr::eq(other.as_ptr(), held)) {
            all.remove(&held.lease.key);
        }
    }
}

impl Guard {
    pub(crate) fn key(&self) -> &str {
        &self.0.lease.key
    }

    pub(crate) fn owner(&self) -> Owner {
        self.0.lease.owner
    }

    /// The server granted the lease for this time: renews it from now on.
    pub(crate) fn keep(self, term: Duration) -> Self {
        // Another caller with this guard may have heard before that another process has the lease.
        self.0.lease.is_released.store(false, Ordering::Relaxed);
        let mut renewal = self.0.renewal.lock();
        // A renewal ends with its runtime.
        if renewal.as_ref().is_none_or(AbortHandle::is_finished) {
            *renewal = Handle::try_current().ok().map(|runtime| {
                let (server, lease) = (self.0.home.server.clone(), Arc::clone(&self.0.lease));
                runtime.spawn(async move { renew(&server, &lease, term).await }).abort_handle()
            });
        }
        drop(renewal);
        self
    }

    /// Another process has the lease.
    pub(crate) fn give_up(self) {
        self.0.lease.is_released.store(true, Ordering::Relaxed);
    }
}

/// Renews until it is aborted, or another process has the lease.
async fn renew(server: &Server, lease: &Lease, term: Duration) {
    loop {
        tokio::time::sleep(term / 3).await;
        if lease.is_released.load(Ordering::Relaxed) {
            return;
        }
        // After a failure it tries again: the server may answer before the lease ends.
        if matches!(set(server, lease, term).await, Ok(false)) {
            return;
        }
    }
}

/// Renews the lease for this time; zero releases it. Returns whether it was still held.
async fn set(server: &Server, lease: &Lease, term: Duration) -> Result<bool, StoreError> {
    let mut answers = server
        .run("hold its lease", |_, how| {
            let call = LEASE.on(&lease.key).arg(lease.owner.to_string()).arg(millis(term));
            let mut pipeline = Pipeline::new();
            pipeline.add_command(call.command(how));
            pipeline
        })
        .await?;
    answers.next()
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(renewal) = self.renewal.lock().take() {
            renewal.abort();
        }
        self.home.forget(self);
        if self.lease.is_released.load(Ordering::Relaxed) {
            return;
        }
        // Without a runtime the lease expires by itself.
        if let Ok(runtime) = Handle::try_current() {
            let (server, lease) = (self.home.server.clone(), Arc::clone(&self.lease));
            runtime.spawn(async move { set(&server, &lease, Duration::ZERO).await });
        }
    }
}
