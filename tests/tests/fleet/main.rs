//! Checked reads of a fleet on real servers, while these are killed, stopped, flushed, starved, failed over and cut
//! off: no strict read misses an event that was acknowledged before it began (G2), and no bounded read one that was
//! acknowledged longer ago than the strategy report says (G3).
//!
//! Prints reads, faults and violations. `CACHEMACRO_CHECK_READS` says how many reads each test makes at least: 29,000, and
//! ten times as many in `cargo xtask soak`, which are more than a million together.

mod bank;
mod branch;
mod database;
mod history;
mod ledger;
mod process;
mod world;

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use cachemacro::store::Redis;
use cachemacro::{Cache, CacheBuilder};
use cachemacro_servers::{Cluster, Faults, Options, Proxy, Sentinel, Standalone};

use crate::bank::{BRANCHES, Bank, give_up_waiting};
use crate::world::{Seen, World, say};

/// Twice the longest lease of these tests.
const STOPPED: Duration = Duration::from_secs(2);
/// In a row.
const FLUSHES: u64 = 150;
const LEASE: Duration = Duration::from_secs(1);

fn reads() -> u64 {
    std::env::var("CACHEMACRO_CHECK_READS").ok().and_then(|reads| reads.parse().ok()).unwrap_or(29_000)
}

fn fleet(redis: Redis) -> CacheBuilder {
    Cache::builder().namespace("fleet").shared(redis.lease(Duration::from_millis(200)..=LEASE))
}

fn on(url: &str) -> CacheBuilder {
    fleet(Redis::url(url).expect("a url"))
}

async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

#[track_caller]
fn assert_kept(seen: &Seen) {
    assert_eq!(seen.violations.load(Relaxed), 0, "{seen}");
}

