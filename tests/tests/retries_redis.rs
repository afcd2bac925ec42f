//! Invalidations that are retried, on a server that is 30 to 60 ms away: once none is pending, a strict read elsewhere is never
//! behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use cachemacro::store::Redis;
use cachemacro::{Cache, CacheEvent, cached};
use cachemacro_servers::{Faults, Options, Proxy, Standalone};

/// Without a version.
#[derive(Clone, CacheEvent)]
#[event(name = "page.touched", key = "page:<id>")]
struct Touched {
    id: u64,
}

/// Of two aggregates, without a version.
#[derive(Clone, CacheEvent)]
#[event(name = "pages.swapped", key = "page:<one>", key = "page:<other>")]
struct Swapped {
    one: u64,
    other: u64,
}

#[derive(Clone)]
struct Process {
    database: Arc<[AtomicU64; 16]>,
    cache: Cache,
}

impl Process {
    #[cached(
        key = "page:<id>",
        invalidated_by(Touched { id }, Swapped { one: id }, Swapped { other: id }),
        hard_ttl = "10m",
        consistency = strict,
        cache = self.cache
    )]
    async fn page(&self, id: u64) -> u64 {
        self.database[usize::try_from(id).expect("a small number")].load(SeqCst)
    }

    fn write(&self, id: u64) -> u64 {
        self.database[usize::try_from(id).expect("a small number")].fetch_add(1, SeqCst) + 1
    }

    /// A publisher that is cancelled before it could send anything, or later.
    async fn publish_and_cancel(&self, id: u64) {
        let patience = Duration::from_millis(if fastrand::u8(..4) == 0 { fastrand::u64(0..80) } else { 0 });
        if fastrand::u8(..4) == 0 {
            let _ = tokio::time::timeout(patience, self.cache.publish_or_retry(Touched { id })).await;
        } else {
            // The first of its moves is on its way when the publisher is cancelled, the second is not.
            let _ =
                tokio::time::timeout(patience, self.cache.publish_or_retry(Swapped { one: id ^ 1, other: id })).await;
        }
    }
}

const ROUNDS: usize = 12;

/// Writes twice, the second time while the first event is being sent; reads elsewhere in between and afterwards.
async fn write_and_read(one: Process, other: Process, id: u64) -> usize {
    let mut stale = 0;
    for _ in 0..ROUNDS {
        other.page(id).await;
        one.write(id);
        one.publish_and_cancel(id).await;
        // The first pause of the queue, and then while it is being sent.
        tokio::time::sleep(Duration::from_millis(45)).await;
        for _ in 0..fastrand::u64(5..30) {
            other.page(id).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let written = one.write(id);
        one.publish_and_cancel(id).await;
        while one.cache.stats().pending_invalidations > 0 {
            other.page(id).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        stale += usize::from(other.page(id).await < written);
    }
    stale
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retried_event_does_not_swallow_the_next_one() {
    let server = Standalone::start(Options::default());
    let proxy = Proxy::start(server.port());
    let database: Arc<[AtomicU64; 16]> = Arc::default();
    let process = |url: &str| {
        let redis = Redis::url(url).expect("an address").timeout(Duration::from_secs(5));
        Process { database: Arc::clone(&database), cache: Cache::builder().namespace("retries").shared(redis).build() }
    };
    let other = process(&server.url());
    // Each with a queue of its own, so that none waits for another's.
    let tasks: Vec<_> =
        (0..8).map(|pair| tokio::spawn(write_and_read(process(&proxy.url()), other.clone(), pair * 2))).collect();
    let mut stale = 0;
    for task in tasks {
        while !task.is_finished() {
            let delay = Duration::from_millis(fastrand::u64(15..30));
            proxy.set(Faults { delay, delay_answers: delay, ..Faults::default() });
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stale += task.await.expect("no panic");
    }
    assert_eq!(stale, 0, "of {} strict reads", ROUNDS * 8);
}
