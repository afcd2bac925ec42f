//! A user's own code runs under no lock and under no flight of the cache: it may call cached functions, also for the very key
//! whose value it belongs to.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::Duration;

use cachemacro::{Cache, CacheMode, Clock, ManualClock, Memory, Moment, cached};
use cachemacro_tests::{builder, cache};

/// What the values of a test do when they are dropped.
#[derive(Clone)]
struct World {
    cache: Cache,
    clock: ManualClock,
    /// Whether values call.
    is_armed: Arc<AtomicBool>,
    /// Values dropped while it was.
    dropped: Arc<AtomicU64>,
}

impl World {
    fn new() -> Self {
        Self::with_memory(Memory::default())
    }

    fn with_memory(memory: Memory) -> Self {
        let (builder, clock) = builder();
        let cache = builder.memory(memory).build();
        Self { cache, clock, is_armed: Arc::default(), dropped: Arc::default() }
    }

    fn arm(&self) {
        self.is_armed.store(true, SeqCst);
    }

    /// Whether a value that is dropped now should call: once, or the values it loads would go on for ever.
    fn takes_turn(&self) -> bool {
        self.is_armed.swap(false, SeqCst)
    }
}

/// A value whose `Drop` calls the sync function that it came from.
struct Sync(u64, World);

impl Drop for Sync {
    fn drop(&mut self) {
        if self.1.takes_turn() {
            drop(sync(self.0, self.1.clone()));
            CacheMode::Refresh.scope_sync(|| drop(sync(self.0, self.1.clone())));
            drop(sync(self.0 + 1, self.1.clone()));
            self.1.dropped.fetch_add(1, SeqCst);
        }
    }
}

#[cached(
    key = "sync:<id>",
    ttl_only = "a test",
    soft_ttl = "1m",
    hard_ttl = "10m",
    jitter = "0%",
    refresh = inline,
    local,
    cache = world.cache,
    skip(world)
)]
fn sync(id: u64, world: World) -> Arc<Sync> {
    Arc::new(Sync(id, world))
}

/// A value whose `Drop` waits for the async function that it came from.
struct Async(u64, World);

impl Drop for Async {
    fn drop(&mut self) {
        if self.1.takes_turn() {
            drop(wait(asynchronous(self.0, self.1.clone())));
            drop(wait(CacheMode::Refresh.scope(asynchronous(self.0, self.1.clone()))));
            self.1.dropped.fetch_add(1, SeqCst);
        }
    }
}

#[cached(key = "async:<id>", ttl_only = "a test", soft_ttl = "1m", hard_ttl = "10m", jitter = "0%", local, cache = world.cache, skip(world))]
async fn asynchronous(id: u64, world: World) -> Arc<Async> {
    tokio::task::yield_now().await;
    Arc::new(Async(id, world))
}

/// An error that can be shared, and whose `Drop` calls.
struct Failure(u64, World);

impl Clone for Failure {
    fn clone(&self) -> Self {
        Self(self.0, self.1.clone())
    }
}

impl Drop for Failure {
    fn drop(&mut self) {
        if self.1.takes_turn() {
            let _ = failing(self.0, self.1.clone());
            let _ = CacheMode::Refresh.scope_sync(|| failing(self.0, self.1.clone()));
            self.1.dropped.fetch_add(1, SeqCst);
        }
    }
}

#[cached(key = "failing:<id>", ttl_only = "a test", soft_ttl = "1m", hard_ttl = "10m", jitter = "0%", local, cache = world.cache, skip(world))]
fn failing(id: u64, world: World) -> Result<u64, Failure> {
    if world.clock.now() > Moment::default() { Err(Failure(id, world)) } else { Ok(id) }
}

/// On a thread of its own, as a `Drop` cannot await.
fn wait<T: Send>(future: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        scope.spawn(move || runtime().block_on(future)).join().expect("it does not panic")
    })
}

/// Whether it ends.
fn ends(test: impl FnOnce() + Send + 'static) -> bool {
    let (done, is_done) = mpsc::channel();
    std::thread::spawn(move || {
        test();
        let _ = done.send(());
    });
    is_done.recv_timeout(Duration::from_secs(10)).is_ok()
}

#[test]
fn a_replaced_value_may_call_the_sync_function_that_replaces_it() {
    let world = World::new();
    let dropped = Arc::clone(&world.dropped);
    assert!(ends(move || {
        drop(sync(1, world.clone()));
        world.arm();
        CacheMode::Refresh.scope_sync(|| drop(sync(1, world.clone())));
        world.clock.advance(Duration::from_secs(61));
        world.arm();
        drop(sync(1, world.clone()));
    }));
    assert_eq!(dropped.load(SeqCst), 2);
}

#[test]
fn a_value_that_is_pushed_out_may_call() {
    let world = World::with_memory(Memory::entries(1));
    let dropped = Arc::clone(&world.dropped);
    assert!(ends(move || {
        for id in 0..100 {
            world.arm();
            drop(sync(id, world.clone()));
        }
    }));
    assert!(dropped.load(SeqCst) > 50, "{}", dropped.load(SeqCst));
}

#[test]
fn nothing_is_kept_and_what_is_refused_may_call() {
    let world = World::with_memory(Memory::entries(0));
    let dropped = Arc::clone(&world.dropped);
    assert!(ends(move || {
        for _ in 0..10 {
            world.arm();
            drop(sync(1, world.clone()));
        }
    }));
    assert_eq!(dropped.load(SeqCst), 10);
}

