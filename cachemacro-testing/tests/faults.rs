//! What a faulty store does with each fault, seen through its operations.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cachemacro_runtime::store::{
    Aggregate, Announcement, Applied, Entry, Fence, FenceKind, Fill, Followed, InvalidationChannel, Lease, Lookup,
    Made, Move, Notice, Payload, Position,
};
use cachemacro_runtime::{Clock, ManualClock, RemoteStore};
use cachemacro_testing::{Call, Fault, FaultyStore, Operation, ReferenceStore};

fn store() -> (FaultyStore, ManualClock) {
    let clock = ManualClock::default();
    let inside = Arc::new(ReferenceStore::new(Arc::new(clock.clone()), Duration::ZERO));
    (FaultyStore::new(inside.shared(), clock.clone()), clock)
}

fn row(text: &str) -> Call {
    Call::new("find", text, &[text])
}

/// ENTER and FILL, with a row of this version.
async fn load(store: &FaultyStore, clock: &ManualClock, call: &Call, version: u64) {
    let entered = store.enter(call.query(), false).await.expect("ENTER");
    let deadline = clock.now().after(Duration::from_secs(60));
    let entry = Entry {
        payload: Payload::Bytes(Arc::from(b"row".as_slice())),
        version: 0,
        kind: FenceKind::Row,
        written: clock.now(),
        soft: deadline,
        hard: deadline,
        cost: Duration::ZERO,
        weight: 3,
        made: Made::default(),
    };
    let fill = Fill { snapshots: entered.snapshots, fence: Fence::Row(version), from_primary: true, entry };
    assert_eq!(store.fill(call.query(), fill).await.expect("FILL"), Ok(()));
}

async fn served(store: &FaultyStore, call: &Call) -> Option<Vec<u8>> {
    match store.lookup(call.query()).await.expect("LOOKUP") {
        Lookup::Hit(Entry { payload: Payload::Bytes(bytes), .. }, _) => Some(bytes.to_vec()),
        Lookup::Hit(entry, _) => panic!("a store of bytes returned {entry:?}"),
        Lookup::Miss => None,
    }
}

async fn bump(store: &FaultyStore, aggregate: &str, version: u64) -> Option<Applied> {
    store.apply(&Aggregate::new(aggregate), Move::Bump(version)).await.ok()
}

/// Whether it is done after as many polls as it could need.
fn is_ready<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> bool {
    let mut future = future;
    let mut context = Context::from_waker(Waker::noop());
    (0..10).any(|_| matches!(future.as_mut().poll(&mut context), Poll::Ready(_)))
}

#[tokio::test]
async fn an_error_is_one_before_anything_is_done() {
    let (store, clock) = store();
    load(&store, &clock, &row("row:1"), 1).await;
    store.inject(Operation::Apply, Fault::Error);
    assert_eq!((bump(&store, "row:1", 2).await, bump(&store, "row:1", 2).await), (None, None));
    assert!(served(&store, &row("row:1")).await.is_some(), "the event did not arrive");
    store.clear_of(Operation::Apply);
    assert_eq!(bump(&store, "row:1", 2).await, Some(Applied::Moved));
    assert_eq!(store.calls(Operation::Apply), 3);
}

#[tokio::test]
async fn a_lost_answer_is_an_error_after_all_is_done() {
    let (store, clock) = store();
    load(&store, &clock, &row("row:1"), 1).await;
    store.inject_once(Operation::Apply, Fault::LostAnswer);
    assert_eq!(bump(&store, "row:1", 2).await, None);
    assert_eq!(served(&store, &row("row:1")).await, None, "the event arrived");
    assert_eq!(bump(&store, "row:1", 2).await, Some(Applied::Duplicate));
}

