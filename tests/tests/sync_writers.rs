//! Writers that are no async functions: when they return, the shared store has acknowledged what they published, wherever
//! they were called.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use cachemacro::store::Redis;
use cachemacro::{Cache, CacheError, CacheEvent, Memory, cached, invalidates};
use cachemacro_servers::{Cluster, Faults, Options, Proxy, Sentinel, Standalone};
use tokio::runtime::{Builder, Runtime};

#[derive(Clone, CacheEvent)]
#[event(name = "page.touched", key = "page:<id>")]
struct Touched {
    id: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "pages.swapped", key = "page:<one>", key = "page:<other>")]
struct Swapped {
    one: u64,
    other: u64,
}

/// One process of a fleet: its cache shares nothing with another's but the server.
#[derive(Clone)]
struct Process {
    database: Arc<AtomicU64>,
    cache: Cache,
}

#[derive(Debug)]
enum WriteError {
    Cache(#[allow(dead_code, reason = "read by its `Debug` output")] CacheError),
}

impl From<CacheError> for WriteError {
    fn from(error: CacheError) -> Self {
        Self::Cache(error)
    }
}

impl Process {
    #[cached(
        key = "page:<id>",
        invalidated_by(Touched { id }, Swapped { one: id }, Swapped { other: id }),
        hard_ttl = "10m",
        consistency = strict,
        cache = self.cache
    )]
    async fn strict_page(&self, id: u64) -> u64 {
        let _ = id;
        self.database.load(SeqCst)
    }

    #[cached(key = "page:<id>", invalidated_by(Touched { id }, Swapped { one: id }, Swapped { other: id }), hard_ttl = "10m", cache = self.cache)]
    async fn page(&self, id: u64) -> u64 {
        let _ = id;
        self.database.load(SeqCst)
    }

    #[invalidates(Touched { id }, cache = self.cache)]
    fn write(&self, id: u64) -> u64 {
        let _ = id;
        self.database.fetch_add(1, SeqCst) + 1
    }

    #[invalidates(Swapped { one: 1, other: 2 }, cache = self.cache)]
    fn write_both(&self) -> u64 {
        self.database.fetch_add(1, SeqCst) + 1
    }

    #[invalidates(Touched { id }, on_error = fail, cache = self.cache)]
    fn write_or_fail(&self, id: u64) -> Result<u64, WriteError> {
        let _ = id;
        Ok(self.database.fetch_add(1, SeqCst) + 1)
    }
}

struct Fleet {
    /// The others' runtime.
    runtime: Runtime,
    one: Process,
    other: Process,
}

impl Fleet {
    fn new(redis: &Redis, direct: &Redis) -> Self {
        let database = Arc::new(AtomicU64::new(1));
        let process = |redis: &Redis| Process {
            database: Arc::clone(&database),
            cache: Cache::builder().namespace("sync").memory(Memory::entries(100)).shared(redis.clone()).build(),
        };
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let other = {
            let _guard = runtime.enter();
            process(direct)
        };
        Self { runtime, one: process(redis), other }
    }

    /// What another process reads now.
    fn read(&self) -> (u64, u64) {
        self.runtime.block_on(async { (self.other.strict_page(1).await, self.other.strict_page(2).await) })
    }

