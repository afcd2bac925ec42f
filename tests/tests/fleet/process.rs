//! One process of the fleet: a repository with every kind of cached function.

use std::sync::Arc;
use std::time::Duration;

use cachemacro::{Cache, CacheError, CacheEvent, cached, load_hint};
use cachemacro_tests::RowUpdated;

use crate::database::{Database, Kind, Row, Written};
use crate::history::What;

#[derive(Clone, CacheEvent)]
#[event(name = "row.restored", key = "row:<id>", version = version, restores = of)]
struct RowRestored {
    id: u64,
    version: u64,
    of: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "reused.updated", key = "reused:<id>", version = version)]
struct ReusedUpdated {
    id: u64,
    version: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "reused.restored", key = "reused:<id>", version = version, restores = of)]
struct ReusedRestored {
    id: u64,
    version: u64,
    of: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "reused.rolled-back", key = "reused:<id>", rollback_to = to)]
struct ReusedRolledBack {
    id: u64,
    to: u64,
}

#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) cache: Cache,
    pub(crate) database: Arc<Database>,
}

impl Process {
    /// Loads lag: the row is read first, and the answer takes its time.
    async fn load(&self, kind: Kind, id: u64) -> Option<Row> {
        let row = self.database.read(kind, id, load_hint().primary_required);
        // Now and then so slow that records are lost and made anew meanwhile, or numbers used again.
        let slow = if kind == Kind::Reused { 1_000 } else { 100 };
        let longest = match fastrand::u32(..2_000) {
            0 => 2_000_000,
            step if step <= slow => 60_000,
            _ => 2_000,
        };
        tokio::time::sleep(Duration::from_micros(fastrand::u64(..longest))).await;
        row
    }

    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }, RowRestored { id }), soft_ttl = "400ms", hard_ttl = "20s", negative_ttl = "5s", consistency = strict, cache = self.cache)]
    async fn strict(&self, id: u64) -> Option<Row> {
        self.load(Kind::Rising, id).await
    }

    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }, RowRestored { id }), hard_ttl = "20s", negative_ttl = "5s", cache = self.cache)]
    async fn bounded(&self, id: u64) -> Option<Row> {
        self.load(Kind::Rising, id).await
    }

    #[cached(key = "row:<id>", invalidated_by(RowUpdated { id }, RowRestored { id }), hard_ttl = "20s", negative_ttl = "5s", consistency = strict, cache = self.cache)]
    async fn strict_opaque(&self, id: u64) -> Option<Row> {
        self.load(Kind::Rising, id).await
    }

    #[cached(key = "row:<id>", invalidated_by(RowUpdated { id }, RowRestored { id }), hard_ttl = "20s", negative_ttl = "5s", cache = self.cache)]
    async fn bounded_opaque(&self, id: u64) -> Option<Row> {
        self.load(Kind::Rising, id).await
    }

    #[cached(key = "reused:<id>", version_from = |row| row.version, invalidated_by(ReusedUpdated { id }, ReusedRestored { id }, ReusedRolledBack { id }), soft_ttl = "400ms", hard_ttl = "20s", negative_ttl = "5s", consistency = strict, cache = self.cache)]
    async fn reused_strict(&self, id: u64) -> Option<Row> {
        self.load(Kind::Reused, id).await
    }

    #[cached(key = "reused:<id>", version_from = |row| row.version, invalidated_by(ReusedUpdated { id }, ReusedRestored { id }, ReusedRolledBack { id }), hard_ttl = "20s", negative_ttl = "5s", cache = self.cache)]
    async fn reused_bounded(&self, id: u64) -> Option<Row> {
        self.load(Kind::Reused, id).await
    }

    #[cached(key = "reused:<id>", invalidated_by(ReusedUpdated { id }, ReusedRestored { id }, ReusedRolledBack { id }), hard_ttl = "20s", negative_ttl = "5s", consistency = strict, cache = self.cache)]
    async fn reused_strict_opaque(&self, id: u64) -> Option<Row> {
        self.load(Kind::Reused, id).await
    }

    #[cached(key = "reused:<id>", invalidated_by(ReusedUpdated { id }, ReusedRestored { id }, ReusedRolledBack { id }), hard_ttl = "20s", negative_ttl = "5s", cache = self.cache)]
    async fn reused_bounded_opaque(&self, id: u64) -> Option<Row> {
        self.load(Kind::Reused, id).await
    }

    /// The row as some function has it, and which.
    pub(crate) async fn read(&self, kind: Kind, id: u64, is_strict: bool) -> (&'static str, Option<Row>) {
        let is_opaque = fastrand::u8(..3) == 0;
        match (kind, is_strict, is_opaque) {
            (Kind::Rising, true, false) => ("strict", self.strict(id).await),
            (Kind::Rising, true, true) => ("strict opaque", self.strict_opaque(id).await),
            (Kind::Rising, false, false) => ("bounded", self.bounded(id).await),
            (Kind::Rising, false, true) => ("bounded opaque", self.bounded_opaque(id).await),
            (Kind::Reused, true, false) => ("strict", self.reused_strict(id).await),
            (Kind::Reused, true, true) => ("strict opaque", self.reused_strict_opaque(id).await),
            (Kind::Reused, false, false) => ("bounded", self.reused_bounded(id).await),
            (Kind::Reused, false, true) => ("bounded opaque", self.reused_bounded_opaque(id).await),
        }
    }

    pub(crate) async fn publish(&self, written: Written) -> Result<(), CacheError> {
        let Written { kind, id, version, what, .. } = written;
        match (kind, what) {
            (Kind::Rising, What::Restored { of }) => self.cache.publish(RowRestored { id, version, of }).await,
            (Kind::Rising, _) => self.cache.publish(RowUpdated { id, version }).await,
            (Kind::Reused, What::Moved) => self.cache.publish(ReusedUpdated { id, version }).await,
            (Kind::Reused, What::Restored { of }) => self.cache.publish(ReusedRestored { id, version, of }).await,
            (Kind::Reused, What::RolledBack) => self.cache.publish(ReusedRolledBack { id, to: version }).await,
        }
    }
}
