//! Of all processes one loads what none has.

#[path = "kit/server.rs"]
mod kit;
#[path = "kit/process.rs"]
mod process;

use std::time::{Duration, Instant};

use cachemacro_runtime::Clock;
use cachemacro_runtime::store::Fill;
use cachemacro_runtime::store::{Fence, Lease, Move, RemoteStore};
use kit::{Server, namespace};
use process::{Call, Process, entry, find};

const TERM: Duration = Duration::from_millis(400);

/// Processes whose leases last as long as `TERM`, whatever they load.
fn process(server: &Server, namespace: &str) -> Process {
    Process::new(server.redis().lease(TERM..=TERM), namespace)
}

fn is_held(lease: Lease) -> bool {
    matches!(lease, Lease::Held(left) if left > Duration::ZERO && left <= TERM)
}

/// How long it takes until the lease is free.
async fn until_free(process: &Process, call: &Call) -> Duration {
    let began = Instant::now();
    loop {
        let entered = process.enter(call).await;
        if entered.lease == Lease::Free {
            return began.elapsed();
        }
        assert!(began.elapsed() < TERM * 20, "it is never free");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn another_process_has_to_wait_and_the_fill_releases_it() {
    let (server, name) = (Server::start().await, namespace());
    let (one, other) = (process(&server, &name), process(&server, &name));
    let call = find("user:1");
    let entered = one.enter(&call).await;
    assert_eq!(entered.lease, Lease::Free);
    let waiting = other.enter(&call).await;
    assert!(is_held(waiting.lease), "{:?}", waiting.lease);
    assert_eq!(waiting.snapshots, entered.snapshots, "who waits has a fence all the same");
    assert!(waiting.hold.is_none());
    assert_eq!(other.lease(&find("user:2")).await, Lease::Free, "of another entry");
    assert_eq!(one.fill(&call, &entered.snapshots, Fence::Row(1), b"1").await, Ok(()));
    assert_eq!(other.lease(&call).await, Lease::Free, "at once");
    drop(entered);
}

/// The next caller of the process entered while the fill was on its way, and goes on to load.
#[tokio::test]
async fn a_fill_releases_no_lease_that_its_process_still_relies_on() {
    let (server, name) = (Server::start().await, namespace());
    let (one, other) = (process(&server, &name), process(&server, &name));
    let call = find("user:1");
    one.load(&call, 1).await;
    let (first, next) = (one.enter(&call).await, one.enter(&call).await);
    assert_eq!(one.fill(&call, &first.snapshots, Fence::Row(1), b"1").await, Ok(()));
    drop(first);
    assert!(is_held(other.lease(&call).await), "the next load of the process has it");
    assert_eq!(one.fill(&call, &next.snapshots, Fence::Row(1), b"1").await, Ok(()));
    assert_eq!(other.lease(&call).await, Lease::Free, "at once");
    drop(next);
}

#[tokio::test]
async fn it_lasts_as_long_as_the_load() {
    let (server, name) = (Server::start().await, namespace());
    let (one, other) = (process(&server, &name), process(&server, &name));
    let call = find("user:1");
    let entered = one.enter(&call).await;
    let began = Instant::now();
    while began.elapsed() < TERM * 3 {
        assert!(is_held(other.lease(&call).await), "after {:?}", began.elapsed());
        tokio::time::sleep(TERM / 8).await;
    }
    drop(entered);
    assert!(until_free(&other, &call).await < TERM / 2, "a load that ends without a fill releases it");
}

#[tokio::test]
async fn that_of_a_dead_process_runs_out() {
    let (server, name) = (Server::start().await, namespace());
    let other = process(&server, &name);
    let call = find("user:1");
    let (redis, its_name) = (server.redis(), name.clone());
    let dead = std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let one = Process::new(redis.lease(TERM..=TERM), &its_name);
        let entered = runtime.block_on(one.enter(&find("user:1")));
        assert_eq!(entered.lease, Lease::Free);
        runtime.shutdown_background();
        entered
    });
    let _entered = tokio::task::spawn_blocking(|| dead.join().expect("it entered")).await.expect("it entered");
    assert!(is_held(other.lease(&call).await));
    let waited = until_free(&other, &call).await;
    assert!(waited < TERM * 3, "{waited:?}");
}

#[tokio::test]
async fn one_under_a_snapshot_that_is_no_more_is_taken_over() {
    let (server, name) = (Server::start().await, namespace());
    let (one, other) = (process(&server, &name), process(&server, &name));
    let call = find("user:1");
    for moved in [Move::Bump(1), Move::Next, Move::Rollback { to: 0 }] {
        let entered = one.enter(&call).await;
        assert!(is_held(other.lease(&call).await), "{moved:?}");
        one.apply("user:1", moved).await;
        let next = other.enter(&call).await;
        assert_eq!(next.lease, Lease::Free, "{moved:?}: the load will be refused");
        drop(entered);
        tokio::time::sleep(TERM / 4).await;
        assert!(is_held(one.lease(&call).await), "{moved:?}: a lost lease does not release the next one");
        drop(next);
        tokio::time::sleep(TERM / 4).await;
    }
}

