//! Invalidations that the store did not take at once: none is lost, and none counts as told before it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use cachemacro::store::DETECTION;
use cachemacro::testing::{Fault, FaultyStore, Operation};
use cachemacro::{Cache, CacheEvent, ManualClock, Memory, cached, invalidates};
use cachemacro_tests::RowUpdated;
use cachemacro_tests::remote;

/// It says neither to which version, nor can it leave the process.
#[derive(Clone, CacheEvent)]
#[event(name = "page.touched", key = "page:<id>")]
struct Touched {
    id: u64,
}

/// One process of a fleet.
#[derive(Clone)]
struct Process {
    database: Arc<AtomicU64>,
    cache: Cache,
}

impl Process {
    #[cached(key = "page:<id>", invalidated_by(Touched { id }, Moved { from: id }, Moved { to: id }), hard_ttl = "10m", consistency = strict, cache = self.cache)]
    async fn strict_page(&self, id: u64) -> u64 {
        let _ = id;
        self.database.load(SeqCst)
    }

    #[cached(key = "page:<id>", invalidated_by(Touched { id }, Moved { from: id }, Moved { to: id }), hard_ttl = "10m", cache = self.cache)]
    async fn page(&self, id: u64) -> u64 {
        let _ = id;
        self.database.load(SeqCst)
    }

    async fn write(&self, content: u64) {
        self.database.store(content, SeqCst);
        self.cache.publish_or_retry(Touched { id: 1 }).await;
    }

    fn pending(&self) -> u64 {
        self.cache.stats().pending_invalidations
    }

    /// Until nothing waits for another attempt.
    async fn is_settled(&self) {
        let settled = async {
            while self.pending() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), settled).await.expect("the store takes everything again");
    }
}

struct Fleet {
    store: FaultyStore,
    one: Process,
    other: Process,
}

fn fleet_with(memory: Option<Memory>) -> Fleet {
    let clock = ManualClock::default();
    let store = remote(clock.clone());
    let database = Arc::new(AtomicU64::new(1));
    let process = || {
        let builder = Cache::builder().clock(clock.clone()).shared(store.clone());
        let builder = match memory {
            Some(memory) => builder.memory(memory),
            None => builder,
        };
        Process { database: Arc::clone(&database), cache: builder.build() }
    };
    Fleet { one: process(), other: process(), store }
}

