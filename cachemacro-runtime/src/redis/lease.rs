//! Leases: of all processes one loads what none has. They save work and prove nothing; the fenced fill does (R12).

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::Pipeline;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::script::LEASE;
use super::server::Server;
use crate::callsite::Site;
use crate::error::StoreError;
use crate::util::sync::{Mutex, lock};

/// Before a function's first load.
const UNKNOWN: Duration = Duration::from_secs(2);

/// The leases of this process, and how long its functions load.
pub(super) struct Leases {
    server: Server,
    /// The shortest and the longest.
    terms: RangeInclusive<Duration>,
    /// Tells this process from others. What a process holds for an entry under another number is an earlier load's, which is
    /// over: all who load it now, or wait in this process for who does, ask under one number.
    process: u32,
    next: AtomicU32,
    held: Mutex<HashMap<String, Weak<Held>>>,
    costs: Mutex<HashMap<usize, Duration>>,
}

/// Who asks for a lease: 8 digits of the process, 8 of the load.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Owner(u64);

/// A lease as its renewal knows it.
struct Lease {
    key: String,
    owner: Owner,
    /// Also true when the lease is another process's: this one does not release it then.
    is_released: AtomicBool,
}

/// What all guards of one lease share: the last releases it.
struct Held {
    lease: Arc<Lease>,
    home: Arc<Leases>,
    renewal: Mutex<Option<AbortHandle>>,
}

/// A lease that a script is about to release. Dropped before that is known, it leaves the release to the last guard.
pub(super) struct Release {
    lease: Arc<Lease>,
    is_done: bool,
}

impl Release {
    pub(super) fn owner(&self) -> Owner {
        self.lease.owner
    }

    /// The script has released it.
    pub(super) fn done(mut self) {
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

/// Renews a lease while a load runs, and releases it in the end. Also while it is not known whether it was given. Who waits for
/// that load has one too: a waiter that gives up takes nothing from the others.
#[derive(Clone)]
pub(super) struct Guard(Arc<Held>);

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Leases {
    pub(super) fn new(server: Server, terms: RangeInclusive<Duration>) -> Self {
        Self {
            server,
            terms,
            process: fastrand::u32(..),
            next: AtomicU32::new(0),
            held: Mutex::default(),
            costs: Mutex::default(),
        }
    }

    /// The guard of a lease that is about to be asked for: the one that this process has, or a new one.
    pub(super) fn ask(self: &Arc<Self>, key: String) -> Guard {
        let mut all = lock(&self.held);
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
        // Its last reference perhaps, which takes the lock.
        drop(all);
        drop(known);
        Guard(held)
    }

    /// The longest that a lease lasts that is not renewed.
    pub(super) fn longest(&self) -> Duration {
        *self.terms.end()
    }

    /// How long a load of this function may take before others give up on it: four times as long as its loads do.
    pub(super) fn term(&self, site: &Site) -> Duration {
        let cost = lock(&self.costs).get(&site.identity()).copied();
        cost.map_or(UNKNOWN, |cost| cost.saturating_mul(4)).clamp(*self.terms.start(), *self.terms.end())
    }

    /// The mean moves towards this load by a quarter.
    pub(super) fn loaded(&self, site: &Site, took: Duration) {
        let mut costs = lock(&self.costs);
        let mean = costs.entry(site.identity()).or_insert(took);
        *mean = (mean.saturating_mul(3).saturating_add(took)) / 4;
    }

    /// A lease that a script is about to release; nothing where another caller of this process relies on it. A caller that
    /// comes from now on asks for one under another number.
    pub(super) fn release(&self, key: &str) -> Option<Release> {
        let all = lock(&self.held);
        let held = all.get(key).and_then(Weak::upgrade)?;
        // One reference is the asker's guard, one is this.
        let is_shared = Arc::strong_count(&held) > 2;
        let is_ours = !is_shared && !held.lease.is_released.swap(true, Ordering::Relaxed);
        // Outside of the lock: this may be the last reference by now.
        drop(all);
        is_ours.then(|| Release { lease: Arc::clone(&held.lease), is_done: false })
    }

    fn forget(&self, held: &Held) {
        let mut all = lock(&self.held);
        if all.get(&held.lease.key).is_some_and(|other| std::ptr::eq(other.as_ptr(), held)) {
            all.remove(&held.lease.key);
        }
    }
}

impl Guard {
    pub(super) fn key(&self) -> &str {
        &self.0.lease.key
    }

    pub(super) fn owner(&self) -> Owner {
        self.0.lease.owner
    }

    /// It was given for so long: renews it from now on.
    pub(super) fn keep(self, term: Duration) -> Self {
        // Who shared it may have been told before that it is another's.
        self.0.lease.is_released.store(false, Ordering::Relaxed);
        let mut renewal = lock(&self.0.renewal);
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

    /// It is another's.
    pub(super) fn give_up(self) {
        self.0.lease.is_released.store(true, Ordering::Relaxed);
    }
}

/// Until it is aborted, or the lease is another's.
async fn renew(server: &Server, lease: &Lease, term: Duration) {
    loop {
        tokio::time::sleep(term / 3).await;
        if lease.is_released.load(Ordering::Relaxed) {
            return;
        }
        // A failure may pass before the lease does.
        if matches!(set(server, lease, term).await, Ok(false)) {
            return;
        }
    }
}

/// Renews it for so long, or releases it. Tells whether it was still held.
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
        if let Some(renewal) = lock(&self.renewal).take() {
            renewal.abort();
        }
        self.home.forget(self);
        if self.lease.is_released.load(Ordering::Relaxed) {
            return;
        }
        // Without a runtime it runs out by itself.
        if let Ok(runtime) = Handle::try_current() {
            let (server, lease) = (self.home.server.clone(), Arc::clone(&self.lease));
            runtime.spawn(async move { set(&server, &lease, Duration::ZERO).await });
        }
    }
}

/// Whole milliseconds, rounded up.
pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
