//! Events with and without a version on one aggregate.

use cachemacro::testing::{Fault, Operation};
use cachemacro::{Cache, CacheEvent, cached};
use cachemacro_tests::{builder, cache, remote};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

#[derive(Clone, Debug, CacheEvent)]
#[event(name = "u.touched", key = "u:<id>")]
struct Touched {
    id: u64,
}
#[derive(Clone, Debug, CacheEvent)]
#[event(name = "u.updated", key = "u:<id>", version = version)]
struct Updated {
    id: u64,
    version: u64,
}
#[derive(Clone)]
struct R {
    db: Arc<AtomicU64>,
    cache: Cache,
    calls: Arc<AtomicU64>,
}
impl R {
    #[cached(key = "u:<id>:page", invalidated_by(Updated { id }, Touched { id }), hard_ttl = "10m", cache = self.cache)]
    async fn page(&self, id: u64) -> u64 {
        let _ = id;
        self.calls.fetch_add(1, SeqCst);
        tokio::task::yield_now().await;
        self.db.load(SeqCst)
    }
}
#[tokio::test]
async fn unversioned_events_do_not_outrun_versioned_ones() {
    let r = R { db: Arc::new(AtomicU64::new(1)), cache: cache().0, calls: Arc::default() };
    r.page(1).await;
    for _ in 0..3 {
        r.cache.publish_or_retry(Touched { id: 1 }).await;
    }
    assert_eq!(r.page(1).await, 1);
    r.db.store(2, SeqCst);
    r.cache.publish_or_retry(Updated { id: 1, version: 2 }).await;
    assert_eq!(r.page(1).await, 2, "read after an acknowledged event");
}
#[tokio::test]
async fn g4_suspect_is_still_one_load_at_a_time() {
    let (b, clock) = builder();
    let remote = remote(clock);
    let r = R { db: Arc::new(AtomicU64::new(1)), cache: b.shared(remote.clone()).build(), calls: Arc::default() };
    remote.inject(Operation::Apply, Fault::Error);
    r.cache.publish_or_retry(Updated { id: 1, version: 2 }).await;
    let all: Vec<_> = (0..100)
        .map(|_| {
            tokio::spawn({
                let r = r.clone();
                async move { r.page(1).await }
            })
        })
        .collect();
    for a in all {
        a.await.unwrap();
    }
    // The first one's, and one for all who came while it ran: other processes may have published since it began (R10).
    let loads = r.calls.load(SeqCst);
    assert!(loads <= 2, "{loads} loads");
}
