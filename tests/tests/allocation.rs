//! What allocates nothing: a hit, a stale serve while another caller refreshes, a read that the source confirms.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cachemacro::{AnsweredCall, Cache, CallOutcome, ManualClock, Observer, cached, observed_sync};
use cachemacro_tests::{Row, RowUpdated};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

#[allow(unsafe_code, reason = "the only way to see allocations")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[cached(
    key = "row:<id>",
    version_from = |row| row.version,
    invalidated_by(RowUpdated { id }),
    soft_ttl = "1m",
    hard_ttl = "10m",
    local
)]
async fn row(id: u64) -> Arc<Row> {
    Arc::new(Row { id, version: 1 })
}

#[cached(key = "pair:<left>:<right>", ttl_only = "a test", hard_ttl = "10m", local)]
fn pair(left: u64, right: &str) -> Arc<String> {
    Arc::new(format!("{left}{right}"))
}

fn poll_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a hit does not wait"),
    }
}

fn allocations_of<T>(run: impl FnOnce() -> T) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    let value = run();
    let after = ALLOCATIONS.with(Cell::get);
    drop(value);
    after - before
}

#[test]
fn a_local_hit_allocates_nothing_and_awaits_nothing() {
    assert!(allocations_of(|| poll_once(row(7))) > 0, "the count counts: a miss allocates");
    poll_once(row(7));
    assert_eq!(allocations_of(|| poll_once(row(7))), 0);
}

#[test]
fn a_sync_hit_with_a_string_key_allocates_nothing() {
    pair(7, "New York");
    pair(7, "New York");
    assert_eq!(allocations_of(|| pair(7, "New York")), 0);
}

#[derive(Default)]
struct Answers(AtomicU64);

impl Observer for Answers {
    fn answered(&self, call: &AnsweredCall<'_>) {
        self.0.fetch_add(u64::from(call.outcome() == CallOutcome::Fresh), Relaxed);
    }
}

#[test]
fn a_hit_that_is_observed_allocates_nothing() {
    let answers = Arc::new(Answers::default());
    pair(8, "New York");
    observed_sync(Arc::clone(&answers), || {
        // The first hit of a thread allocates its place in the locks.
        pair(8, "New York");
        assert_eq!(allocations_of(|| pair(8, "New York")), 0);
    });
    assert_eq!(answers.0.load(Relaxed), 2);
}

fn aging() -> &'static (Cache, ManualClock) {
    static AGING: LazyLock<(Cache, ManualClock)> = LazyLock::new(cachemacro_tests::cache);
    &AGING
}

static LOADS: AtomicU64 = AtomicU64::new(0);

/// Only the first load ends.
#[cached(key = "aging:<id>", ttl_only = "a test", soft_ttl = "1m", hard_ttl = "10m", jitter = "0%", cache = aging().0)]
async fn aging_row(id: u64) -> Arc<Row> {
    if LOADS.fetch_add(1, Relaxed) > 0 {
        std::future::pending::<()>().await;
    }
    Arc::new(Row { id, version: 1 })
}

#[test]
fn a_stale_entry_that_another_caller_refreshes_allocates_nothing() {
    poll_once(aging_row(7));
    aging().1.advance(Duration::from_secs(61));
    let mut refresher = Box::pin(aging_row(7));
    assert!(refresher.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let stale = || aging().0.stats().functions.iter().map(|function| function.hits_stale).sum::<u64>();
    // The first hit of a thread allocates its place in the locks.
    poll_once(aging_row(7));
    assert_eq!(allocations_of(|| poll_once(aging_row(7))), 0);
    assert_eq!((LOADS.load(Relaxed), stale()), (2, 2));
    drop(refresher);
    // Nothing is left of a refresh that was cancelled, so the next caller refreshes.
    let mut next = Box::pin(aging_row(7));
    assert!(next.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!((LOADS.load(Relaxed), stale()), (3, 2));
    // And not past the hard TTL.
    aging().1.advance(Duration::from_secs(600));
    let mut waiter = Box::pin(aging_row(7));
    assert!(waiter.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

static VERSION: AtomicU64 = AtomicU64::new(1);
static QUESTIONS: AtomicU64 = AtomicU64::new(0);

async fn version() -> u64 {
    QUESTIONS.fetch_add(1, Relaxed);
    VERSION.load(Relaxed)
}

#[cached(key = "checked:<id>", version_from = version().await, invalidated_by(RowUpdated { id }), hard_ttl = "10m", local)]
async fn checked(id: u64) -> Arc<Row> {
    Arc::new(Row { id, version: VERSION.load(Relaxed) })
}

#[test]
fn an_entry_whose_version_the_source_confirms_allocates_nothing_and_asks_once() {
    poll_once(checked(7));
    poll_once(checked(7));
    assert_eq!(QUESTIONS.swap(0, Relaxed), 2);
    assert_eq!(allocations_of(|| poll_once(checked(7))), 0);
    for version in [2, 3, 1] {
        VERSION.store(version, Relaxed);
        QUESTIONS.store(0, Relaxed);
        assert_eq!(poll_once(checked(7)).version, version);
        // A version that goes back is asked for once more, after the record is reset.
        assert_eq!(QUESTIONS.load(Relaxed), if version == 1 { 2 } else { 1 });
        assert_eq!(poll_once(checked(7)).version, version);
    }
}
