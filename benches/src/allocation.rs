//! What is allocated, counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

/// The system's allocator, which counts while it is asked to: the rest of the time it costs one load more.
pub struct Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static BYTES: AtomicI64 = AtomicI64::new(0);

fn add(bytes: usize, sign: i64) {
    if COUNTS.load(Relaxed) {
        BYTES.fetch_add(sign * i64::try_from(bytes).expect("less than all there is"), Relaxed);
    }
}

#[allow(unsafe_code, reason = "the only way to see allocations")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size(), 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        add(layout.size(), -1);
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// The bytes that this leaves allocated, as they were asked for: what the allocator rounds up is not among them.
pub fn bytes_of<T>(make: impl FnOnce() -> T) -> (T, i64) {
    BYTES.store(0, Relaxed);
    COUNTS.store(true, Relaxed);
    let made = make();
    COUNTS.store(false, Relaxed);
    (made, BYTES.load(Relaxed))
}
