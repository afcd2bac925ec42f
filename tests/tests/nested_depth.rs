//! How many cached calls may be nested in one another on a thread with tokio's stack of 2 MiB. The guide's chapter on limits has the
//! figures.

use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use cachemacro::testing::ReferenceStore;
use cachemacro::{Cache, ManualClock, cached};

/// The stack of a worker thread of tokio.
const STACK: usize = 2 << 20;

/// How deep calls may be nested, as documented: each level takes about 10,000 bytes without optimization, and 3,200 with it.
const DEPTH: u64 = if cfg!(debug_assertions) { 150 } else { 500 };

/// Where the stack ended at each level.
static LEVELS: Mutex<Vec<usize>> = Mutex::new(Vec::new());

#[inline(never)]
fn mark() {
    let here = 0_u8;
    LEVELS.lock().expect("no panic").push(std::ptr::from_ref(black_box(&here)).addr());
}

#[cached(key = "level:<n>", hard_ttl = "10m", ttl_only = "a test", cache = cache, skip(cache))]
async fn level(cache: &Cache, n: u64) -> u64 {
    mark();
    if n == 0 { 0 } else { Box::pin(level(cache, n - 1)).await + 1 }
}

#[cached(key = "inline:<n>", hard_ttl = "10m", ttl_only = "a test", refresh = inline, cache = cache, skip(cache))]
async fn inline(cache: &Cache, n: u64) -> Result<u64, std::io::Error> {
    mark();
    if n == 0 { Ok(0) } else { Ok(Box::pin(inline(cache, n - 1)).await? + 1) }
}

#[cached(key = "sync:<n>", hard_ttl = "10m", ttl_only = "a test", local, cache = cache, skip(cache))]
fn sync(cache: &Cache, n: u64) -> u64 {
    mark();
    if n == 0 { 0 } else { sync(cache, n - 1) + 1 }
}

fn caches() -> [(&'static str, Cache); 2] {
    let clock = ManualClock::default();
    let store = Arc::new(ReferenceStore::new(Arc::new(clock.clone()), Duration::ZERO));
    let builder = || Cache::builder().clock(clock.clone());
    [("in the process", builder().build()), ("a shared store", builder().shared(store).build())]
}

/// Runs on a thread with the stack of a worker of tokio.
fn on_a_worker(run: impl FnOnce(&tokio::runtime::Runtime) + Send + 'static) {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        run(&runtime);
    };
    thread::Builder::new().stack_size(STACK).spawn(run).expect("a thread").join().expect("no panic");
}

/// The bytes of one level.
fn per_level() -> usize {
    let levels = std::mem::take(&mut *LEVELS.lock().expect("no panic"));
    (levels[10] - levels[levels.len() - 10]) / (levels.len() - 20)
}

/// A stack that is too small ends the process.
#[test]
fn calls_nest_as_deep_as_the_guide_says() {
    for (kind, cache) in caches() {
        on_a_worker(move |runtime| {
            assert_eq!(runtime.block_on(level(&cache, DEPTH)), DEPTH, "{kind}");
            assert_eq!(runtime.block_on(inline(&cache, DEPTH)).expect("it works"), DEPTH, "{kind}");
            assert_eq!(sync(&cache, DEPTH), DEPTH, "{kind}");
        });
    }
}

#[test]
#[ignore = "prints the stack of one level"]
fn measure() {
    for (kind, cache) in caches() {
        on_a_worker(move |runtime| {
            runtime.block_on(level(&cache, 100));
            println!("{kind}: async: {} bytes", per_level());
            runtime.block_on(inline(&cache, 100)).expect("it works");
            println!("{kind}: refresh = inline: {} bytes", per_level());
            sync(&cache, 100);
            println!("{kind}: sync: {} bytes", per_level());
        });
    }
}
