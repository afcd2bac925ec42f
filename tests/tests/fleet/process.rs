//! One process of the fleet: a repository with every kind of cached function.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use cachemacro::{Cache, cached, load_hint};
use cachemacro_tests::{Row, RowUpdated};

use crate::database::Database;

#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) cache: Cache,
    pub(crate) database: Arc<Database>,
    pub(crate) loads: Arc<AtomicU64>,
}

impl Process {
    /// Loads lag: the row is read first, and the answer takes its time.
    async fn load(&self, id: u64) -> Option<Row> {
        self.loads.fetch_add(1, Relaxed);
        let is_primary = load_hint().primary_required;
        let row = if is_primary { self.database.primary(id) } else { self.database.replica(id) };
        // Now and then so slow that records are lost and made anew meanwhile.
        let longest = match fastrand::u32(..2_000) {
            0 => 2_000_000,
            1..=100 => 60_000,
            _ => 2_000,
        };
        tokio::time::sleep(Duration::from_micros(fastrand::u64(..longest))).await;
        row
    }

    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), soft_ttl = "400ms", hard_ttl = "20s", negative_ttl = "5s", consistency = strict, cache = self.cache)]
    pub(crate) async fn strict(&self, id: u64) -> Option<Row> {
        self.load(id).await
    }

    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), hard_ttl = "20s", negative_ttl = "5s", cache = self.cache)]
    pub(crate) async fn bounded(&self, id: u64) -> Option<Row> {
        self.load(id).await
    }

    #[cached(key = "row:<id>", invalidated_by(RowUpdated { id }), hard_ttl = "20s", negative_ttl = "5s", consistency = strict, cache = self.cache)]
    pub(crate) async fn strict_opaque(&self, id: u64) -> Option<Row> {
        self.load(id).await
    }

    #[cached(key = "row:<id>", invalidated_by(RowUpdated { id }), hard_ttl = "20s", negative_ttl = "5s", cache = self.cache)]
    pub(crate) async fn bounded_opaque(&self, id: u64) -> Option<Row> {
        self.load(id).await
    }
}