#[test]
fn an_expired_value_may_call() {
    let world = World::new();
    let dropped = Arc::clone(&world.dropped);
    assert!(ends(move || {
        drop(sync(1, world.clone()));
        world.clock.advance(Duration::from_secs(601));
        world.arm();
        drop(sync(1, world.clone()));
    }));
    assert_eq!(dropped.load(SeqCst), 1);
}

#[test]
fn a_replaced_value_may_wait_for_the_async_function_that_replaces_it() {
    let world = World::new();
    let dropped = Arc::clone(&world.dropped);
    assert!(ends(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            drop(asynchronous(1, world.clone()).await);
            world.arm();
            CacheMode::Refresh.scope(async { drop(asynchronous(1, world.clone()).await) }).await;
            world.clock.advance(Duration::from_secs(601));
            world.arm();
            drop(asynchronous(1, world.clone()).await);
            // By the task that refreshes a stale entry.
            world.clock.advance(Duration::from_secs(61));
            world.arm();
            drop(asynchronous(1, world.clone()).await);
            while world.dropped.load(SeqCst) < 3 {
                tokio::task::yield_now().await;
            }
        });
    }));
    assert_eq!(dropped.load(SeqCst), 3);
}

/// A value whose `Drop` asks again for the row that it was.
struct Gone(u64, World);

impl Drop for Gone {
    fn drop(&mut self) {
        if self.1.takes_turn() {
            drop(gone(self.0, self.1.clone()));
            self.1.dropped.fetch_add(1, SeqCst);
        }
    }
}

#[cached(key = "gone:<id>", ttl_only = "a test", hard_ttl = "10m", local, cache = world.cache, skip(world))]
fn gone(id: u64, world: World) -> Option<Arc<Gone>> {
    (world.clock.now() == Moment::default()).then(|| Arc::new(Gone(id, world.clone())))
}

#[test]
fn a_value_that_is_discarded_may_call() {
    let world = World::new();
    let dropped = Arc::clone(&world.dropped);
    assert!(ends(move || {
        drop(gone(1, world.clone()));
        world.clock.advance(Duration::from_secs(1));
        world.arm();
        CacheMode::Refresh.scope_sync(|| assert!(gone(1, world.clone()).is_none()));
    }));
    assert_eq!(dropped.load(SeqCst), 1);
}

#[test]
fn the_error_of_a_refresh_may_call() {
    let world = World::new();
    let dropped = Arc::clone(&world.dropped);
    assert!(ends(move || {
        assert!(failing(1, world.clone()).is_ok());
        world.clock.advance(Duration::from_secs(61));
        world.arm();
        assert!(failing(1, world.clone()).is_ok(), "stale, while a thread refreshes it");
        while world.dropped.load(SeqCst) == 0 {
            std::thread::yield_now();
        }
    }));
    assert_eq!(dropped.load(SeqCst), 1);
}

/// A clock that asks the cache for something whenever it is read.
#[derive(Clone, Default)]
struct Curious {
    time: ManualClock,
    cache: Arc<std::sync::OnceLock<Cache>>,
    is_asking: Arc<AtomicBool>,
}

impl Clock for Curious {
    fn now(&self) -> Moment {
        if let Some(cache) = self.cache.get()
            && !self.is_asking.swap(true, SeqCst)
        {
            counted(1, cache.clone());
            self.is_asking.store(false, SeqCst);
        }
        self.time.now()
    }
}

#[cached(key = "counted:<id>", ttl_only = "a test", hard_ttl = "10m", local, cache = cache, skip(cache))]
fn counted(id: u64, cache: Cache) -> u64 {
    let _ = cache;
    id
}

#[test]
fn a_clock_may_call() {
    assert!(ends(|| {
        let clock = Curious::default();
        let cache = Cache::builder().clock(clock.clone()).build();
        clock.cache.set(cache.clone()).expect("it is set once");
        assert_eq!(counted(1, cache.clone()), 1);
        assert_eq!(counted(1, cache.clone()), 1);
        clock.time.advance(Duration::from_secs(700));
        assert_eq!(counted(1, cache), 1);
    }));
}

/// A value whose `Clone` calls.
struct Cloned(u64, Cache, Arc<AtomicBool>);

impl Clone for Cloned {
    fn clone(&self) -> Self {
        if self.2.swap(false, SeqCst) {
            drop(cloned(self.0, self.1.clone(), Arc::clone(&self.2)));
        }
        Self(self.0, self.1.clone(), Arc::clone(&self.2))
    }
}

#[cached(key = "cloned:<id>", ttl_only = "a test", soft_ttl = "1m", hard_ttl = "10m", jitter = "0%", local, cache = cache, skip(cache, armed))]
fn cloned(id: u64, cache: Cache, armed: Arc<AtomicBool>) -> Cloned {
    Cloned(id, cache, armed)
}

#[test]
fn a_clone_may_call() {
    assert!(ends(|| {
        let (cache, clock) = cache();
        let armed = Arc::new(AtomicBool::new(true));
        let call = || drop(cloned(1, cache.clone(), Arc::clone(&armed)));
        call();
        for seconds in [0, 61, 700] {
            clock.advance(Duration::from_secs(seconds));
            armed.store(true, SeqCst);
            call();
        }
    }));
}
