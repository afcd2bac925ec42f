//! What is kept outside of the stores is told of each move, after the stores.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachemacro::store::{Aggregate, Edge};
use cachemacro::testing::{Fault, Operation};
use cachemacro::{Cache, CacheBuilder, CacheEvent, CacheMode, ManualClock, cached, invalidates};
use cachemacro_tests::remote;

#[derive(Clone, CacheEvent)]
#[event(name = "page.moved", key = "page:<from>", key = "page:<to>")]
struct Moved {
    from: u64,
    to: u64,
}

#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("no panic"))
    }
}

impl Edge for Told {
    fn moved(&self, aggregates: &[Aggregate]) {
        self.0.lock().expect("no panic").extend(aggregates.iter().map(ToString::to_string));
    }

    fn cleared(&self) {
        self.0.lock().expect("no panic").push("everything".to_owned());
    }
}

struct Pages {
    cache: Cache,
    told: Told,
}

impl Pages {
    fn new(builder: CacheBuilder) -> Self {
        let told = Told::default();
        Self { cache: builder.edge(told.clone()).build(), told }
    }

    #[cached(key = "page:<id>", invalidated_by(Moved { from: id }, Moved { to: id }), hard_ttl = "10m", cache = self.cache)]
    async fn page(&self, id: u64) -> Option<u64> {
        Some(id)
    }

    #[invalidates(Moved { from, to }, cache = self.cache)]
    async fn write(&self, from: u64, to: u64) {
        let _ = (self, from, to);
    }

    #[invalidates(Moved { from, to }, cache = self.cache)]
    async fn write_for_ever(&self, from: u64, to: u64) {
        let _ = (self, from, to);
        std::future::pending().await
    }

    #[invalidates(Moved { from, to }, cache = self.cache)]
    fn write_sync(&self, from: u64, to: u64) {
        let _ = (self, from, to);
    }

    async fn told_of_each_way(&self) {
        self.write(1, 2).await;
        assert_eq!(self.told.take(), ["page:1", "page:2"]);
        self.write_sync(3, 4);
        assert_eq!(self.told.take(), ["page:3", "page:4"]);
        self.cache.publish(Moved { from: 5, to: 6 }).await.expect("the store works");
        assert_eq!(self.told.take(), ["page:5", "page:6"]);
        let mut pending = self.cache.pending_events();
        pending.add(Moved { from: 7, to: 8 });
        assert_eq!(self.told.take(), Vec::<String>::new(), "before the commit");
        pending.publish_or_retry().await;
        assert_eq!(self.told.take(), ["page:7", "page:8"]);
        self.page(9).await;
        assert_eq!(CacheMode::Forget.scope(self.page(9)).await, None);
        assert_eq!(self.told.take(), ["page:9"]);
        self.cache.clear();
        self.cache.clear_function("page").expect("there is one");
        assert_eq!(self.told.take(), ["everything", "everything"]);
    }
}

#[tokio::test]
async fn without_a_shared_store() {
    let pages = Pages::new(Cache::builder());
    pages.told_of_each_way().await;
    pages.page(1).await;
    pages.write(1, 2).await;
    assert_eq!(
        pages.cache.stats().entries,
        1,
        "it is told beside the local tier, which ends the entry when it is looked for"
    );
    assert_eq!(CacheMode::OnlyIfCached.scope(pages.page(1)).await, None);
}

#[tokio::test]
async fn with_a_shared_store() {
    let clock = ManualClock::default();
    Pages::new(Cache::builder().clock(clock.clone()).shared(remote(clock))).told_of_each_way().await;
}

/// The write has happened: that the body did not return says nothing about it.
#[tokio::test]
async fn a_writer_that_does_not_return_has_told() {
    let pages = Pages::new(Cache::builder());
    assert!(tokio::time::timeout(Duration::ZERO, pages.write_for_ever(3, 4)).await.is_err());
    assert_eq!(pages.told.take(), ["page:3", "page:4"]);
}

/// Until the store has it, other processes serve what has ended: so what was made of that has to end afterwards, too.
#[tokio::test(start_paused = true)]
async fn what_the_store_takes_later_is_told_again() {
    let clock = ManualClock::default();
    let store = remote(clock.clone());
    let pages = Pages::new(Cache::builder().clock(clock).shared(store.clone()));
    store.inject(Operation::Apply, Fault::Error);
    pages.write(1, 2).await;
    assert_eq!(pages.told.take(), ["page:1", "page:2"]);
    store.clear_of(Operation::Apply);
    while pages.cache.stats().pending_invalidations > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut again = pages.told.take();
    again.sort();
    assert_eq!(again, ["page:1", "page:2"]);
}

/// The write has happened.
#[tokio::test(start_paused = true)]
async fn a_publisher_that_is_cancelled_has_told() {
    let clock = ManualClock::default();
    let store = remote(clock.clone());
    let pages = Pages::new(Cache::builder().clock(clock).shared(store.clone()));
    store.inject(Operation::Apply, Fault::HeldAnswer);
    let write = pages.write(1, 2);
    assert!(tokio::time::timeout(Duration::from_millis(5), write).await.is_err());
    assert_eq!(pages.told.take(), ["page:1", "page:2"]);
}