    /// Writes, again and again, and reads elsewhere as soon as the writer has returned.
    fn check(&self, context: &str, write: impl Fn(&Process) -> u64) {
        for _ in 0..5 {
            self.read();
            let written = write(&self.one);
            assert_eq!(self.read().0, written, "{context}");
            assert_eq!(self.one.cache.stats().pending_invalidations, 0, "{context}: it was acknowledged, not queued");
        }
    }
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn redis(url: &str) -> Redis {
    Redis::url(url).expect("an address")
}

/// A server that is 30 ms away for the writer.
struct Slow {
    _server: Standalone,
    _proxy: Proxy,
    fleet: Fleet,
}

fn slow() -> Slow {
    let server = Standalone::start(Options::default());
    let proxy = Proxy::start(server.port());
    proxy.set(Faults { delay: Duration::from_millis(30), ..Faults::default() });
    // Long, so that no call fails on a busy machine.
    let slow = redis(&proxy.url()).timeout(Duration::from_secs(5));
    let fleet = Fleet::new(&slow, &redis(&server.url()).timeout(Duration::from_secs(5)));
    Slow { fleet, _proxy: proxy, _server: server }
}

#[test]
fn outside_of_any_runtime() {
    let slow = slow();
    slow.fleet.check("a thread", |one| one.write(1));
    slow.fleet.check("two aggregates", Process::write_both);
    let both = slow.fleet.read();
    assert_eq!(both.0, both.1);
}

#[test]
fn on_a_runtime_of_one_thread() {
    let slow = slow();
    slow.fleet.check("a runtime of its own each time", |one| current_thread().block_on(async { one.write(1) }));
    let runtime = current_thread();
    slow.fleet.check("a task", |one| {
        let one = one.clone();
        runtime.block_on(async { tokio::spawn(async move { one.write(1) }).await.expect("no panic") })
    });
    slow.fleet.check("a runtime that has read before, whose tasks drive the usual connection", |one| {
        runtime.block_on(async {
            one.page(1).await;
            let written = one.write(1);
            assert_eq!(one.page(1).await, written, "this process's own tier");
            written
        })
    });
    slow.fleet.check("spawn_blocking", |one| {
        let one = one.clone();
        runtime.block_on(async { tokio::task::spawn_blocking(move || one.write(1)).await.expect("no panic") })
    });
}

/// A task that has used up its budget is told to yield, which a function that waits cannot.
#[test]
fn in_a_task_without_any_budget_left() {
    let slow = slow();
    let runtime = current_thread();
    slow.fleet.check("a task that has done a lot", |one| {
        runtime.block_on(async {
            let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
            (0..1_000).for_each(|number| sender.send(number).expect("there is a receiver"));
            let mut all = std::pin::pin!(async { while receiver.recv().await.is_some_and(|number| number < 999) {} });
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(all.as_mut().poll(&mut context).is_pending(), "its budget is used up");
            one.write(1)
        })
    });
}

#[test]
fn on_a_worker_of_a_runtime() {
    let slow = slow();
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    slow.fleet.check("the only worker", |one| {
        let one = one.clone();
        runtime.block_on(async {
            tokio::spawn(async move {
                one.page(1).await;
                one.write(1)
            })
            .await
            .expect("no panic")
        })
    });
}

/// Writes when it is dropped.
struct Writes(Process);

impl Drop for Writes {
    fn drop(&mut self) {
        self.0.write(1);
    }
}

#[test]
fn in_drop_and_after_the_runtime_has_ended() {
    let slow = slow();
    slow.fleet.check("a value that is dropped", |one| {
        drop(Writes(one.clone()));
        one.database.load(SeqCst)
    });
    slow.fleet.check("a task that is dropped with its runtime", |one| {
        let runtime = current_thread();
        let writes = Writes(one.clone());
        runtime.spawn(async move {
            let _writes = writes;
            std::future::pending::<()>().await;
        });
        drop(runtime);
        one.database.load(SeqCst)
    });
    let ended = current_thread();
    let handle = ended.handle().clone();
    drop(ended);
    slow.fleet.check("in the context of a runtime that has ended", |one| {
        let _guard = handle.enter();
        one.write(1)
    });
    slow.fleet.check("a panic", |one| {
        let writes = Writes(one.clone());
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _writes = writes;
            std::panic::resume_unwind(Box::new("on purpose"));
        }));
        assert!(panicked.is_err());
        one.database.load(SeqCst)
    });
}

#[test]
fn with_publish_blocking() {
    let slow = slow();
    slow.fleet.check("publish_blocking", |one| {
        let written = one.database.fetch_add(1, SeqCst) + 1;
        one.cache.publish_or_retry_blocking(Touched { id: 1 });
        written
    });
    slow.fleet.check("try_publish_blocking", |one| {
        let written = one.database.fetch_add(1, SeqCst) + 1;
        one.cache.publish_blocking(Touched { id: 1 }).expect("the server is there");
        written
    });
}

#[test]
fn behind_sentinel() {
    let sentinel = Sentinel::start();
    let redis = Redis::sentinel(sentinel.urls(), sentinel.master()).expect("addresses").timeout(Duration::from_secs(5));
    let fleet = Fleet::new(&redis, &redis);
    fleet.check("a thread", |one| one.write(1));
    fleet.check("a runtime of one thread", |one| current_thread().block_on(async { one.write(1) }));
}

#[test]
fn on_a_cluster() {
    let cluster = Cluster::start();
    let redis = Redis::cluster(cluster.urls()).expect("addresses").timeout(Duration::from_secs(5));
    let fleet = Fleet::new(&redis, &redis);
    fleet.check("a thread", |one| one.write(1));
    fleet.check("two slots", Process::write_both);
    fleet.check("a runtime of one thread", |one| current_thread().block_on(async { one.write(1) }));
}

