//! A scope's cache takes the place of the process-wide one: for readers, writers and refreshes, on every executor.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cachemacro::{Cache, CacheEvent, CacheMode, ManualClock, Memory, WithCache, cached, invalidates, traced};
use cachemacro_tests::{builder, cache};

#[derive(Clone, Debug, CacheEvent)]
#[event(name = "written", key = "row:<id>")]
struct Written {
    id: u64,
}

/// Stands for a database: what its row is, and how often it was read.
#[derive(Clone, Default)]
struct Database {
    row: Arc<AtomicU64>,
    reads: Arc<AtomicU64>,
}

impl Database {
    fn of(row: u64) -> Self {
        let database = Self::default();
        database.row.store(row, SeqCst);
        database
    }

    fn read(&self) -> u64 {
        self.reads.fetch_add(1, SeqCst);
        self.row.load(SeqCst)
    }
}

#[cached(
    key = "row:<id>",
    invalidated_by(Written { id }),
    soft_ttl = "1m",
    hard_ttl = "10m",
    jitter = "0%",
    skip(database)
)]
async fn row(id: u64, database: Database) -> u64 {
    let _ = id;
    database.read()
}

#[cached(key = "over:<id>", ttl_only = "a test", soft_ttl = "1m", hard_ttl = "10m", jitter = "0%", skip(database))]
async fn over(id: u64, database: Database) -> u64 {
    row(id, database).await
}

#[cached(key = "sync:<id>", invalidated_by(Written { id }), soft_ttl = "1m", hard_ttl = "10m", jitter = "0%", local, skip(database))]
fn sync_row(id: u64, database: Database) -> u64 {
    let _ = id;
    database.read()
}

#[cached(key = "asked:<id>", version_from = version().await, invalidated_by(Written { id }), hard_ttl = "10m", skip(database))]
async fn asked(id: u64, database: Database) -> u64 {
    let _ = id;
    database.read()
}

async fn version() -> u64 {
    1
}

#[invalidates(Written { id })]
async fn write(id: u64, to: u64, database: Database) {
    database.row.store(to, SeqCst);
}

#[invalidates(Written { id })]
fn write_sync(id: u64, to: u64, database: Database) {
    database.row.store(to, SeqCst);
}

fn fresh() -> Cache {
    cache().0
}

/// As a test suite with a fresh database for each test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tests_at_once_see_no_rows_of_each_other() {
    let one_test = |number: u64| async move {
        let (database, cache) = (Database::of(number), fresh());
        let inner = cache.clone();
        let all = async move {
            for _ in 0..50 {
                let expected = database.row.load(SeqCst);
                assert_eq!(row(1, database.clone()).await, expected);
                assert_eq!(over(1, database.clone()).await, number);
                assert_eq!(sync_row(1, database.clone()), expected);
                assert_eq!(asked(1, database.clone()).await, expected);
                tokio::task::yield_now().await;
                let task = row(1, database.clone()).with_cache(&inner);
                assert_eq!(tokio::spawn(task).await.expect("it ends"), expected);
                write(1, expected + 1000, database.clone()).await;
                assert_eq!(row(1, database.clone()).await, expected + 1000);
                write_sync(1, expected + 2000, database.clone());
                assert_eq!(sync_row(1, database.clone()), expected + 2000);
            }
        };
        cache.scope(all).await;
        assert!(cache.stats().function("row").expect("it was called").hits_fresh > 0);
    };
    let tests: Vec<_> = (0..8).map(|number| tokio::spawn(one_test(number))).collect();
    for test in tests {
        test.await.expect("it sees its own rows");
    }
    assert!(Cache::global().stats().function("asked").is_none(), "nothing went to the process-wide cache");
}

#[tokio::test]
async fn scopes_nest_and_end() {
    let (outer, inner) = (fresh(), fresh());
    let (first, second) = (Database::of(1), Database::of(2));
    outer
        .scope(async {
            assert_eq!(row(7, first.clone()).await, 1);
            inner.scope(async { assert_eq!(row(7, second.clone()).await, 2) }).await;
            inner.scope_sync(|| assert_eq!(sync_row(7, second.clone()), 2));
            assert_eq!(row(7, second.clone()).await, 1, "again the outer one");
            assert!(std::ptr::eq(Cache::global(), Cache::global()));
            Cache::current().publish_or_retry(Written { id: 7 }).await;
            assert_eq!(row(7, second.clone()).await, 2);
        })
        .await;
    assert_eq!(row(77, second.clone()).await, 2, "outside of all scopes");
    assert_eq!(outer.scope(row(77, first)).await, 1);
}

