//! Of one key, loads with a store's snapshot and loads without one never run at once (G4).
//!
//! Flights tell loads apart by their snapshots, and without its store a call has none to compare. So whoever loads under a
//! snapshot of the store shares the key's lock with others who do, and whoever loads without has it alone. A caller that waited
//! for the lock takes nothing of the load it waited for: that load may be older than what the caller must see (R10).

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::entry::EntryKey;
use crate::util::sync::Arc as SyncArc;
use crate::util::weak_map::WeakMap;

pub(crate) struct LoadLock {
    home: SyncArc<LoadLocks>,
    key: Arc<EntryKey>,
    lock: Arc<RwLock<()>>,
}

pub(crate) type LoadLocks = WeakMap<Arc<EntryKey>, LoadLock>;

/// Held while a load runs. The guard before the lock: it is let go first.
pub(crate) struct LoadGuard {
    _guard: Guard,
    _lock: SyncArc<LoadLock>,
}

enum Guard {
    Shared { _guard: OwnedRwLockReadGuard<()> },
    Alone { _guard: OwnedRwLockWriteGuard<()> },
}

fn of(locks: &SyncArc<LoadLocks>, key: &Arc<EntryKey>) -> SyncArc<LoadLock> {
    locks.get_or_insert(key, || LoadLock { home: SyncArc::clone(locks), key: Arc::clone(key), lock: Arc::default() })
}

/// For a load under a snapshot of the store.
pub(crate) async fn shared(locks: &SyncArc<LoadLocks>, key: &Arc<EntryKey>) -> LoadGuard {
    let lock = of(locks, key);
    let guard = Arc::clone(&lock.lock).read_owned().await;
    LoadGuard { _guard: Guard::Shared { _guard: guard }, _lock: lock }
}

/// The same where it needs no waiting.
pub(crate) fn try_shared(locks: &SyncArc<LoadLocks>, key: &Arc<EntryKey>) -> Option<LoadGuard> {
    let lock = of(locks, key);
    let guard = Arc::clone(&lock.lock).try_read_owned().ok()?;
    Some(LoadGuard { _guard: Guard::Shared { _guard: guard }, _lock: lock })
}

/// For a load without one.
pub(crate) async fn alone(locks: &SyncArc<LoadLocks>, key: &Arc<EntryKey>) -> LoadGuard {
    let lock = of(locks, key);
    let guard = Arc::clone(&lock.lock).write_owned().await;
    LoadGuard { _guard: Guard::Alone { _guard: guard }, _lock: lock }
}

impl Drop for LoadLock {
    fn drop(&mut self) {
        self.home.forget(&self.key);
    }
}
