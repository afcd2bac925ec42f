//! Deferred events, and a store outside the process that is slow or fails.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use cachemacro::testing::{Fault, FaultyStore, Operation};
use cachemacro::{Cache, PendingEvents, cached, invalidates};
use cachemacro_tests::remote;
use cachemacro_tests::{Row, RowUpdated, Table, builder};

struct Shop {
    table: Arc<Table>,
    cache: Cache,
}

impl Shop {
    fn new() -> (Self, FaultyStore) {
        let (builder, clock) = builder();
        let remote = remote(clock);
        (Self { table: Table::at(1), cache: builder.shared(remote.clone()).build() }, remote)
    }

    #[cached(
        key = "row:<id>",
        version_from = |row| row.version,
        invalidated_by(RowUpdated { id }),
        hard_ttl = "10m",
        cache = self.cache,
    )]
    async fn row(&self, id: u64) -> Option<Row> {
        self.table.read(id)
    }

    /// Stands for a write that is committed later.
    #[invalidates(RowUpdated { id, version }, defer = pending)]
    async fn write(&self, pending: &mut PendingEvents, id: u64, version: u64) {
        tokio::task::yield_now().await;
    }

    async fn version(&self) -> u64 {
        self.row(1).await.expect("there is one").version
    }

    async fn is_settled(&self) {
        while self.cache.stats().pending_invalidations > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn a_cancelled_publish_loses_nothing() {
    let (shop, _remote) = Shop::new();
    assert_eq!(shop.version().await, 1);
    for steps in 1..6 {
        let version = steps + 1;
        let mut pending = shop.cache.pending_events();
        shop.write(&mut pending, 1, version).await;
        shop.table.write(version);
        {
            let mut publish = pin!(pending.publish_or_retry());
            for _ in 0..steps {
                if publish.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                    break;
                }
            }
        }
        assert!(pending.is_empty(), "after {steps} steps the rest is the retry queue's");
        assert_eq!(shop.version().await, version, "after {steps} steps");
        shop.is_settled().await;
    }
    assert_eq!(shop.cache.stats().dropped_pending_events, 0);
}

#[tokio::test]
async fn a_publish_that_was_not_awaited_has_published_nothing() {
    let (shop, _remote) = Shop::new();
    assert_eq!(shop.version().await, 1);
    let mut pending = shop.cache.pending_events();
    shop.write(&mut pending, 1, 2).await;
    drop(pending.publish_or_retry());
    assert_eq!(pending.len(), 1);
    drop(pending);
    assert_eq!(shop.cache.stats().dropped_pending_events, 1);
}

#[tokio::test]
async fn a_store_that_fails_is_told_later() {
    let (shop, remote) = Shop::new();
    assert_eq!(shop.version().await, 1);
    let mut pending = shop.cache.pending_events();
    shop.write(&mut pending, 1, 2).await;
    shop.table.write(2);
    remote.inject(Operation::Apply, Fault::Error);
    assert!(pending.publish().await.is_err());
    assert!(pending.is_empty());
    assert_eq!(shop.version().await, 2, "the entries are mistrusted until then");
    remote.clear_of(Operation::Apply);
    shop.is_settled().await;
    assert_eq!(shop.version().await, 2);
}

#[tokio::test]
async fn events_of_one_aggregate_are_one_move() {
    let (shop, remote) = Shop::new();
    assert_eq!(shop.version().await, 1);
    let mut pending = shop.cache.pending_events();
    for version in 2..100 {
        shop.write(&mut pending, 1, version).await;
    }
    shop.table.write(99);
    let before = remote.total_calls();
    pending.publish_or_retry().await;
    assert_eq!(remote.total_calls() - before, 2, "one move, and one announcement of them all");
    assert_eq!(shop.version().await, 99);
}

#[test]
fn a_sync_publish_is_acknowledged() {
    let (shop, _remote) = Shop::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    assert_eq!(runtime.block_on(shop.version()), 1);
    let mut pending = shop.cache.pending_events();
    pending.add(RowUpdated { id: 1, version: 2 });
    shop.table.write(2);
    pending.publish_or_retry_blocking();
    assert_eq!(shop.cache.stats().pending_invalidations, 0);
    assert_eq!(runtime.block_on(shop.version()), 2);
}
