//! What is logged while something fails again and again: the change of its state, and then numbers.

use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachemacro::store::Redis;
use cachemacro::testing::{Fault, FaultyStore, Operation};
use cachemacro::{Cache, CacheEvent, ManualClock, Memory, cached};
use cachemacro_servers::{Options, Standalone};
use cachemacro_tests::remote;
use serde::{Deserialize, Serialize};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber, dispatcher};

const MINUTE: Duration = Duration::from_secs(60);

/// Collects the lines of this thread with the target `cachemacro`.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<(Level, String)>>>);

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 += &format!("{field}={value:?} ");
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "cachemacro"
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        self.0.lock().expect("no panic").push((*event.metadata().level(), fields.0));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

impl Lines {
    fn collect() -> (Self, dispatcher::DefaultGuard) {
        let lines = Self::default();
        let guard = dispatcher::set_default(&Dispatch::new(lines.clone()));
        (lines, guard)
    }

    /// The lines since the last call; findings are left out.
    fn take(&self) -> Vec<(Level, String)> {
        let mut lines = std::mem::take(&mut *self.0.lock().expect("no panic"));
        lines.retain(|(_, line)| !line.contains("kind="));
        lines
    }

    /// The only line since the last call.
    #[track_caller]
    fn only(&self, level: Level, parts: &[&str]) {
        let lines = self.take();
        let [(its, line)] = &lines[..] else { panic!("{parts:?}: {lines:#?}") };
        assert!(*its == level && parts.iter().all(|part| line.contains(part)), "{parts:?}: {its} {line}");
    }
}

#[derive(Clone, Serialize, Deserialize, CacheEvent)]
#[event(name = "page.touched", key = "page:<id>")]
struct Touched {
    id: u64,
}

#[cached(key = "page:<id>", invalidated_by(Touched { id }), hard_ttl = "10m", consistency = strict, cache = cache, skip(cache))]
async fn page(cache: &Cache, id: u64) -> u64 {
    id
}

#[cached(key = "row:<id>", hard_ttl = "1ms", ttl_only = "a test", local, cache = cache, skip(cache, works))]
async fn row(cache: &Cache, id: u64, works: bool) -> Result<u64, std::io::Error> {
    if works { Ok(id) } else { Err(std::io::Error::other("the database is down")) }
}

fn is_told(lines: &[(Level, String)], part: &str) -> bool {
    lines.iter().any(|(_, line)| line.contains(part))
}

