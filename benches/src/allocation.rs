//! What is allocated, counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

/// The system's allocator, which counts while it is asked to: the rest of the time it costs one load more.
pub struct Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static BYTES: AtomicI64 = AtomicI64::new(0);
static BLOCKS: AtomicI64 = AtomicI64::new(0);

fn add(bytes: usize, blocks: i64, sign: i64) {
    if COUNTS.load(Relaxed) {
        BYTES.fetch_add(sign * i64::try_from(bytes).expect("less than all there is"), Relaxed);
        BLOCKS.fetch_add(sign * blocks, Relaxed);
    }
}

#[allow(unsafe_code, reason = "the only way to see allocations")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size(), 1, 1);
        unsafe { System.alloc(layout) }
    }

    // Without these two a large table that grows would be copied, and one of zeros written, where the system need not.
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size(), 1, 1);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add(size, 0, 1);
        add(layout.size(), 0, -1);
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        add(layout.size(), 1, -1);
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// What is allocated and not freed again.
#[derive(Clone, Copy, Debug)]
pub struct Allocated {
    /// Bytes as they were asked for: what the allocator rounds up is not among them.
    pub bytes: i64,
    /// Blocks.
    pub blocks: i64,
}

/// Counts from now on, in all threads, until [`end`].
pub fn begin() {
    BYTES.store(0, Relaxed);
    BLOCKS.store(0, Relaxed);
    COUNTS.store(true, Relaxed);
}

/// Counts no longer.
pub fn end() -> Allocated {
    COUNTS.store(false, Relaxed);
    Allocated { bytes: BYTES.load(Relaxed), blocks: BLOCKS.load(Relaxed) }
}

/// The bytes that this leaves allocated.
pub fn bytes_of<T>(make: impl FnOnce() -> T) -> (T, i64) {
    begin();
    let made = make();
    (made, end().bytes)
}
