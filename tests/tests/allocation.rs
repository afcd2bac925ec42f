//! A `local` hit of an async function that returns an `Arc` allocates nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use cachemacro::cached;
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