/// Everything that can happen to one server, one after the other, with the world at work between.
async fn break_server(world: &World, server: &mut Standalone) -> u64 {
    let mut faults = 0;
    for _ in 0..2 {
        world.recover().await;
        // Again and again, so that records go while loads are under way, and others begin in their place.
        for _ in 0..FLUSHES {
            server.command(&["FLUSHALL"]).expect("it answers");
            pause(10).await;
        }
        world.recover().await;
        server.command(&["CLIENT", "KILL", "TYPE", "normal"]).expect("it answers");
        world.recover().await;
        server.snapshot();
        pause(600).await;
        // With an old file: what was acknowledged since is forgotten.
        server.restart();
        world.recover().await;
        server.stop();
        tokio::time::sleep(STOPPED).await;
        server.cont();
        world.recover().await;
        server.kill9();
        pause(700).await;
        server.restart_empty();
        world.recover().await;
        server.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-random"]).expect("it answers");
        server.command(&["CONFIG", "SET", "maxmemory", "1"]).expect("it answers");
        pause(500).await;
        server.command(&["CONFIG", "SET", "maxmemory", "0"]).expect("it answers");
        faults += FLUSHES + 5;
    }
    world.recover().await;
    faults
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_is_killed_stopped_flushed_and_starved() {
    let mut server = Standalone::start(Options::default());
    let url = server.url();
    let world = World::new(|| on(&url));
    let seen = world.run("one server", reads(), break_server(&world, &mut server)).await;
    assert_kept(&seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_the_server_is_slow_cut_and_truncated() {
    let server = Standalone::start(Options::default());
    let proxy = Proxy::start(server.port());
    let world = World::new(|| on(&proxy.url()));
    let broken = [
        Faults { delay: Duration::from_millis(30), ..Faults::default() },
        Faults { delay: Duration::from_secs(1), ..Faults::default() },
        Faults { cuts_requests: true, ..Faults::default() },
        Faults { cuts_answers: true, ..Faults::default() },
        Faults { truncates_after: Some(2_000), ..Faults::default() },
        Faults { refuses: true, ..Faults::default() },
    ];
    let chaos = async {
        for _ in 0..2 {
            world.recover().await;
            for faults in broken {
                proxy.set(faults);
                if faults.refuses {
                    proxy.drop_connections();
                }
                pause(1_200).await;
                proxy.set(Faults::default());
                world.recover().await;
            }
        }
        2 * broken.len() as u64
    };
    let seen = world.run("a bad way to the server", reads(), chaos).await;
    assert_kept(&seen);
}

/// A way of 30 to 60 ms, one that is faster for some processes than for others, and now and then one that is longer than an
/// operation may take: events wait in queues, and are sent again, while others of the same rows arrive.
#[tokio::test(flavor = "multi_thread")]
async fn writers_block_are_cancelled_and_fail_on_a_slow_way() {
    let server = Standalone::start(Options::default());
    let proxies: Vec<_> = (0..=2 * BRANCHES).map(|_| Proxy::start(server.port())).collect();
    let bank = Bank::new(|number| on(&proxies[number].url()));
    let slow = |there, back| {
        let (delay, delay_answers) = (Duration::from_millis(there), Duration::from_millis(back));
        Faults { delay, delay_answers, ..Faults::default() }
    };
    let chaos = async {
        for round in 0..12 {
            for (number, proxy) in proxies[..2 * BRANCHES].iter().enumerate() {
                // What a slow one has sent is not answered yet, while the others see what it did.
                let is_slow = number >= BRANCHES || number == round % BRANCHES;
                let way = || fastrand::u64(15..30);
                proxy.set(if is_slow { slow(way(), way()) } else { Faults::default() });
            }
            pause(1_500).await;
            proxies[..BRANCHES].iter().for_each(|proxy| proxy.set(slow(30, 400)));
            pause(300).await;
        }
        proxies.iter().for_each(|proxy| proxy.set(Faults::default()));
        12
    };
    let seen = bank.run("writers on a slow way", reads(), chaos).await;
    assert_kept(&seen);
}

/// G4: a caller that gives up waiting leaves the load of another alone.
#[tokio::test(flavor = "multi_thread")]
async fn callers_that_give_up_start_no_second_load() {
    let server = Standalone::start(Options::default());
    let proxy = Proxy::start(server.port());
    proxy.set(Faults { delay: Duration::from_millis(30), ..Faults::default() });
    let patient = |_| {
        let redis = Redis::url(proxy.url()).expect("a url").timeout(Duration::from_secs(5));
        Cache::builder().namespace("fleet").shared(redis.lease(Duration::from_secs(4)..=Duration::from_secs(10)))
    };
    let (reads, doubled) = give_up_waiting(patient, reads() / 40).await;
    say(&format!("callers that give up: {reads} reads, 0 faults, {doubled} violations"));
    assert_eq!(doubled, 0, "two loads of one report at once");
}

/// The replica that becomes the primary never heard of what was acknowledged last (R21).
#[tokio::test(flavor = "multi_thread")]
async fn a_failover_loses_what_was_acknowledged() {
    let mut servers = Sentinel::start();
    let (urls, master) = (servers.urls(), servers.master());
    let world = World::new(|| fleet(Redis::sentinel(&urls, master).expect("sentinels")));
    let chaos = async {
        world.recover().await;
        servers.cut_replication();
        pause(700).await;
        tokio::task::block_in_place(|| servers.fail_over());
        world.recover().await;
        1
    };
    let seen = world.run("a failover without the newest writes", reads(), chaos).await;
    assert_kept(&seen);
}

/// A slot moves to another primary while it is read and written, and a primary dies.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_moves_slots_and_loses_a_primary() {
    let mut cluster = tokio::task::block_in_place(Cluster::start);
    let urls = cluster.urls();
    let world = World::new(|| fleet(Redis::cluster(&urls).expect("a cluster")));
    let chaos = async {
        world.recover().await;
        for row in 0..8 {
            tokio::task::block_in_place(|| cluster.migrate_slot(&format!("{{fleet:row:{row}}}")));
            pause(100).await;
        }
        world.recover().await;
        tokio::task::block_in_place(|| cluster.kill_primary_of("{fleet:row:1}"));
        world.recover().await;
        9
    };
    let seen = world.run("a cluster", reads() / 2, chaos).await;
    assert_kept(&seen);
}
