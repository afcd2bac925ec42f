//! A function that promises more than what it is loaded through: its entry must not be made of a copy that is behind.

use std::sync::Arc;

use cachemacro::testing::{Fault, Operation};
use cachemacro::{Cache, ManualClock, Memory, cached};
use cachemacro_tests::remote;
use cachemacro_tests::{Row, RowUpdated, Table};

#[derive(Clone)]
struct Process {
    table: Arc<Table>,
    cache: Cache,
}

impl Process {
    #[cached(key = "row:<id>", invalidated_by(RowUpdated { id }), hard_ttl = "10m", jitter = "0%", cache = self.cache)]
    async fn bounded(&self, id: u64) -> Option<Row> {
        self.table.read(id)
    }

    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), hard_ttl = "10m", jitter = "0%", cache = self.cache)]
    async fn bounded_row(&self, id: u64) -> Option<Row> {
        self.table.read(id)
    }

    #[cached(key = "row:<id>", invalidated_by(RowUpdated { id }), hard_ttl = "10m", consistency = strict, cache = self.cache)]
    async fn strict(&self, id: u64) -> Option<u64> {
        Some(self.bounded(id).await?.version)
    }

    #[cached(key = "row:<id>", invalidated_by(RowUpdated { id }), hard_ttl = "10m", consistency = strict, cache = self.cache)]
    async fn strict_by_row(&self, id: u64) -> Option<u64> {
        Some(self.bounded_row(id).await?.version)
    }

    #[cached(key = "row:<id>", invalidated_by(RowUpdated { id }), hard_ttl = "10m", cache = self.cache)]
    async fn bounded_by_row(&self, id: u64) -> Option<u64> {
        Some(self.bounded_row(id).await?.version)
    }
}

/// Its copy is behind, as the channel is silent, and its tier counts as whole for a second.
#[tokio::test(start_paused = true)]
async fn a_load_reads_no_copy_that_is_behind() {
    let clock = ManualClock::default();
    let store = remote(clock.clone());
    let table = Table::at(1);
    let process = || {
        let builder = Cache::builder().clock(clock.clone()).memory(Memory::entries(100)).shared(store.clone());
        Process { table: Arc::clone(&table), cache: builder.build() }
    };
    let (one, other) = (process(), process());
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(other.bounded_row(1).await.map(|row| row.version), Some(1));
    assert_eq!(other.bounded(1).await.map(|row| row.version), Some(1));
    store.inject(Operation::Follow, Fault::Error);
    table.write(2);
    one.cache.publish(RowUpdated { id: 1, version: 2 }).await.expect("it is acknowledged");
    assert_eq!(other.bounded(1).await.map(|row| row.version), Some(1), "within its bound");
    assert_eq!(other.strict(1).await, Some(2));
    assert_eq!(other.strict_by_row(1).await, Some(2));
    // What was read behind is served for the bound, and not stored for longer.
    let _ = other.bounded_by_row(1).await;
    store.clear_of(Operation::Follow);
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(one.strict(1).await, Some(2));
    assert_eq!(one.strict_by_row(1).await, Some(2));
    assert_eq!(one.bounded_by_row(1).await, Some(2), "made of a copy that was behind, and kept for all");
}