/// Polled by hand, in turns, and on different threads.
#[test]
fn a_scope_is_in_force_only_while_its_future_is_polled() {
    let caches = [fresh(), fresh()];
    let databases = [Database::of(1), Database::of(2)];
    let mut futures: Vec<_> = (0..2)
        .map(|at| {
            let database = databases[at].clone();
            Box::pin(caches[at].scope(async move {
                let mut rows = Vec::new();
                for _ in 0..3 {
                    rows.push(row(5, database.clone()).await);
                    tokio::task::yield_now().await;
                }
                rows
            }))
        })
        .collect();
    let mut done = Vec::new();
    while done.len() < 2 {
        for (at, future) in futures.iter_mut().enumerate() {
            if done.iter().any(|(known, _)| *known == at) {
                continue;
            }
            let polled = std::thread::scope(|scope| {
                let poll = || future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                scope.spawn(poll).join().expect("no panic")
            });
            if let Poll::Ready(rows) = polled {
                done.push((at, rows));
            }
        }
    }
    done.sort();
    assert_eq!(done, [(0, vec![1; 3]), (1, vec![2; 3])]);
}

#[tokio::test]
async fn a_panic_and_a_drop_end_a_scope() {
    let same = |one: &Cache, other: &Cache| format!("{one:?}") == format!("{other:?}");
    let named = Cache::builder().namespace("scoped").build();
    let panics = named.scope(async { panic!("as asked") });
    assert!(tokio::spawn(panics).await.is_err());
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| named.scope_sync(|| panic!("as asked"))));
    assert!(panicked.is_err());
    assert!(!same(&Cache::current(), &named));
    /// What a dropped future still calls is in its scope.
    struct OnDrop(Arc<AtomicBool>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.store(Cache::current().namespace() == "scoped", SeqCst);
        }
    }
    let was_scoped = Arc::new(AtomicBool::new(false));
    {
        let on_drop = OnDrop(Arc::clone(&was_scoped));
        let mut future = pin!(named.scope(async move {
            let _on_drop = on_drop;
            std::future::pending::<()>().await;
        }));
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert!(!same(&Cache::current(), &named));
    }
    assert!(was_scoped.load(SeqCst));
    assert!(!same(&Cache::current(), &named));
}

#[tokio::test]
async fn modes_and_traces_work_inside_and_outside() {
    let (cache, database) = (fresh(), Database::of(1));
    cache
        .scope(async {
            row(9, database.clone()).await;
            let (value, trace) = traced(row(9, database.clone())).await;
            assert_eq!((value, trace.outcome), (1, cachemacro::CallOutcome::Fresh));
            database.row.store(2, SeqCst);
            assert_eq!(CacheMode::Refresh.scope(row(9, database.clone())).await, 2);
        })
        .await;
    database.row.store(3, SeqCst);
    let bypassed = CacheMode::Bypass.scope(cache.scope(row(9, database.clone()))).await;
    assert_eq!((bypassed, cache.scope(row(9, database.clone())).await), (3, 2));
}

