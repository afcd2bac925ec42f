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
use crate::error::StoreError;
use crate::site::Site;
use crate::sync::{Mutex, lock};

/// Before a function's first load.
const UNKNOWN: Duration = Duration::from_secs(2);

/// The leases of this process, and how long its functions load.
pub(super) struct Leases {
    server: Server,
    /// The shortest and the longest.
    terms: RangeInclusive<Duration>,
    /// Tells this process from others. What a process holds for an entry is an earlier load's when it asks again: within a
    /// process flights see to it that only one loads.
    process: u32,
    next: AtomicU32,
    held: Mutex<HashMap<String, Weak<Held>>>,
    costs: Mutex<HashMap<usize, Duration>>,
}

/// Who asks for a lease: 8 digits of the process, 8 of the load.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Owner(u64);

struct Held {
    key: String,
    owner: Owner,
    is_released: AtomicBool,
}

/// Renews a lease while a load runs, and releases it in the end. Also while it is not known whether it was given.
pub(super) struct Guard {
    held: Arc<Held>,
    home: Arc<Leases>,
    renewal: Option<AbortHandle>,
}

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

    /// The guard of a lease that is about to be asked for.
    pub(super) fn ask(self: &Arc<Self>, key: String) -> Guard {
        let load = self.next.fetch_add(1, Ordering::Relaxed);
        let owner = Owner(u64::from(self.process) << 32 | u64::from(load));
        let held = Arc::new(Held { key, owner, is_released: AtomicBool::new(false) });
        Guard { held, home: Arc::clone(self), renewal: None }
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

    /// Who of this process holds it.
    pub(super) fn owner(&self, key: &str) -> Option<Owner> {
        lock(&self.held).get(key)?.upgrade().map(|held| held.owner)
    }

    /// A script has released it.
    pub(super) fn released(&self, key: &str, owner: Owner) {
        if let Some(held) = lock(&self.held).get(key).and_then(Weak::upgrade).filter(|held| held.owner == owner) {
            held.is_released.store(true, Ordering::Relaxed);
        }
    }

    fn forget(&self, held: &Arc<Held>) {
        let mut all = lock(&self.held);
        if all.get(&held.key).is_some_and(|other| std::ptr::eq(other.as_ptr(), Arc::as_ptr(held))) {
            all.remove(&held.key);
        }
    }
}

impl Guard {
    pub(super) fn key(&self) -> &str {
        &self.held.key
    }

    pub(super) fn owner(&self) -> Owner {
        self.held.owner
    }

    /// It was given for so long: renews it from now on.
    pub(super) fn keep(mut self, term: Duration) -> Self {
        lock(&self.home.held).insert(self.held.key.clone(), Arc::downgrade(&self.held));
        self.renewal = Handle::try_current().ok().map(|runtime| {
            let (server, held) = (self.home.server.clone(), Arc::clone(&self.held));
            runtime.spawn(async move { renew(&server, &held, term).await }).abort_handle()
        });
        self
    }

    /// It is another's.
    pub(super) fn give_up(self) {
        self.held.is_released.store(true, Ordering::Relaxed);
    }
}

/// Until it is aborted, or the lease is another's.
async fn renew(server: &Server, held: &Held, term: Duration) {
    loop {
        tokio::time::sleep(term / 3).await;
        if held.is_released.load(Ordering::Relaxed) {
            return;
        }
        // A failure may pass before the lease does.
        if matches!(set(server, held, term).await, Ok(false)) {
            return;
        }
    }
}

/// Renews it for so long, or releases it. Tells whether it was still held.
async fn set(server: &Server, held: &Held, term: Duration) -> Result<bool, StoreError> {
    let mut answers = server
        .run("hold its lease", |_, how| {
            let call = LEASE.on(&held.key).arg(held.owner.to_string()).arg(millis(term));
            let mut pipeline = Pipeline::new();
            pipeline.add_command(call.command(how));
            pipeline
        })
        .await?;
    answers.next()
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(renewal) = &self.renewal {
            renewal.abort();
        }
        self.home.forget(&self.held);
        if self.held.is_released.load(Ordering::Relaxed) {
            return;
        }
        // Without a runtime it runs out by itself.
        if let Ok(runtime) = Handle::try_current() {
            let (server, held) = (self.home.server.clone(), Arc::clone(&self.held));
            runtime.spawn(async move { set(&server, &held, Duration::ZERO).await });
        }
    }
}

/// Whole milliseconds, rounded up.
pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}
