//! What the tests share: a database that counts its reads, and a clock that stands still.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachemacro::testing::{FaultyStore, ReferenceStore};
use cachemacro::{Cache, CacheBuilder, CacheEvent, ManualClock};
use serde::{Deserialize, Serialize};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its id.
    pub id: u64,
    /// Its version.
    pub version: u64,
}

/// A row moved.
#[derive(Clone, Debug, CacheEvent)]
#[event(name = "row.updated", key = "row:<id>", version = version)]
pub struct RowUpdated {
    /// The row's id.
    pub id: u64,
    /// The version it reached.
    pub version: u64,
}

/// One row, and how often it was read.
#[derive(Debug, Default)]
pub struct Table {
    version: AtomicU64,
    reads: AtomicU64,
}

impl Table {
    /// A table whose row has this version; 0 is no row.
    #[must_use]
    pub fn at(version: u64) -> Arc<Self> {
        Arc::new(Self { version: AtomicU64::new(version), reads: AtomicU64::new(0) })
    }

    /// Reads the row.
    pub fn read(&self, id: u64) -> Option<Row> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let version = self.version.load(Ordering::SeqCst);
        (version > 0).then_some(Row { id, version })
    }

    /// Writes the row.
    pub fn write(&self, version: u64) {
        self.version.store(version, Ordering::SeqCst);
    }

    /// How often the row was read.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::SeqCst)
    }
}

/// A cache of its own for one test, on a clock that the test moves.
#[must_use]
pub fn cache() -> (Cache, ManualClock) {
    let (builder, clock) = builder();
    (builder.build(), clock)
}

/// As [`cache`], for tests that set more.
#[must_use]
pub fn builder() -> (CacheBuilder, ManualClock) {
    let clock = ManualClock::default();
    (Cache::builder().clock(clock.clone()), clock)
}

/// An empty store that behaves like one outside the process: bytes, awaits, and faults on demand.
#[must_use]
pub fn remote(clock: ManualClock) -> FaultyStore {
    let inside = Arc::new(ReferenceStore::new(Arc::new(clock.clone()), Duration::ZERO));
    FaultyStore::new(inside.shared(), clock)
}

/// The pages of the guide whose examples need `axum` or `sqlx`, which the facade does not depend on.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../../cachemacro/src/guide/testing.md")]
    mod testing {}
    #[doc = include_str!("../../cachemacro/src/guide/transactions.md")]
    mod transactions {}
}