/// The refresh of a stale entry runs in a task, and what its load calls belongs to the scope too.
#[tokio::test]
async fn a_refresh_keeps_the_cache_that_it_began_with() {
    let (cache, clock) = cache();
    let database = Database::of(1);
    assert_eq!(cache.scope(over(3, database.clone())).await, 1);
    clock.advance(Duration::from_secs(61));
    database.row.store(2, SeqCst);
    let mut value = 0;
    for _ in 0..200 {
        value = cache.scope(over(3, database.clone())).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(value, 2);
    assert_eq!(cache.scope_sync(|| sync_row(3, database.clone())), 2);
    clock.advance(Duration::from_secs(61));
    database.row.store(4, SeqCst);
    for _ in 0..1_000 {
        if cache.scope_sync(|| sync_row(3, database.clone())) == 4 {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(cache.scope_sync(|| sync_row(3, database.clone())), 4);
    let global = Cache::global().stats();
    assert!(global.function("over").is_none(), "{global:?}");
}

/// What handlers call belongs to the scope that they were subscribed in.
#[tokio::test]
async fn a_handler_keeps_the_cache_that_it_was_subscribed_in() {
    let cache = Cache::builder().namespace("handled").build();
    let seen = Arc::new(AtomicBool::new(false));
    let _subscription = cache.scope_sync(|| {
        let seen = Arc::clone(&seen);
        cache.subscribe(move |_: Written| {
            let seen = Arc::clone(&seen);
            async move {
                seen.store(Cache::current().namespace() == "handled", SeqCst);
                Ok::<_, String>(())
            }
        })
    });
    cache.publish_or_retry(Written { id: 1 }).await;
    for _ in 0..100_000 {
        if seen.load(SeqCst) {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(seen.load(SeqCst));
}

#[tokio::test]
async fn nothing_is_kept_by_a_cache_of_no_entries_and_everything_is_right() {
    let (builder, _) = builder();
    let cache = builder.memory(Memory::entries(0)).build();
    let database = Database::of(1);
    cache
        .scope(async {
            for number in 1..5 {
                database.row.store(number, SeqCst);
                assert_eq!(row(1, database.clone()).await, number);
                assert_eq!(sync_row(1, database.clone()), number);
                assert_eq!(over(1, database.clone()).await, number);
                write(1, number, database.clone()).await;
            }
        })
        .await;
    assert_eq!(cache.stats().entries, 0);
}

/// A clock that is dropped with its cache.
#[derive(Clone)]
struct Witness(ManualClock, #[allow(dead_code)] Arc<()>);

impl cachemacro::Clock for Witness {
    fn now(&self) -> cachemacro::Moment {
        self.0.now()
    }
}

#[tokio::test]
async fn ten_thousand_caches_leave_nothing_behind() {
    let alive = Arc::new(());
    let database = Database::of(1);
    for _ in 0..10_000 {
        let clock = ManualClock::default();
        let witness = Witness(clock.clone(), Arc::clone(&alive));
        let cache = Cache::builder().clock(witness).memory(Memory::entries(100)).build();
        cache.scope(async { row(1, database.clone()).await + over(1, database.clone()).await }).await;
        clock.advance(Duration::from_secs(61));
        // Begins a refresh in a task.
        cache.scope(row(1, database.clone())).await;
        cache.publish_or_retry(Written { id: 1 }).await;
    }
    for _ in 0..100_000 {
        if Arc::strong_count(&alive) == 1 {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(Arc::strong_count(&alive), 1, "all caches are gone");
}

/// What a helper that makes a test's database does.
fn database_of_a_test(number: u64) -> Database {
    Cache::builder().build().set_for_thread();
    Database::of(number)
}

#[tokio::test]
async fn a_thread_has_its_cache() {
    let read = async |number| {
        let database = database_of_a_test(number);
        let mut read = (row(1, database.clone()).await, sync_row(1, database.clone()));
        database.row.store(100, SeqCst);
        read.0 += row(1, database.clone()).await;
        (read, Cache::current())
    };
    let (first, old) = read(1).await;
    assert_eq!(first, (2, 1), "the second call is a hit");
    let (second, new) = read(2).await;
    assert_eq!(second, (4, 2), "not what the earlier database had");
    assert_eq!((old.stats().entries, new.stats().entries), (2, 2));

    let inner = Cache::builder().build();
    assert_eq!(inner.scope(row(1, Database::of(7))).await, 7, "a scope inside counts");
    assert_eq!(row(1, Database::of(8)).await, 2, "and ends");

    write(1, 9, Database::of(2)).await;
    assert_eq!(row(1, Database::of(9)).await, 9, "its writers use it");
}

/// Of threads that end, too.
#[test]
fn another_thread_has_another_cache() {
    let alive = Arc::new(());
    let threads: Vec<_> = (0..20)
        .map(|number| {
            let alive = Arc::clone(&alive);
            std::thread::spawn(move || {
                Cache::builder().clock(Witness(ManualClock::default(), alive)).build().set_for_thread();
                assert_eq!(sync_row(1, Database::of(number)), number);
                assert_eq!(sync_row(1, Database::of(100)), number);
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
    assert_eq!(Arc::strong_count(&alive), 1, "the caches end with their threads");
}

#[tokio::test]
async fn a_scope_around_ends_it() {
    let outer = Cache::builder().build();
    outer
        .scope(async {
            let database = database_of_a_test(1);
            assert_eq!(row(1, database).await, 1);
        })
        .await;
    assert_eq!(outer.scope(row(1, Database::of(2))).await, 2);
}
