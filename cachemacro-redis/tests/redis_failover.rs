//! R21: a server that came back with what it once had saved has forgotten what was acknowledged since.

#[path = "kit/server.rs"]
mod kit;
#[path = "kit/process.rs"]
mod process;

use cachemacro_redis::OnFailover;
use cachemacro_runtime::store::{Applied, Fence, Move, Refused, RemoteStore, Snapshot};
use kit::{Server, namespace};
use process::{Call, Process, find};

/// A server that has forgotten event 8, and a fence from before.
struct Forgotten {
    process: Process,
    call: Call,
    before: Vec<Snapshot>,
    server: Server,
}

async fn forgotten(on_failover: OnFailover) -> Forgotten {
    let mut server = Server::start().await;
    let process = Process::new(server.redis().on_failover(on_failover), &namespace());
    let call = find("user:1");
    process.load(&call, 7).await;
    let before = process.enter(&call).await.snapshots;
    server.ask::<()>(&["SAVE"]).await;
    assert_eq!(process.apply("user:1", Move::Bump(8)).await, Applied::Moved);
    assert_eq!(process.served(&call).await, None);
    let incarnation = process.store.incarnation();
    server.crash().await;
    // The connection has to be made anew first.
    while process.store.lookup(call.query()).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(process.store.incarnation() == incarnation, on_failover == OnFailover::Trust);
    Forgotten { process, call, before, server }
}

#[tokio::test]
async fn a_suspect_record_serves_nothing_until_a_primary_has_confirmed_it() {
    let Forgotten { process, call, before, server: _server } = forgotten(OnFailover::SuspectReplay).await;
    assert_eq!(process.served(&call).await, None);
    assert_eq!(process.fill(&call, &before, Fence::Row(7), b"late").await, Err(Refused::Moved));
    let verified = process.store.verify(call.query(), &before, 7).await.expect("VERIFY");
    assert_eq!(verified, Err(Refused::Moved), "asked before it was known that the server forgot");
    assert_eq!(process.served(&call).await, None);
    let entered = process.enter(&call).await;
    assert!(entered.needs_primary);
    assert_eq!(entered.snapshots[0].floor, 7, "what it knew is kept");
    assert_ne!(entered.snapshots, before);
    assert_eq!(process.served(&call).await, None);
    let verified = process.store.verify(call.query(), &entered.snapshots, 7).await.expect("VERIFY");
    assert!(verified.is_ok());
    assert_eq!(process.served(&call).await.as_deref(), Some("7"), "warm, once a primary says that it is the newest");
}

#[tokio::test]
async fn an_event_that_is_sent_again_finds_a_suspect_record() {
    for (moved, floor) in [(Move::Bump(8), 8), (Move::Bump(7), 7), (Move::Rollback { to: 6 }, 6), (Move::Next, 7)] {
        let Forgotten { process, call, before, server } = forgotten(OnFailover::SuspectReplay).await;
        assert_eq!(process.apply("user:1", moved).await, Applied::Moved, "{moved:?}");
        let (info, key): (String, _) = (server.ask(&["INFO", "replication"]).await, server.keys("*:index").await);
        let replid = info.lines().find_map(|line| line.strip_prefix("master_replid:")).expect("a replication id");
        let record: String = server.ask(&["GET", &key[0]]).await;
        assert!(record.contains(" cold=1 ") && record.contains(&format!(" server={} ", &replid[..16])), "{record}");
        assert_eq!(process.served(&call).await, None, "{moved:?}");
        assert_eq!(process.fill(&call, &before, Fence::Row(9), b"late").await, Err(Refused::Moved), "{moved:?}");
        let entered = process.enter(&call).await;
        assert!(entered.needs_primary, "{moved:?}");
        assert_eq!(entered.snapshots[0].floor, floor, "{moved:?}");
    }
}

#[tokio::test]
async fn a_suspect_record_detects_nothing() {
    let Forgotten { process, call, before, server: _server } = forgotten(OnFailover::SuspectReplay).await;
    assert!(!process.store.detect(&call.aggregates()[0], before[0], 1).await.expect("DETECT"));
    assert_eq!(process.enter(&call).await.snapshots[0].floor, 7);
}

/// Marks may be among what was forgotten.
#[tokio::test]
async fn where_numbers_are_used_twice_nothing_of_a_suspect_record_comes_back() {
    let mut server = Server::start().await;
    let process = Process::new(server.redis(), &namespace());
    let call = find("user:1");
    drop(process.store.enter(call.query(), true).await.expect("ENTER"));
    process.load(&call, 6).await;
    server.ask::<()>(&["SAVE"]).await;
    process.apply("user:1", Move::Rollback { to: 5 }).await;
    server.crash().await;
    while process.store.lookup(call.query()).await.is_err() {
        tokio::task::yield_now().await;
    }
    let entered = process.enter(&call).await;
    let verified = process.store.verify(call.query(), &entered.snapshots, 6).await.expect("VERIFY");
    assert!(verified.is_ok(), "the number is used again");
    assert_eq!(process.served(&call).await, None, "its old content was rolled back");
}

#[tokio::test]
async fn with_rotate_all_is_gone() {
    let Forgotten { process, call, before, server: _server } = forgotten(OnFailover::Rotate).await;
    assert_eq!(process.served(&call).await, None);
    assert_eq!(process.fill(&call, &before, Fence::Row(7), b"late").await, Err(Refused::Lost));
    assert_eq!(process.apply("user:1", Move::Bump(8)).await, Applied::Absent);
    let entered = process.enter(&call).await;
    assert!(entered.needs_primary);
    assert_eq!(entered.snapshots[0].floor, 0);
    let verified = process.store.verify(call.query(), &entered.snapshots, 7).await.expect("VERIFY");
    assert!(verified.is_ok());
    assert_eq!(process.served(&call).await, None, "no entry of an earlier life");
}

#[tokio::test]
async fn with_trust_all_is_as_before() {
    let Forgotten { process, call, before, server: _server } = forgotten(OnFailover::Trust).await;
    assert_eq!(process.served(&call).await.as_deref(), Some("7"), "stale: the user vouches for the server");
    assert_eq!(process.fill(&call, &before, Fence::Row(7), b"new").await, Ok(()));
}