/// Longer than the first pause before another attempt.
async fn until_it_is_sent() {
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// The store has applied the first move and not yet answered when the second comes: that is another move, as the row has
/// been read in between.
#[tokio::test(start_paused = true)]
async fn a_move_is_not_merged_into_the_one_that_is_being_sent() {
    let Fleet { store, one, other } = fleet_with(None);
    other.strict_page(1).await;
    store.inject(Operation::Apply, Fault::Error);
    one.write(2).await;
    store.clear_of(Operation::Apply);
    store.inject(Operation::Apply, Fault::HeldAnswer);
    until_it_is_sent().await;
    assert_eq!(other.strict_page(1).await, 2, "the store has the first move");

    store.inject(Operation::Apply, Fault::Error);
    one.write(3).await;
    store.clear_of(Operation::Apply);
    store.clear_of(Operation::Apply);
    one.is_settled().await;
    assert_eq!(other.strict_page(1).await, 3);
}

/// The same for what tells the local tiers.
#[tokio::test(start_paused = true)]
async fn an_announcement_is_not_dropped_for_an_equal_one_that_is_being_sent() {
    let Fleet { store, one, other } = fleet_with(Some(Memory::entries(100)));
    until_it_is_sent().await;
    other.page(1).await;
    store.inject(Operation::Announce, Fault::Error);
    one.write(2).await;
    store.clear_of(Operation::Announce);
    store.inject(Operation::Announce, Fault::HeldAnswer);
    until_it_is_sent().await;
    assert_eq!(other.page(1).await, 2, "the channel has the first announcement");

    store.inject(Operation::Announce, Fault::Error);
    one.write(3).await;
    store.clear_of(Operation::Announce);
    store.clear_of(Operation::Announce);
    one.is_settled().await;
    tokio::time::sleep(DETECTION).await;
    assert_eq!(other.page(1).await, 3);
}

/// It names two aggregates.
#[derive(Clone, CacheEvent)]
#[event(name = "page.moved", key = "page:<from>", key = "page:<to>")]
struct Moved {
    from: u64,
    to: u64,
}

/// Of the two aggregates of an event one was applied; neither counts as told before both are.
#[tokio::test(start_paused = true)]
async fn an_event_with_two_keys_is_told_when_both_are() {
    let Fleet { store, one, other } = fleet_with(Some(Memory::entries(100)));
    until_it_is_sent().await;
    other.page(1).await;
    other.page(2).await;
    one.database.store(2, SeqCst);
    store.inject_for("page:2", Operation::Apply, Fault::Error);
    one.cache.publish_or_retry(Moved { from: 1, to: 2 }).await;
    assert_eq!((one.page(1).await, one.page(2).await), (2, 2), "one is applied, the other mistrusted");
    tokio::time::sleep(DETECTION).await;
    assert_eq!(one.pending(), 1);
    store.clear_of(Operation::Apply);
    one.is_settled().await;
    tokio::time::sleep(DETECTION).await;
    assert_eq!((other.page(1).await, other.page(2).await), (2, 2));
}

impl Process {
    #[invalidates(Touched { id: 1 }, on_error = retry, cache = self.cache)]
    async fn touch_and_retry(&self, content: u64) {
        self.database.store(content, SeqCst);
    }

    #[invalidates(Moved { from: 1, to: 2 }, on_error = bounded, cache = self.cache)]
    async fn move_pages(&self, content: u64) {
        self.database.store(content, SeqCst);
    }
}

/// With `bounded` nothing is retried, but what the store did take is told to the others.
#[tokio::test(start_paused = true)]
async fn with_bounded_the_applied_one_of_two_keys_is_announced() {
    let Fleet { store, one, other } = fleet_with(Some(Memory::entries(100)));
    until_it_is_sent().await;
    other.page(1).await;
    other.page(2).await;
    store.inject_for("page:2", Operation::Apply, Fault::Error);
    one.move_pages(2).await;
    tokio::time::sleep(DETECTION).await;
    assert_eq!(other.page(1).await, 2);
    assert_eq!(other.page(2).await, 1, "left to its TTL");
    let stats = one.cache.stats();
    assert_eq!((stats.pending_invalidations, stats.dropped_invalidations), (0, 1));
}

/// A publisher that is dropped at any of its steps has published all the same.
#[tokio::test(start_paused = true)]
async fn a_publish_that_is_cancelled_is_not_lost() {
    let Fleet { store, one, other } = fleet_with(Some(Memory::entries(100)));
    let heard = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&heard);
    let _subscription = one.cache.subscribe(move |_: Moved| {
        counted.fetch_add(1, SeqCst);
        std::future::ready(Ok::<_, std::convert::Infallible>(()))
    });
    until_it_is_sent().await;
    for steps in 1..8 {
        let content = steps + 1;
        other.page(1).await;
        other.page(2).await;
        one.database.store(content, SeqCst);
        if steps % 2 == 0 {
            store.inject(Operation::Apply, Fault::HeldAnswer);
        }
        {
            let mut publish = std::pin::pin!(one.cache.publish_or_retry(Moved { from: 1, to: 2 }));
            for _ in 0..steps {
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                if publish.as_mut().poll(&mut context).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        assert_eq!((one.page(1).await, one.page(2).await), (content, content), "after {steps} steps");
        store.clear_of(Operation::Apply);
        one.is_settled().await;
        tokio::time::sleep(DETECTION).await;
        assert_eq!((other.page(1).await, other.page(2).await), (content, content), "after {steps} steps");
        assert_eq!(heard.load(SeqCst), steps, "handlers of this process, after {steps} steps");
    }
}

/// R21: what the store took at the second attempt it may forget as anything else.
#[tokio::test(start_paused = true)]
async fn what_was_retried_is_told_again_as_well() {
    let Fleet { store, one, .. } = fleet_with(None);
    store.change_incarnation();
    store.inject(Operation::Apply, Fault::Error);
    one.cache.publish_or_retry(RowUpdated { id: 1, version: 2 }).await;
    store.clear_of(Operation::Apply);
    one.is_settled().await;
    assert_eq!(store.announcements().len(), 1);
    store.change_incarnation();
    one.strict_page(1).await;
    one.is_settled().await;
    assert_eq!(store.announcements().len(), 2);
}

/// R21: another incarnation is noticed, and told what is known of, while an event is on its way that its records have forgotten.
#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_when_another_life_is_noticed_is_told_again() {
    let Fleet { store, one, .. } = fleet_with(None);
    store.change_incarnation();
    one.strict_page(1).await;
    store.inject(Operation::Announce, Fault::HeldAnswer);
    let publishing = tokio::spawn({
        let one = one.clone();
        async move { one.cache.publish_or_retry(RowUpdated { id: 1, version: 2 }).await }
    });
    until_it_is_sent().await;
    store.change_incarnation();
    one.strict_page(2).await;
    store.clear_of(Operation::Announce);
    publishing.await.expect("no panic");
    one.is_settled().await;
    assert_eq!(store.announcements().len(), 2);
}

/// This process's own copies end with the retried move, however late the channel tells of it.
#[tokio::test(start_paused = true)]
async fn a_retried_move_ends_the_copies_of_its_own_process() {
    let Fleet { store, one, .. } = fleet_with(Some(Memory::entries(100)));
    until_it_is_sent().await;
    one.page(1).await;
    store.inject(Operation::Apply, Fault::Error);
    one.touch_and_retry(2).await;
    assert_eq!(one.page(1).await, 1, "not mistrusted, and fetched again");
    store.inject(Operation::Follow, Fault::Error);
    store.clear_of(Operation::Apply);
    one.is_settled().await;
    assert_eq!(one.page(1).await, 2);
}

/// A program that polls its futures on a runtime of another kind.
#[test]
fn without_a_runtime_a_full_queue_loses_events_and_hangs_no_writer() {
    let Fleet { one, .. } = fleet_with(None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _subscription = {
        let _guard = runtime.enter();
        one.cache.subscribe(|_: Touched| std::future::pending::<Result<(), std::convert::Infallible>>())
    };
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..2_000 {
        let mut publish = std::pin::pin!(one.cache.publish_or_retry(Touched { id: 1 }));
        while publish.as_mut().poll(&mut context).is_pending() {}
    }
    assert!(one.cache.stats().missed_events > 0);
}

/// A slow store costs an outage's aggregates not one round trip after the other.
#[tokio::test(start_paused = true)]
async fn aggregates_are_retried_side_by_side() {
    let Fleet { store, one, .. } = fleet_with(None);
    store.inject(Operation::Apply, Fault::Error);
    for id in 0..10 {
        one.cache.publish_or_retry(Touched { id }).await;
    }
    store.clear_of(Operation::Apply);
    store.inject(Operation::Apply, Fault::HeldAnswer);
    let before = store.total_calls();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(store.total_calls() - before, 10, "all were sent, and none answered");
    store.clear_of(Operation::Apply);
    one.is_settled().await;
}
