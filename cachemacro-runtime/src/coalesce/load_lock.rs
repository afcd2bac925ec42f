//! Loads of one key with a snapshot of the store and loads without one never run at once (G4).
//!
//! Flights tell loads apart by their snapshots, and a call without its store has no snapshot to compare. So each key
//! has a read-write lock: loads under a snapshot of the store share it, a load without one holds it exclusively. A
//! caller that waited for the lock does not use the result of the load it waited for: it may be older than what the
//! caller must see (R10).

use std::sync::{Arc, Weak};

use tokio::sync::{Mutex, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::entry::EntryKey;
use crate::util::sync::Arc as SyncArc;
use crate::util::weak_map::WeakMap;

pub(crate) struct LoadLock {
    home: SyncArc<LoadLocks>,
    key: Arc<EntryKey>,
    lock: Arc<RwLock<()>>,
}

pub(crate) type LoadLocks = WeakMap<Arc<EntryKey>, LoadLock>;

/// Held while a load runs. The guard is the first field, so that it is dropped before the lock.
pub(crate) struct LoadGuard {
    _guard: Guard,
    _lock: SyncArc<LoadLock>,
}

enum Guard {
    Shared { _guard: OwnedRwLockReadGuard<()> },
    Alone { _guard: Arc<OwnedRwLockWriteGuard<()>> },
}

/// The lock that the leaders of one flight hold together, while there are several.
#[derive(Default)]
pub(crate) struct Together(Mutex<Weak<OwnedRwLockWriteGuard<()>>>);

fn of(locks: &SyncArc<LoadLocks>, key: &Arc<EntryKey>) -> SyncArc<LoadLock> {
    locks.get_or_insert(key, || LoadLock { home: SyncArc::clone(locks), key: Arc::clone(key), lock: Arc::default() })
}

/// For a load under a snapshot of the store.
pub(crate) async fn shared(locks: &SyncArc<LoadLocks>, key: &Arc<EntryKey>) -> LoadGuard {
    let lock = of(locks, key);
    let guard = Arc::clone(&lock.lock).read_owned().await;
    LoadGuard { _guard: Guard::Shared { _guard: guard }, _lock: lock }
}

/// As [`shared`], but `None` instead of waiting.
pub(crate) fn try_shared(locks: &SyncArc<LoadLocks>, key: &Arc<EntryKey>) -> Option<LoadGuard> {
    let lock = of(locks, key);
    let guard = Arc::clone(&lock.lock).try_read_owned().ok()?;
    Some(LoadGuard { _guard: Guard::Shared { _guard: guard }, _lock: lock })
}

/// For a load without a snapshot of the store. Other leaders of the same flight may load at the same time.
pub(crate) async fn alone(locks: &SyncArc<LoadLocks>, key: &Arc<EntryKey>, together: &Together) -> LoadGuard {
    let lock = of(locks, key);
    let mut held = together.0.lock().await;
    let guard = match held.upgrade() {
        Some(guard) => guard,
        None => {
            let guard = Arc::new(Arc::clone(&lock.lock).write_owned().await);
            *held = Arc::downgrade(&guard);
            guard
        }
    };
    LoadGuard { _guard: Guard::Alone { _guard: guard }, _lock: lock }
}

impl Drop for LoadLock {
    fn drop(&mut self) {
        self.home.forget(&self.key);
    }
}
