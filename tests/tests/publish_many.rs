//! One publish of many events on Redis: on one server, and on a cluster. `cargo test --test publish_many -- --ignored --nocapture
//! measure` prints the times.

use std::time::{Duration, Instant};

use cachemacro::store::Redis;
use cachemacro::{Cache, CacheEvent, cached, invalidates};
use cachemacro_servers::{Cluster, Faults, Options, Proxy, Standalone};

#[derive(Clone, CacheEvent)]
#[event(name = "row.updated", key = "row:<id>", version = version)]
struct Updated {
    id: u64,
    version: u64,
}

#[cached(
    key = "row:<id>",
    invalidated_by(Updated { id }),
    version_from = |row: &(u64, u64)| row.1,
    hard_ttl = "10m",
    consistency = strict,
    cache = cache,
    skip(cache, version)
)]
async fn row(cache: &Cache, id: u64, version: u64) -> (u64, u64) {
    (id, version)
}

#[invalidates(|written| written.clone(), emits(Updated), cache = cache)]
async fn import(#[allow(unused)] cache: &Cache, count: u64, version: u64) -> Vec<Updated> {
    updates(count, version)
}

fn updates(count: u64, version: u64) -> Vec<Updated> {
    (0..count).map(|id| Updated { id, version }).collect()
}

fn cache(redis: Redis) -> Cache {
    Cache::builder().shared(redis.timeout(Duration::from_secs(5))).build()
}

/// Both kinds of Redis, with what keeps the servers.
fn caches() -> Vec<(&'static str, Cache, Box<dyn std::any::Any>)> {
    let (server, cluster) = (Standalone::start(Options::default()), Cluster::start());
    let one = cache(Redis::url(server.url()).expect("an address"));
    let many = cache(Redis::cluster(cluster.urls()).expect("addresses"));
    vec![("one server", one, Box::new(server)), ("a cluster", many, Box::new(cluster))]
}

/// Each round trip takes 20 ms, so one for each of these events would take 20 s.
#[tokio::test]
async fn many_events_take_few_round_trips_in_every_way_of_publishing() {
    const COUNT: u64 = 1_000;
    let server = Standalone::start(Options::default());
    let proxy = Proxy::start(server.port());
    let cache = cache(Redis::url(proxy.url()).expect("an address"));
    cache.publish(updates(1, 1)).await.expect("the server works");
    proxy.set(Faults { delay: Duration::from_millis(20), ..Faults::default() });
    let mut pending = cache.pending_events();
    pending.add(updates(COUNT, 5));
    let began = Instant::now();
    cache.publish(updates(COUNT, 2)).await.expect("the server works");
    import(&cache, COUNT, 3).await;
    cache.publish_or_retry(updates(COUNT, 4)).await;
    pending.publish().await.expect("the server works");
    let blocking = cache.clone();
    let told = tokio::task::spawn_blocking(move || blocking.publish_blocking(updates(COUNT, 6)));
    told.await.expect("no panic").expect("the server works");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(cache.stats().pending_invalidations, 0);
}

/// The server refuses the moves of some aggregates of one write: the others are applied, and the refused ones are retried one by one.
#[tokio::test]
async fn what_the_server_refuses_of_one_write_is_retried_alone() {
    const COUNT: u64 = 300;
    let options = Options::default().user("some", "secret", &["~*row:1*", "~*events*", "&*", "+@all"]);
    let server = Standalone::start(options);
    let reader = cache(Redis::url(server.url()).expect("an address"));
    let writer = cache(Redis::url(server.url_of("some", "secret")).expect("an address"));
    for id in 0..COUNT {
        assert_eq!(row(&reader, id, 1).await, (id, 1));
    }
    writer.publish(updates(COUNT, 2)).await.expect_err("most are refused");
    for id in 0..COUNT {
        let is_allowed = id.to_string().starts_with('1');
        assert_eq!(row(&reader, id, 2).await, (id, if is_allowed { 2 } else { 1 }));
    }
    server.command(&["ACL", "SETUSER", "some", "~*"]).expect("the default user may");
    let all = async {
        while writer.stats().pending_invalidations > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.expect("all are retried");
    for id in 0..COUNT {
        assert_eq!(row(&reader, id, 2).await, (id, 2));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "prints times"]
async fn measure_a_publish_of_20000_events() {
    for (kind, cache, _server) in caches() {
        for id in 0..100 {
            row(&cache, id, 1).await;
        }
        for count in [20_000, 20_000] {
            let began = Instant::now();
            cache.publish(updates(count, 2)).await.expect("the server works");
            println!("{kind}: publish of {count} events: {:?}", began.elapsed());
        }
        let began = Instant::now();
        import(&cache, 20_000, 3).await;
        println!("{kind}: #[invalidates] with 20000 events: {:?}", began.elapsed());
    }
}
