//! Handlers of this process that are slower than the publishers.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachemacro::testing::ReferenceStore;
use cachemacro::{Cache, CacheEvent, ManualClock, Received, invalidates};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// The events that wait for one handler.
const QUEUE: u64 = 1024;

#[derive(Clone, PartialEq, Eq, Debug, CacheEvent)]
#[event(name = "row.touched", key = "row:<id>")]
struct Touched {
    id: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "row.read", key = "row:<id>")]
struct Read {
    id: u64,
}

type Handling = Pin<Box<dyn Future<Output = Result<(), Infallible>> + Send>>;

/// A handler that handles as many messages as it is allowed to.
#[derive(Clone)]
struct Slow {
    allowed: Arc<Semaphore>,
    seen: Arc<Mutex<Vec<Received<u64>>>>,
}

impl Slow {
    fn new() -> Self {
        Self { allowed: Arc::new(Semaphore::new(0)), seen: Arc::default() }
    }

    fn handler(&self) -> impl Fn(Received<Touched>) -> Handling + use<> {
        let this = self.clone();
        move |received| {
            let this = this.clone();
            Box::pin(async move {
                this.allowed.acquire().await.expect("open").forget();
                let seen = match received {
                    Received::Event(event) => Received::Event(event.id),
                    Received::Missed(count) => Received::Missed(count),
                };
                this.seen.lock().expect("no panic").push(seen);
                Ok(())
            })
        }
    }

    async fn see(&self, count: usize) -> Vec<Received<u64>> {
        self.allowed.add_permits(count);
        while self.allowed.available_permits() > 0 || self.seen.lock().expect("no panic").len() < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        std::mem::take(&mut *self.seen.lock().expect("no panic"))
    }
}

fn caches() -> [Cache; 2] {
    let clock = ManualClock::default();
    let store = Arc::new(ReferenceStore::new(Arc::new(clock.clone()), Duration::ZERO));
    let builder = || Cache::builder().clock(clock.clone());
    [builder().build(), builder().shared(store).build()]
}

#[invalidates(Touched { id }, cache = cache)]
async fn touch(cache: &Cache, id: u64) {}

#[invalidates(Touched { id }, cache = cache)]
fn touch_sync(cache: &Cache, id: u64) {}

/// Publishes in every way that there is, and returns how many events that were.
async fn publish_in_all_ways(cache: &Cache, id: u64) -> u64 {
    cache.publish(Touched { id }).await.expect("the store works");
    cache.publish_or_retry(Touched { id }).await;
    cache.publish_blocking(Touched { id }).expect("the store works");
    touch(cache, id).await;
    touch_sync(cache, id);
    let mut pending = cache.pending_events();
    pending.add(Touched { id });
    pending.publish_or_retry().await;
    6
}

/// Time stands still while something can run: a publisher that waits for the handler would move it.
#[tokio::test(start_paused = true)]
async fn no_publisher_waits_for_a_handler_that_hangs() {
    for cache in caches() {
        let slow = Slow::new();
        let subscription = cache.subscribe(slow.handler());
        let began = Instant::now();
        let mut published = 0;
        for id in 0..400 {
            published += publish_in_all_ways(&cache, id).await;
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        let in_hand = published - QUEUE - subscription.missed();
        assert!(in_hand <= 1, "{in_hand} are being handled, of {published}");
        assert_eq!(cache.stats().missed_events, subscription.missed());
        assert_eq!(cache.stats().dropped_invalidations, 0);
        assert_eq!((subscription.handled(), subscription.given_up()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_told_once_that_it_missed_events_and_gets_all_that_came_later() {
    let [cache, _] = caches();
    let slow = Slow::new();
    let subscription = cache.subscribe(slow.handler());
    cache.publish_or_retry(Touched { id: 0 }).await;
    assert_eq!(slow.see(1).await, [Received::Event(0)]);
    for id in 1..=QUEUE + 5 {
        cache.publish_or_retry(Touched { id }).await;
    }
    let mut expected = vec![Received::Missed(5)];
    expected.extend((6..=QUEUE + 5).map(Received::Event));
    assert_eq!(slow.see(1 + QUEUE as usize).await, expected);
    cache.publish_or_retry(Touched { id: 9 }).await;
    assert_eq!(slow.see(1).await, [Received::Event(9)]);
    assert_eq!((subscription.missed(), subscription.handled()), (5, QUEUE + 2));
}

#[tokio::test(start_paused = true)]
async fn a_handler_of_the_event_alone_goes_on_and_another_one_misses_nothing() {
    let [cache, _] = caches();
    let slow = Slow::new();
    let stuck = cache.subscribe({
        let handle = slow.handler();
        move |event: Touched| handle(Received::Event(event))
    });
    let of_another_type = cache.subscribe(|_: Read| std::future::ready(Ok::<_, Infallible>(())));
    for id in 0..2 * QUEUE {
        cache.publish_or_retry(Touched { id }).await;
    }
    cache.publish_or_retry(Read { id: 1 }).await;
    slow.see(QUEUE as usize).await;
    assert_eq!((stuck.missed(), stuck.handled()), (QUEUE, QUEUE));
    assert_eq!((of_another_type.missed(), of_another_type.handled()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_write_of_many_events_loses_none_of_its_own() {
    for cache in caches() {
        let slow = Slow::new();
        let subscription = cache.subscribe(slow.handler());
        let events: Vec<_> = (0..3 * QUEUE).map(|id| (Touched { id }, Read { id })).collect();
        cache.publish(events).await.expect("the store works");
        let seen = slow.see(3 * QUEUE as usize).await;
        assert_eq!(seen, (0..3 * QUEUE).map(Received::Event).collect::<Vec<_>>());
        assert_eq!((subscription.missed(), cache.stats().missed_events), (0, 0));
    }
}

/// A handler that fails for a message gets it four times. A number that it was not told is added to the next one.
#[tokio::test(start_paused = true)]
async fn a_gap_that_a_handler_failed_to_handle_is_told_again() {
    let [cache, _] = caches();
    let told = Arc::new(Mutex::new(Vec::new()));
    let subscription = cache.subscribe({
        let told = Arc::clone(&told);
        move |received: Received<Touched>| {
            let result = match received {
                Received::Event(_) => Ok(()),
                Received::Missed(count) => {
                    let mut told = told.lock().expect("no panic");
                    told.push(count);
                    if told.len() <= 4 { Err("not now") } else { Ok(()) }
                }
            };
            std::future::ready(result)
        }
    });
    for id in 0..QUEUE + 5 {
        cache.publish_or_retry(Touched { id }).await;
    }
    while subscription.handled() < QUEUE {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(*told.lock().expect("no panic"), [5; 5]);
    assert_eq!(subscription.given_up(), 0);
}
