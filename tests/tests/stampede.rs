//! One load for a missing key, also when its caller is cancelled or panics (R10, R11, G4).

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use cachemacro::{Cache, cached};
use cachemacro_tests::{Row, RowUpdated, cache};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const CALLERS: u64 = 10_000;

/// A loader that waits at a gate, and watches how many run at once.
#[derive(Clone)]
struct Gate {
    cache: Cache,
    open: Arc<Semaphore>,
    loads: Arc<AtomicU64>,
    running: Arc<AtomicU64>,
    most: Arc<AtomicU64>,
}

/// An error that can be shared, and one that cannot.
#[derive(Clone, Debug, PartialEq)]
struct Shared;
#[derive(Debug, PartialEq)]
struct Single;

struct Running<'a>(&'a AtomicU64);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Gate {
    fn new() -> Self {
        let (cache, _) = cache();
        let zero = Arc::<AtomicU64>::default;
        Self { cache, open: Arc::new(Semaphore::new(0)), loads: zero(), running: zero(), most: zero() }
    }

    async fn pass(&self) -> u64 {
        let load = self.loads.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(self.running.fetch_add(1, SeqCst) + 1, SeqCst);
        let _running = Running(&self.running);
        self.open.acquire().await.expect("the gate is never closed").forget();
        load
    }

    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), hard_ttl = "10m", cache = self.cache)]
    async fn row(&self, id: u64) -> Row {
        self.pass().await;
        Row { id, version: 1 }
    }

    #[cached(key = "shared:<id>", ttl_only = "a test", hard_ttl = "10m", cache = self.cache)]
    async fn failing_shared(&self, id: u64) -> Result<u64, Shared> {
        self.pass().await;
        if id > 0 { Err(Shared) } else { Ok(id) }
    }

    #[cached(key = "single:<id>", ttl_only = "a test", hard_ttl = "10m", cache = self.cache)]
    async fn failing_single(&self, id: u64) -> Result<u64, Single> {
        self.pass().await;
        if id > 0 { Err(Single) } else { Ok(id) }
    }

    #[cached(key = "panicking:<id>", ttl_only = "a test", hard_ttl = "10m", cache = self.cache)]
    async fn panicking_once(&self, id: u64) -> u64 {
        let load = self.pass().await;
        assert!(load > 1, "the first load panics");
        id
    }

    /// Lets everyone arrive, then opens the gate for this many loads.
    async fn settle(&self, loads: usize) {
        while self.waits() < CALLERS - 1 {
            tokio::task::yield_now().await;
        }
        self.open.add_permits(loads);
    }

    fn waits(&self) -> u64 {
        self.cache.stats().functions.iter().map(|function| function.waits).sum()
    }
}

/// A test that would wait for ever fails instead.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("a caller was stranded")
}