fn cache() -> (Cache, FaultyStore, ManualClock) {
    let clock = ManualClock::default();
    let store = remote(clock.clone());
    (Cache::builder().clock(clock.clone()).shared(store.clone()).build(), store, clock)
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_is_one_line_then_one_a_minute_and_one_when_it_is_up() {
    let (cache, store, clock) = cache();
    let (lines, _guard) = Lines::collect();
    page(&cache, 1).await;
    store.inject(Operation::Lookup, Fault::Error);
    for id in 0..200 {
        page(&cache, id).await;
    }
    lines.only(Level::WARN, &["page", "failed=1 ", "an error was injected", "the store does not answer"]);
    clock.advance(MINUTE);
    page(&cache, 1).await;
    lines.only(Level::WARN, &["failed=201 ", "down_for=60s"]);
    store.clear_of(Operation::Lookup);
    clock.advance(Duration::from_secs(5));
    page(&cache, 1).await;
    lines.only(Level::INFO, &["failed=201 ", "down_for=65s", "the store answers again"]);
    page(&cache, 1).await;
    assert_eq!(lines.take(), []);
    assert_eq!(cache.stats().function("page").expect("called").store_errors, 201);
}

/// The lines are what costs: a call that fails for lack of a store adds to a number.
#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_failing_calls_are_two_lines() {
    let (cache, store, _) = cache();
    let (lines, _guard) = Lines::collect();
    store.inject(Operation::Lookup, Fault::Error);
    for id in 0..100_000 {
        let _ = row(&cache, id, false).await;
        page(&cache, id % 10).await;
    }
    let lines = lines.take();
    assert_eq!(lines.len(), 2, "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn loads_that_fail_are_one_line_and_one_when_they_succeed() {
    let (cache, _, clock) = cache();
    let (lines, _guard) = Lines::collect();
    for id in 0..200 {
        row(&cache, id, false).await.expect_err("the database is down");
    }
    lines.only(Level::DEBUG, &["row", "failed=1 ", "loads fail"]);
    clock.advance(Duration::from_secs(3));
    row(&cache, 1, true).await.expect("the database is up");
    lines.only(Level::DEBUG, &["row", "failed=200 ", "failing_for=3s", "loads succeed again"]);
    // From here on each second load fails.
    for id in 0..200 {
        let _ = row(&cache, id, id % 2 == 0).await;
    }
    assert_eq!(lines.take(), [], "not within ten seconds");
}

#[tokio::test(start_paused = true)]
async fn invalidations_that_do_not_reach_the_store_are_one_line_and_one_when_they_have() {
    let (cache, store, clock) = cache();
    let (lines, _guard) = Lines::collect();
    page(&cache, 1).await;
    store.inject(Operation::Apply, Fault::Error);
    cache.publish_or_retry((0..200).map(|id| Touched { id }).collect::<Vec<_>>()).await;
    for id in 0..200 {
        cache.publish_or_retry(Touched { id }).await;
    }
    let found = lines.take();
    assert_eq!(found.len(), 2, "the store, and what the events mean for: {found:#?}");
    assert!(found[1].1.contains("page:0") && found[1].1.contains("invalidations do not reach the store"), "{found:#?}");
    store.clear_of(Operation::Apply);
    clock.advance(Duration::from_secs(7));
    while cache.stats().pending_invalidations > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    let found = lines.take();
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].1.contains("the store answers again"), "{found:#?}");
    assert!(found[1].1.contains("failing_for=7s") && found[1].1.contains("reach the store again"), "{found:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_down_is_one_line_and_one_when_it_is_up() {
    let clock = ManualClock::default();
    let store = remote(clock.clone());
    let cache = Cache::builder().clock(clock.clone()).memory(Memory::entries(10)).shared(store.clone()).build();
    let (lines, _guard) = Lines::collect();
    page(&cache, 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(lines.take(), []);
    store.inject(Operation::Follow, Fault::Error);
    tokio::time::sleep(Duration::from_secs(10)).await;
    lines.only(Level::WARN, &["failed=1 ", "the channel does not answer"]);
    store.clear_of(Operation::Follow);
    tokio::time::sleep(Duration::from_secs(1)).await;
    lines.only(Level::INFO, &["the channel answers again"]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_fails_or_misses_events_is_one_line_a_minute() {
    let (cache, _, clock) = cache();
    let (lines, _guard) = Lines::collect();
    let works = Arc::new(AtomicBool::new(false));
    let subscription = cache.subscribe({
        let works = Arc::clone(&works);
        move |_: Touched| std::future::ready(if works.load(SeqCst) { Ok(()) } else { Err("the handler is broken") })
    });
    for id in 0..10 {
        cache.publish_or_retry(Touched { id }).await;
    }
    while subscription.given_up() < 10 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    lines.only(Level::WARN, &["Touched", "failed=1 ", "the handler is broken"]);
    works.store(true, SeqCst);
    let _stuck = cache.subscribe(|_: Touched| std::future::pending::<Result<(), Infallible>>());
    for id in 0..5_000 {
        cache.publish_or_retry(Touched { id }).await;
        tokio::task::yield_now().await;
    }
    let missed = |(_, line): &(Level, String)| line.contains("it misses events");
    assert!(lines.take().iter().filter(|line| missed(line)).count() <= 2, "one of each handler");
    clock.advance(MINUTE);
    cache.publish_or_retry(Touched { id: 1 }).await;
    assert!(lines.take().iter().any(missed));
}

/// The number of events that became dead letters.
async fn dead_letters(cache: &Cache) -> usize {
    cache.group("broken").expect("there is a log").dead_letters().await.map_or(0, |letters| letters.len())
}

#[tokio::test]
async fn deliveries_that_fail_are_one_line_a_minute() {
    let server = Standalone::start(Options::default());
    let cache = Cache::builder().shared(Redis::url(server.url()).expect("an address")).build();
    let (lines, _guard) = Lines::collect();
    let group = cache.group("broken").expect("there is a log").from_start();
    let group = group.backoff(Duration::from_millis(1)).deliveries(3);
    let consumer = group.on(|_: Touched| std::future::ready(Err::<(), _>("the handler is broken"))).start();
    for id in 0..10 {
        cache.publish(Touched { id }).await.expect("the server works");
    }
    let all = async {
        while dead_letters(&cache).await < 10 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(MINUTE, all).await.expect("each event is given up");
    lines.only(Level::WARN, &["broken", "failed=1 ", "the handler is broken"]);
    drop(consumer);
}

/// Time of the log is that of the clock of the cache; the server is real.
#[tokio::test]
async fn a_redis_that_is_stopped_and_started() {
    let mut server = Standalone::start(Options::default());
    let clock = ManualClock::default();
    let redis = Redis::url(server.url()).expect("an address");
    let cache = Cache::builder().clock(clock.clone()).shared(redis).build();
    let (lines, _guard) = Lines::collect();
    let group = cache.group("billing").expect("the store has a log");
    let consumer = group.on(|_: Touched| std::future::ready(Ok::<_, Infallible>(()))).start();
    page(&cache, 1).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(lines.take(), []);

    server.kill9();
    for id in 0..200 {
        page(&cache, id).await;
    }
    // The consumer asks again and again, after a pause of 50 ms, 100 ms, 200 ms …
    tokio::time::sleep(Duration::from_secs(2)).await;
    let warned = lines.take();
    let with = |part: &str| warned.iter().filter(|(_, line)| line.contains(part)).count();
    assert_eq!(with("the store does not answer"), 1, "{warned:#?}");
    assert_eq!(with("an event consumer cannot read its log"), 1, "{warned:#?}");
    assert!(with("an event consumer's server does not answer") <= 1 && warned.len() <= 3, "{warned:#?}");
    let failed = cache.stats().function("page").expect("called").store_errors;
    assert!(failed >= 200, "{failed}");

    server.restart();
    let mut told = Vec::new();
    let up = async {
        while !["the store answers again", "reads its log again"].iter().all(|part| is_told(&told, part)) {
            // The breaker waits for its next probe, by this clock.
            clock.advance(Duration::from_millis(50));
            page(&cache, 1).await;
            told.extend(lines.take());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(MINUTE, up).await.expect("it is up again");
    assert!(told.iter().all(|(level, _)| *level == Level::INFO) && told.len() <= 3, "{told:#?}");
    drop(consumer);
    for id in 0..20 {
        page(&cache, id).await;
    }
    assert_eq!(lines.take(), []);
}