#[tokio::test]
async fn a_fault_is_for_one_aggregate_or_for_one_call() {
    let (store, _) = store();
    store.inject_for("row:2", Operation::Apply, Fault::Error);
    assert_eq!(bump(&store, "row:1", 1).await, Some(Applied::Absent));
    assert_eq!(bump(&store, "row:2", 1).await, None);
    store.inject_once(Operation::Lookup, Fault::Error);
    assert!(store.lookup(row("row:1").query()).await.is_err());
    assert!(store.lookup(row("row:1").query()).await.is_ok());
    store.inject_everywhere(Fault::Error);
    assert!(store.follow(None, Duration::ZERO).await.is_err());
    store.clear();
    assert_eq!(bump(&store, "row:2", 1).await, Some(Applied::Absent));
}

#[tokio::test]
async fn the_last_of_several_faults_counts() {
    let (store, clock) = store();
    load(&store, &clock, &row("row:1"), 1).await;
    store.inject(Operation::Apply, Fault::LostAnswer);
    store.inject_once(Operation::Apply, Fault::Error);
    assert_eq!(bump(&store, "row:1", 2).await, None);
    assert!(served(&store, &row("row:1")).await.is_some(), "nothing is done");
    assert_eq!(bump(&store, "row:1", 2).await, None);
    assert_eq!(served(&store, &row("row:1")).await, None, "it is done, and its answer is lost");
}

#[test]
fn a_delay_is_by_the_clock() {
    let (store, clock) = store();
    store.inject(Operation::Apply, Fault::Delay(Duration::from_secs(2)));
    let mut slow = pin!(bump(&store, "row:1", 1));
    assert!(!is_ready(slow.as_mut()));
    clock.advance(Duration::from_secs(1));
    assert!(!is_ready(slow.as_mut()));
    clock.advance(Duration::from_secs(1));
    assert!(is_ready(slow.as_mut()));
}

#[test]
fn what_is_held_goes_on_when_it_is_released_or_the_fault_ends() {
    let (store, _) = store();
    store.inject(Operation::Apply, Fault::Held);
    let (mut one, mut other) = (pin!(bump(&store, "row:1", 1)), pin!(bump(&store, "row:1", 1)));
    assert!(!is_ready(one.as_mut()) && !is_ready(other.as_mut()));
    store.release(Operation::Apply, 1);
    assert!(is_ready(one.as_mut()) && !is_ready(other.as_mut()));
    store.clear_of(Operation::Apply);
    assert!(is_ready(other.as_mut()));
}

#[tokio::test]
async fn a_held_operation_is_not_done_and_one_with_a_held_answer_is() {
    for (fault, is_served) in [(Fault::Held, true), (Fault::HeldAnswer, false)] {
        let (store, clock) = store();
        load(&store, &clock, &row("row:1"), 1).await;
        store.inject(Operation::Apply, fault);
        let mut held = pin!(bump(&store, "row:1", 2));
        assert!(!is_ready(held.as_mut()));
        assert_eq!(served(&store, &row("row:1")).await.is_some(), is_served, "{fault:?}");
    }
}

#[tokio::test]
async fn garbage_and_leases_of_others() {
    let (store, clock) = store();
    load(&store, &clock, &row("row:1"), 1).await;
    store.inject_once(Operation::Lookup, Fault::Garbled);
    assert_ne!(served(&store, &row("row:1")).await.as_deref(), Some(b"row".as_slice()));
    assert_eq!(served(&store, &row("row:1")).await.as_deref(), Some(b"row".as_slice()));
    let lease = Duration::from_secs(3);
    store.inject_once(Operation::Enter, Fault::Leased(lease));
    assert_eq!(store.enter(row("row:1").query(), false).await.expect("ENTER").lease, Lease::Held(lease));
    assert_eq!(store.enter(row("row:1").query(), false).await.expect("ENTER").lease, Lease::Free);
}