/// A connection that the user handed over is driven by the user's runtime, and cannot be made a second time.
#[test]
fn over_a_connection_that_was_handed_over() {
    const TIMEOUT: Duration = Duration::from_millis(200);
    let server = Standalone::start(Options::default());
    let direct = redis(&server.url()).timeout(Duration::from_secs(5));
    let manager = |runtime: &Runtime| {
        let client = ::redis::Client::open(server.url()).expect("an address");
        runtime.block_on(client.get_connection_manager()).expect("a connection")
    };
    let elsewhere = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let fleet = Fleet::new(&Redis::from(manager(&elsewhere)).timeout(Duration::from_secs(5)), &direct);
    fleet.check("its runtime has a thread left", |one| current_thread().block_on(async { one.write(1) }));

    let only = current_thread();
    let fleet = Fleet::new(&Redis::from(manager(&only)).timeout(TIMEOUT), &direct);
    fleet.read();
    let began = Instant::now();
    let (failed, read) = only.block_on(async {
        let failed = fleet.one.write_or_fail(1);
        (failed, fleet.one.page(1).await)
    });
    assert!(failed.is_err(), "it cannot be acknowledged");
    assert!(began.elapsed() < TIMEOUT * 3 + Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(read, 2, "mistrusted here");
    only.block_on(async {
        while fleet.one.cache.stats().pending_invalidations > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    assert_eq!(fleet.read().0, 2, "retried when the thread was free again");
}

/// The server holds its connections, and answers nothing.
#[test]
fn a_server_that_hangs_blocks_a_writer_no_longer_than_it_may_and_on_error_applies() {
    const TIMEOUT: Duration = Duration::from_millis(200);
    let server = Standalone::start(Options::default());
    let fleet =
        Fleet::new(&redis(&server.url()).timeout(TIMEOUT), &redis(&server.url()).timeout(Duration::from_secs(5)));
    let runtime = current_thread();
    fleet.check("it is there", |one| one.write(1));
    runtime.block_on(fleet.one.page(1));
    server.stop();
    let began = Instant::now();
    let failed = fleet.one.write_or_fail(1);
    let Err(WriteError::Cache(CacheError::Publish { aggregate, .. })) = failed else { panic!("{failed:?}") };
    assert_eq!(aggregate, "page:1");
    fleet.one.write(1);
    fleet.one.write_both();
    let written = fleet.one.database.load(SeqCst);
    assert!(began.elapsed() < TIMEOUT * 4 + Duration::from_secs(2), "four moves took {:?}", began.elapsed());
    assert_eq!(runtime.block_on(fleet.one.page(1)), written, "mistrusted here");
    assert!(fleet.one.cache.stats().pending_invalidations > 0);
    server.cont();
    // No runtime of the program runs the retries now: the cache's own does.
    let until = Instant::now() + Duration::from_secs(30);
    while fleet.one.cache.stats().pending_invalidations > 0 {
        assert!(Instant::now() < until, "the retries go on without a runtime");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(fleet.read(), (written, written));
}

fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("this is Linux");
    let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    tasks.flatten().map(name).filter(|name| name.starts_with("cachemacro-pub")).count()
}

/// In a process of its own, as other tests have such threads too.
#[test]
#[cfg(target_os = "linux")]
fn the_thread_ends_with_its_cache() {
    const VARIABLE: &str = "CACHEMACRO_TEST_ALONE";
    if std::env::var_os(VARIABLE).is_none() {
        let this = std::env::current_exe().expect("this test");
        let alone = std::process::Command::new(this)
            .args(["--exact", "the_thread_ends_with_its_cache", "--nocapture"])
            .env(VARIABLE, "1")
            .output()
            .expect("it starts");
        assert!(alone.status.success(), "{}", String::from_utf8_lossy(&alone.stderr));
        return;
    }
    let server = Standalone::start(Options::default());
    let redis = redis(&server.url()).timeout(Duration::from_secs(5));
    let one = |_| {
        let database = Arc::new(AtomicU64::new(1));
        Process { database, cache: Cache::builder().shared(redis.clone()).build() }
    };
    let silent: Vec<_> = (0..1_000).map(one).collect();
    assert_eq!(threads(), 0, "caches that publish nothing have no thread");
    drop(silent);
    let writers: Vec<_> = (0..20).map(one).collect();
    for one in &writers {
        one.write(1);
    }
    assert_eq!(threads(), 20);
    drop(writers);
    let until = Instant::now() + Duration::from_secs(30);
    while threads() > 0 {
        assert!(Instant::now() < until, "{} threads are left", threads());
        std::thread::sleep(Duration::from_millis(10));
    }
}
