//! Purges by the event log of Redis: what any process publishes is purged, and a process that dies loses nothing.

#![cfg(feature = "edge-client")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cachemacro::http::edge::{ClientError, Purger, TagKey, Varnish};
use cachemacro::store::Redis;
use cachemacro::{Cache, CacheEvent};
use cachemacro_servers::{Options, Standalone};
use http::{Request, Response};
use serde::{Deserialize, Serialize};

#[derive(Clone, CacheEvent, Serialize, Deserialize)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated {
    id: u64,
    version: u64,
}

/// It has no JSON form, and is a message with moves alone.
#[derive(Clone, CacheEvent)]
#[event(name = "user.touched", key = "user:<id>")]
struct UserTouched {
    id: u64,
}

/// What was purged, how often.
#[derive(Clone, Default)]
struct Purged(Arc<Mutex<BTreeMap<String, u32>>>);

impl Purged {
    fn times(&self, aggregate: &str) -> u32 {
        let tag = TagKey::new("shop").aggregate(aggregate);
        self.0.lock().expect("no panic").get(tag.as_str()).copied().unwrap_or_default()
    }

    fn of_namespace(&self) -> u32 {
        let tag = TagKey::new("shop").namespace();
        self.0.lock().expect("no panic").get(tag.as_str()).copied().unwrap_or_default()
    }

    async fn until(&self, what: impl Fn(&Self) -> bool) {
        let seen = async {
            while !what(self) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let is_seen = tokio::time::timeout(Duration::from_secs(20), seen).await;
        is_seen.unwrap_or_else(|_| panic!("purged until now: {:?}", self.0.lock().expect("no panic")));
    }

    /// A purger whose purges are repeated after this time.
    fn purger(&self, fetch_timeout: Duration) -> Purger {
        let purged = self.clone();
        let client = move |request: Request<Bytes>| {
            let tags = request.headers()["xkey-purge"].to_str().expect("ASCII").to_owned();
            let mut counts = purged.0.lock().expect("no panic");
            tags.split(' ').for_each(|tag| *counts.entry(tag.to_owned()).or_default() += 1);
            async { Ok::<_, ClientError>(Response::builder().header("xkey-purged", "1").body(Bytes::new())?) }
        };
        let varnish = Varnish::at("http://127.0.0.1:1").fetch_timeout(fetch_timeout);
        Purger::builder(TagKey::new("shop")).cdn(varnish).client(client).start().expect("its settings are right")
    }
}

fn cache(server: &Standalone) -> Cache {
    let redis = Redis::url(server.url()).expect("a URL");
    Cache::builder().namespace("shop").shared(redis).build()
}

async fn redis() -> Standalone {
    tokio::task::spawn_blocking(|| Standalone::start(Options::default())).await.expect("it starts")
}

/// How many messages of the group are not acknowledged.
fn unacknowledged(server: &Standalone) -> u64 {
    let answer = server.command(&["XPENDING", "{shop}:events", "cdn"]).expect("the group is there");
    answer.split_whitespace().next().and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{answer}"))
}

async fn until_joined(server: &Standalone) {
    while server.command(&["XPENDING", "{shop}:events", "cdn"]).is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_any_process_publishes_is_purged_and_acknowledged_at_last() {
    let server = redis().await;
    let purged = Purged::default();
    let following = purged.purger(Duration::from_secs(1)).follow(&cache(&server), "cdn").expect("it has a log");
    until_joined(&server).await;
    let other = cache(&server);
    other.publish(UserUpdated { id: 1, version: 2 }).await.expect("Redis works");
    other.publish(UserTouched { id: 2 }).await.expect("Redis works");
    purged.until(|purged| purged.times("user:1") == 1 && purged.times("user:2") == 1).await;
    assert_eq!(unacknowledged(&server), 2, "before the last purge");
    purged.until(|purged| purged.times("user:1") == 2 && purged.times("user:2") == 2).await;
    purged.until(|_| unacknowledged(&server) == 0).await;
    assert_eq!(following.pending(), 0);
    assert_eq!(purged.of_namespace(), 0);
    following.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_before_the_last_purge_loses_nothing() {
    let server = redis().await;
    let claim = Duration::from_millis(400);
    let dies = Purged::default();
    let following = dies
        .purger(Duration::from_secs(60))
        .follow_claiming_after(&cache(&server), "cdn", claim)
        .expect("it has a log");
    until_joined(&server).await;
    let cache = cache(&server);
    cache.publish(UserUpdated { id: 1, version: 2 }).await.expect("Redis works");
    dies.until(|purged| purged.times("user:1") == 1).await;
    drop(following);
    cache.publish(UserUpdated { id: 2, version: 2 }).await.expect("Redis works");

    let lives = Purged::default();
    let _following =
        lives.purger(Duration::from_secs(1)).follow_claiming_after(&cache, "cdn", claim).expect("it has a log");
    lives.until(|purged| purged.times("user:1") == 2 && purged.times("user:2") == 2).await;
    lives.until(|_| unacknowledged(&server) == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_hands_over_and_the_next_one_goes_on_at_once() {
    let server = redis().await;
    let cache = cache(&server);
    let stops = Purged::default();
    let following = stops.purger(Duration::from_secs(60)).follow(&cache, "cdn").expect("it has a log");
    until_joined(&server).await;
    cache.publish(UserUpdated { id: 1, version: 2 }).await.expect("Redis works");
    stops.until(|purged| purged.times("user:1") == 1).await;
    following.stop().await;
    let goes_on = Purged::default();
    let _following = goes_on.purger(Duration::from_secs(1)).follow(&cache, "cdn").expect("it has a log");
    goes_on.until(|purged| purged.times("user:1") == 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_purges_everything() {
    let server = redis().await;
    let purged = Purged::default();
    let _following = purged.purger(Duration::from_secs(1)).follow(&cache(&server), "cdn").expect("it has a log");
    until_joined(&server).await;
    server.command(&["XADD", "{shop}:events", "*", "moves", "shake user:1"]).expect("Redis works");
    purged.until(|purged| purged.of_namespace() == 2).await;
    purged.until(|_| unacknowledged(&server) == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_events_are_acknowledged_together() {
    let server = redis().await;
    let purged = Purged::default();
    let following = purged.purger(Duration::from_secs(1)).follow(&cache(&server), "cdn").expect("it has a log");
    until_joined(&server).await;
    let cache = cache(&server);
    for chunk in 0..10 {
        let events: Vec<_> = (0..500).map(|id| UserUpdated { id: chunk * 500 + id, version: 2 }).collect();
        cache.publish(events).await.expect("Redis works");
    }
    purged.until(|purged| (0..5_000).all(|id| purged.times(&format!("user:{id}")) >= 2)).await;
    purged.until(|_| unacknowledged(&server) == 0).await;
    following.stop().await;
}

#[tokio::test]
async fn a_cache_without_a_log_is_told_so() {
    let purger = Purged::default().purger(Duration::from_secs(1));
    let error = purger.follow(&Cache::builder().build(), "cdn").expect_err("there is no log").to_string();
    assert!(error.contains("no event log") && error.contains(".edge(purger)"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_clear_purges_everything() {
    let purged = Purged::default();
    let purger = purged.purger(Duration::from_secs(1));
    let cache = Cache::builder().edge(purger.for_clears()).build();
    cache.publish(UserUpdated { id: 1, version: 2 }).await.expect("it is in this process");
    cache.clear();
    purged.until(|purged| purged.of_namespace() == 1).await;
    assert_eq!(purged.times("user:1"), 0, "events come by the log");
}