#[tokio::test]
async fn a_store_that_lost_everything_is_another_one_that_is_empty() {
    let (store, clock) = store();
    for text in ["row:1", "row:2"] {
        load(&store, &clock, &row(text), 1).await;
    }
    let (before, entered) = (store.incarnation(), store.enter(row("row:1").query(), false).await.expect("ENTER"));
    store.lose_record("row:2");
    assert!(served(&store, &row("row:1")).await.is_some() && served(&store, &row("row:2")).await.is_none());
    assert_eq!(store.incarnation(), before);
    store.lose_everything();
    assert_ne!(store.incarnation(), before);
    assert_eq!(served(&store, &row("row:1")).await, None);
    assert_eq!(bump(&store, "row:1", 9).await, Some(Applied::Absent));
    let anew = store.enter(row("row:1").query(), false).await.expect("ENTER");
    assert_eq!(anew.snapshots[0].floor, 0);
    assert_ne!(anew.snapshots[0].generation, entered.snapshots[0].generation);
}

fn announcement(id: u64) -> Announcement {
    Announcement { event: None, notices: vec![(Aggregate::new(&format!("row:{id}")), Notice::Moved(Move::Bump(id)))] }
}

async fn follow(store: &FaultyStore, from: Option<&Position>) -> Followed {
    store.follow(from, Duration::ZERO).await.expect("FOLLOW")
}

fn heard(followed: &Followed) -> Vec<String> {
    followed.notices.iter().map(|(aggregate, _)| aggregate.to_string()).collect()
}

#[tokio::test]
async fn announcements_are_repeated() {
    let (store, _) = store();
    let end = follow(&store, None).await.position;
    store.announce(&[announcement(1), announcement(2)]).await.expect("ANNOUNCE");
    let first = follow(&store, Some(&end)).await;
    assert_eq!(heard(&first), ["row:1", "row:2"]);
    store.repeat_announcements().await.expect("ANNOUNCE");
    let again = follow(&store, Some(&first.position)).await;
    assert_eq!((heard(&again), again.has_gap), (heard(&first), false));
    assert_eq!(store.announcements(), [announcement(1), announcement(2)]);
}

#[tokio::test]
async fn an_announcement_whose_answer_is_lost_is_made() {
    let (store, _) = store();
    let end = follow(&store, None).await.position;
    store.inject_once(Operation::Announce, Fault::LostAnswer);
    assert!(store.announce(&[announcement(1)]).await.is_err());
    assert_eq!(heard(&follow(&store, Some(&end)).await), ["row:1"]);
    store.inject_once(Operation::Announce, Fault::Error);
    assert!(store.announce(&[announcement(2)]).await.is_err());
    assert_eq!(heard(&follow(&store, Some(&end)).await), ["row:1"]);
}

#[tokio::test]
async fn a_gap_is_found_once_by_each_reader() {
    for lose in [FaultyStore::lose_announcements, FaultyStore::lose_everything] {
        let (store, _) = store();
        let (one, other) = (follow(&store, None).await.position, follow(&store, None).await.position);
        store.announce(&[announcement(1)]).await.expect("ANNOUNCE");
        lose(&store);
        for reader in [one, other] {
            let gap = follow(&store, Some(&reader)).await;
            assert_eq!((heard(&gap), gap.has_gap), (Vec::new(), true));
            store.announce(&[announcement(2)]).await.expect("ANNOUNCE");
            let next = follow(&store, Some(&gap.position)).await;
            assert_eq!((heard(&next), next.has_gap), (vec!["row:2".to_owned()], false));
        }
    }
}

#[test]
fn a_reader_that_waits_sees_a_fault_at_once() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let (store, _) = store();
        let end = follow(&store, None).await.position;
        let waiting = tokio::spawn({
            let (store, end) = (store.clone(), end.clone());
            async move { store.follow(Some(&end), Duration::from_secs(3600)).await.map(|found| found.has_gap) }
        });
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        let before = tokio::time::Instant::now();
        store.inject(Operation::Follow, Fault::Error);
        assert!(waiting.await.expect("no panic").is_err());
        assert_eq!(tokio::time::Instant::now(), before);
    });
}