#[tokio::test]
async fn who_gives_up_waiting_takes_nothing_from_who_loads() {
    let (server, name) = (Server::start().await, namespace());
    let (one, other) = (process(&server, &name), process(&server, &name));
    let call = find("user:1");
    let loads = one.enter(&call).await;
    for _ in 0..3 {
        let waits = one.enter(&call).await;
        assert_eq!(waits.lease, Lease::Free, "a flight of its process tells it to wait");
        drop(waits);
        tokio::time::sleep(TERM / 4).await;
        assert!(is_held(other.lease(&call).await), "the load goes on");
    }
    tokio::time::sleep(TERM * 2).await;
    assert!(is_held(other.lease(&call).await), "and is renewed");
    drop(loads);
    assert!(until_free(&other, &call).await < TERM / 2);
}

#[tokio::test]
async fn who_takes_a_load_over_keeps_its_lease() {
    let (server, name) = (Server::start().await, namespace());
    let (one, other) = (process(&server, &name), process(&server, &name));
    let call = find("user:1");
    let loads = one.enter(&call).await;
    let waits = one.enter(&call).await;
    drop(loads);
    let began = Instant::now();
    while began.elapsed() < TERM * 3 {
        assert!(is_held(other.lease(&call).await), "after {:?}", began.elapsed());
        tokio::time::sleep(TERM / 8).await;
    }
    assert_eq!(one.fill(&call, &waits.snapshots, Fence::Row(1), b"1").await, Ok(()));
    assert_eq!(other.lease(&call).await, Lease::Free, "at once");
}

#[tokio::test]
async fn no_caller_waits_longer_than_for_the_longest() {
    let (server, name) = (Server::start().await, namespace());
    let call = find("user:1");
    let key = format!("{{{name}:user:1}}:find:lease");
    let (one, other) = (process(&server, &name), process(&server, &name));
    // Of a process that is gone: its last word lasts an hour, or for ever.
    let leave = async |command: &[&str]| {
        // The last guard releases the lease in a task: until then this process has none.
        let entered = loop {
            let entered = one.enter(&call).await;
            if entered.lease == Lease::Free {
                break entered;
            }
            tokio::task::yield_now().await;
        };
        let text: String = server.ask(&["GET", &key]).await;
        drop(entered);
        tokio::time::sleep(TERM / 2).await;
        let text = text.replace(&text[..8], "deadbeef");
        let _: String = server.ask(&["SET", &key, &text]).await;
        if let [command, rest] = command {
            let _: i64 = server.ask(&[command, &key, rest]).await;
        }
    };
    leave(&["EXPIRE", "3600"]).await;
    assert!(is_held(other.lease(&call).await), "{:?}", other.lease(&call).await);
    let waited = until_free(&other, &call).await;
    assert!(waited <= TERM * 2, "{waited:?}");
    leave(&[]).await;
    let waited = until_free(&other, &call).await;
    assert!(waited <= TERM * 2, "{waited:?}");
}

#[tokio::test]
async fn its_own_process_need_not_wait() {
    let (server, name) = (Server::start().await, namespace());
    let (one, other) = (process(&server, &name), process(&server, &name));
    let call = find("user:1");
    let first = one.enter(&call).await;
    let second = one.enter(&call).await;
    assert_eq!(second.lease, Lease::Free, "the first load is over, or a flight would have joined the two");
    drop(first);
    tokio::time::sleep(TERM / 4).await;
    assert!(is_held(other.lease(&call).await), "the end of the first is not the end of the second");
}

#[tokio::test]
async fn it_lasts_four_times_as_long_as_loads_do() {
    let (server, name) = (Server::start().await, namespace());
    let one = Process::new(server.redis(), "shop");
    drop(name);
    let left = async |id: &str| {
        let _entered = one.enter(&find(id)).await;
        Duration::from_millis(server.ask(&["PTTL", &format!("{{shop:{id}}}:find:lease")]).await)
    };
    let first = left("user:1").await;
    assert!(first > Duration::from_millis(1900) && first <= Duration::from_secs(2), "{first:?}");
    let call = find("user:2");
    let snapshots = one.enter(&call).await.snapshots;
    let entry = cachemacro_runtime::store::Entry { cost: Duration::from_secs(1), ..entry(one.clock.now(), b"x") };
    let fill = Fill { snapshots, fence: Fence::Row(1), from_primary: true, entry };
    assert_eq!(one.store.fill(call.query(), fill).await.expect("FILL"), Ok(()));
    let later = left("user:3").await;
    assert!(later > Duration::from_millis(3900) && later <= Duration::from_secs(4), "{later:?}");
}
