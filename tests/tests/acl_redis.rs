//! The rights that docs/redis.md says are enough, for a store and for a service that handles events. The words are read from
//! there: what the page says is what is tried.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use cachemacro::store::Redis;
use cachemacro::{Cache, CacheEvent, Memory, cached};
use cachemacro_servers::{Options, Standalone};
use serde::{Deserialize, Serialize};

const PAGE: &str = include_str!("../../docs/redis.md");

/// The rules of the user that the page makes, from its key pattern on.
fn of_the_store() -> Vec<&'static str> {
    let rule = PAGE.lines().find_map(|line| line.trim().strip_prefix("ACL SETUSER cachemacro on >secret "));
    rule.expect("the page says what the store needs").split(' ').collect()
}

/// The commands that consumer groups also need.
fn of_groups() -> Vec<String> {
    let line = PAGE.lines().find_map(|line| line.trim().strip_prefix("Consumer groups also call "));
    let words = line.and_then(|line| line.split_once(". ")).expect("the page says what groups need").0;
    words.split('`').skip(1).step_by(2).map(|word| format!("+{word}")).collect()
}

#[derive(Clone, Debug, Serialize, Deserialize, CacheEvent)]
#[event(name = "order.paid", key = "order:<id>", version = version)]
struct OrderPaid {
    id: u64,
    version: u64,
}

#[cached(key = "order:<id>", invalidated_by(OrderPaid { id }), hard_ttl = "1h", skip(cache), cache = cache)]
async fn order(id: u64, cache: &Cache) -> u64 {
    let _ = cache;
    id
}

/// What the server refused so far.
fn assert_nothing_refused(server: &Standalone) {
    let log = server.command(&["ACL", "LOG"]).expect("the default user may ask");
    assert_eq!(log.trim(), "");
}

async fn until(what: &str, server: &Standalone, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert_nothing_refused(server);
        assert!(Instant::now() < deadline, "not in 20 s: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A cache of this user, with a local tier.
fn cache(server: &Standalone, user: &str) -> Cache {
    let redis = Redis::url(server.url_of(user, "secret")).expect("a url").timeout(Duration::from_secs(5));
    Cache::builder().namespace("shop").memory(Memory::entries(100)).shared(redis).build()
}

/// Everything that a group can be asked for: events, failures, and what becomes of dead letters.
async fn work_through_a_group(server: &Standalone, writer: &Cache, reader: &Cache) {
    let is_mended = Arc::new(AtomicBool::new(false));
    let handler = {
        let is_mended = Arc::clone(&is_mended);
        move |_: OrderPaid| std::future::ready(if is_mended.load(SeqCst) { Ok(()) } else { Err("closed") })
    };
    let group = || reader.group("billing").expect("it is on Redis").backoff(Duration::from_millis(10)).deliveries(2);
    let consumer = group().on(handler).from_start().start();
    for id in 0..3 {
        order(id, writer).await;
        writer.publish(OrderPaid { id, version: 2 }).await.expect("it may publish");
    }
    until("all are dead", server, || consumer.dead() == 3).await;
    is_mended.store(true, SeqCst);
    let desk = group();
    let letters = desk.dead_letters().await.expect("it may list them");
    assert!(desk.discard_dead_letter(&letters[0].id).await.expect("it may throw one away"));
    assert!(desk.replay_dead_letter(&letters[1].id).await.expect("it may replay one"));
    assert_eq!(desk.replay_dead_letters().await.expect("it may replay all"), 1);
    until("they are handled", server, || consumer.handled() == 2).await;
    consumer.stop().await;
    let (again, abandoned) = (group().on(|_: OrderPaid| std::future::pending::<Result<(), String>>()), 9);
    drop(again.start());
    order(abandoned, writer).await;
    writer.publish(OrderPaid { id: abandoned, version: 2 }).await.expect("it may publish");
    assert_nothing_refused(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_rights_are_enough() {
    let store = of_the_store();
    let groups: Vec<String> = store.iter().map(|word| (*word).to_owned()).chain(of_groups()).collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let server =
        Standalone::start(Options::default().user("store", "secret", &store).user("groups", "secret", &groups));
    let (writer, reader) = (cache(&server, "store"), cache(&server, "groups"));
    assert_eq!((order(1, &writer).await, order(1, &reader).await), (1, 1));
    work_through_a_group(&server, &writer, &reader).await;
    for cache in [&writer, &reader] {
        let stats = cache.stats();
        assert_eq!(stats.function("order").map(|order| order.store_errors), Some(0));
    }
}
