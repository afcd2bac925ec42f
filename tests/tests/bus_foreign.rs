//! A consumer group whose keys hold what is not its own: another type, or a stream whose ids are used up. It makes room, and
//! goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use cachemacro::store::Redis;
use cachemacro::{Cache, CacheEvent, Group};
use cachemacro_servers::{Options, Standalone};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize, CacheEvent)]
#[event(name = "invoice.sent", key = "invoice:<id>", version = version)]
struct InvoiceSent {
    id: u64,
    version: u64,
}

const MAX_ID: &str = "18446744073709551615-18446744073709551615";

async fn until(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !check().await {
        assert!(Instant::now() < patience, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn billing(cache: &Cache) -> Group {
    let group = cache.group("billing").expect("the cache is on Redis");
    group.backoff(Duration::from_millis(5)).deliveries(1).claim_after(Duration::from_millis(200))
}

/// Publishes events until this many more were handled: those from before the group was made again need not reach it.
async fn goes_on(cache: &Cache, handled: &AtomicU64, more: u64) {
    let wanted = handled.load(SeqCst) + more;
    until("events are handled", async || {
        cache.publish_or_retry(InvoiceSent { id: 1, version: 1 }).await;
        handled.load(SeqCst) >= wanted
    })
    .await;
}

#[tokio::test]
async fn a_group_makes_room_for_its_keys() {
    let server = Standalone::start(Options::default());
    let redis = Redis::url(server.url()).expect("a url").timeout(Duration::from_secs(5));
    let cache = Cache::builder().namespace("shop").shared(redis).build();
    let (handled, fails) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let handler = {
        let (handled, fails) = (Arc::clone(&handled), Arc::clone(&fails));
        move |_: InvoiceSent| {
            let fail = fails.load(SeqCst) == 1;
            if !fail {
                handled.fetch_add(1, SeqCst);
            }
            async move { if fail { Err("the printer is out of paper") } else { Ok(()) } }
        }
    };
    let consumer = billing(&cache).on(handler).start();
    goes_on(&cache, &handled, 1).await;
    for damage in [&["RPUSH", "x"][..], &["SET", "x"], &["XADD", MAX_ID, "event", "invoice.sent"]] {
        for key in ["{shop}:events", "{shop}:retry:billing", "{shop}:dead:billing"] {
            server.command(&["DEL", key]).expect("it answers");
            let command: Vec<_> = [damage[0], key].into_iter().chain(damage[1..].iter().copied()).collect();
            server.command(&command).expect("it answers");
            goes_on(&cache, &handled, 2).await;
            // One that fails becomes a letter, which can be read and sent again.
            fails.store(1, SeqCst);
            let dead = consumer.dead();
            until("one is dead", async || {
                cache.publish_or_retry(InvoiceSent { id: 1, version: 1 }).await;
                consumer.dead() > dead
            })
            .await;
            fails.store(0, SeqCst);
            let letters = billing(&cache).dead_letters().await.expect("the letters are read");
            assert!(
                letters.iter().any(|letter| letter.error.contains("out of paper")),
                "{key} {damage:?}: {letters:?}"
            );
            let before = handled.load(SeqCst);
            assert!(billing(&cache).replay_dead_letters().await.expect("they are sent again") > 0);
            until("the letter is handled", async || handled.load(SeqCst) > before).await;
        }
    }
}