fn callers<T: Send + 'static, F: Future<Output = T> + Send + 'static>(call: impl Fn() -> F) -> JoinSet<T> {
    (0..CALLERS).map(|_| call()).fold(JoinSet::new(), |mut set, call| {
        set.spawn(call);
        set
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_callers_of_a_cold_key_are_one_load() {
    let gate = Gate::new();
    let each = gate.clone();
    let all = callers(move || {
        let gate = each.clone();
        async move { gate.row(1).await }
    });
    soon(gate.settle(1)).await;
    assert!(soon(all.join_all()).await.iter().all(|row| row.version == 1));
    assert_eq!(gate.loads.load(SeqCst), 1);
    let stats = gate.cache.stats();
    let row = stats.function("row").expect("it was called");
    assert_eq!((row.misses, row.waits, row.loads), (CALLERS, CALLERS - 1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r11_a_dropped_leader_hands_the_load_on() {
    let gate = Gate::new();
    let leader = tokio::spawn({
        let gate = gate.clone();
        async move { gate.row(1).await }
    });
    while gate.loads.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let each = gate.clone();
    let all = callers(move || {
        let gate = each.clone();
        async move { gate.row(1).await }
    });
    soon(gate.settle(0)).await;
    leader.abort();
    assert!(leader.await.expect_err("it was aborted").is_cancelled());
    gate.open.add_permits(1);
    assert_eq!(soon(all.join_all()).await.len() as u64, CALLERS);
    assert_eq!(gate.loads.load(SeqCst), 2, "the cancelled load, and the one that took its place");
    assert_eq!(gate.most.load(SeqCst), 1, "never two at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r11_a_panicking_leader_strands_no_waiter() {
    let gate = Gate::new();
    let each = gate.clone();
    let mut all = callers(move || {
        let gate = each.clone();
        async move { gate.panicking_once(1).await }
    });
    soon(gate.settle(2)).await;
    let mut panics = 0;
    while let Some(joined) = soon(all.join_next()).await {
        match joined {
            Ok(value) => assert_eq!(value, 1),
            Err(error) => panics += u64::from(error.is_panic()),
        }
    }
    assert_eq!((panics, gate.loads.load(SeqCst), gate.most.load(SeqCst)), (1, 2, 1));
}

/// What takes over may be a thread without a runtime.
#[test]
fn r11_a_panicking_thread_hands_the_load_on() {
    static CACHE: LazyLock<Cache> = LazyLock::new(|| Cache::builder().build());
    static LOADS: AtomicU64 = AtomicU64::new(0);

    fn waits() -> u64 {
        CACHE.stats().functions.iter().map(|function| function.waits).sum()
    }

    #[cached(key = "panicking:<id>", ttl_only = "it is a test's", hard_ttl = "1h", local, cache = &*CACHE)]
    fn panicking_once(id: u64) -> u64 {
        if LOADS.fetch_add(1, SeqCst) == 0 {
            while waits() == 0 {
                std::thread::yield_now();
            }
            panic!("the first load of {id} fails");
        }
        id
    }

    let first = std::thread::spawn(|| panicking_once(1));
    while LOADS.load(SeqCst) == 0 {
        std::thread::yield_now();
    }
    assert_eq!(panicking_once(1), 1);
    assert!(first.join().is_err());
    assert_eq!(LOADS.load(SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r11_an_error_that_can_be_shared_is_one_load() {
    let gate = Gate::new();
    let each = gate.clone();
    let all = callers(move || {
        let gate = each.clone();
        async move { gate.failing_shared(1).await }
    });
    soon(gate.settle(1)).await;
    assert!(soon(all.join_all()).await.iter().all(|result| *result == Err(Shared)));
    assert_eq!(gate.loads.load(SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r11_an_error_that_cannot_be_shared_is_retried_by_eight_at_a_time() {
    let gate = Gate::new();
    let each = gate.clone();
    let all = callers(move || {
        let gate = each.clone();
        async move { gate.failing_single(1).await }
    });
    gate.settle(usize::try_from(CALLERS).expect("it fits")).await;
    assert!(soon(all.join_all()).await.iter().all(|result| *result == Err(Single)));
    assert_eq!(gate.loads.load(SeqCst), CALLERS, "each caller gets its own error");
    assert!(gate.most.load(SeqCst) <= 8);
}

#[tokio::test]
async fn r10_a_caller_after_an_acknowledged_event_joins_no_older_flight() {
    let gate = Gate::new();
    let warm = tokio::spawn({
        let gate = gate.clone();
        async move { gate.row(1).await }
    });
    while gate.loads.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    gate.cache.publish_or_retry(RowUpdated { id: 1, version: 1 }).await;
    let later = tokio::spawn({
        let gate = gate.clone();
        async move { gate.row(1).await }
    });
    soon(async {
        while gate.loads.load(SeqCst) == 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    gate.open.add_permits(2);
    warm.await.expect("the first call");
    later.await.expect("the second call");
    assert_eq!(gate.loads.load(SeqCst), 2, "each its own load");
}
