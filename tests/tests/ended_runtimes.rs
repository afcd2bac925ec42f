//! A runtime that has ended drops what it is given at once: no lock is held then, and nothing waits for itself.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use cachemacro::store::Redis;
use cachemacro::testing::Fault;
use cachemacro::{Cache, CacheEvent, cached};
use cachemacro_servers::{Options, Standalone};
use cachemacro_tests::{builder, remote};
use tokio::runtime::{Builder, Handle, Runtime};

#[derive(Clone, CacheEvent)]
#[event(name = "page.touched", key = "page:<id>")]
struct Touched {
    id: u64,
}

#[cached(key = "page:<id>", invalidated_by(Touched { id }), hard_ttl = "10m", skip(cache), cache = cache)]
async fn page(cache: &Cache, id: u64) -> u64 {
    let _ = cache;
    id
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn ended() -> Handle {
    // On another thread, as none may be dropped where one runs.
    std::thread::spawn(|| runtime().handle().clone()).join().expect("no panic")
}

/// Fails where the test would wait for ever.
fn in_time(test: impl FnOnce() + Send + 'static) {
    let (sender, receiver) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        test();
        let _ = sender.send(());
    });
    match receiver.recv_timeout(Duration::from_secs(20)) {
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("it waits for itself"),
        _ => thread.join().expect("no panic"),
    }
}

fn poll_once<F: Future>(future: F) -> bool {
    pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[test]
fn an_event_that_waits_for_another_attempt() {
    in_time(|| {
        let (builder, clock) = builder();
        let store = remote(clock);
        let cache = builder.shared(store.clone()).build();
        store.inject_everywhere(Fault::Error);
        {
            let _guard = ended().enter();
            assert!(!poll_once(cache.publish_or_retry(Touched { id: 1 })), "it is cancelled");
        }
        assert_eq!(cache.stats().pending_invalidations, 1);
        store.clear();
        // The cache's own thread sees to it.
        while cache.stats().pending_invalidations > 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
}

/// Publishes when it is dropped.
struct Publishes(Cache);

impl Drop for Publishes {
    fn drop(&mut self) {
        self.0.publish_or_retry_blocking(Touched { id: 1 });
    }
}

#[test]
fn a_handler_that_publishes_when_it_is_dropped() {
    in_time(|| {
        let (builder, clock) = builder();
        let cache = builder.shared(remote(clock)).build();
        let publishes = Arc::new(Publishes(cache.clone()));
        let _guard = ended().enter();
        let _subscription = cache.subscribe(move |_: Touched| {
            let _ = &publishes;
            std::future::ready(Ok::<_, std::convert::Infallible>(()))
        });
    });
}

/// Two lookups at once share their commands; who carries them is a task.
#[test]
fn a_lookup_that_needs_a_worker() {
    in_time(|| {
        let server = Standalone::start(Options::default());
        let redis = Redis::url(server.url()).expect("an address").timeout(Duration::from_secs(5));
        runtime().block_on(async {
            let cache = Cache::builder().shared(redis).build();
            page(&cache, 1).await;
            let mut first = pin!(page(&cache, 1));
            assert!(!poll_once(&mut first), "it asks the server alone");
            {
                let _guard = ended().enter();
                let _ = poll_once(page(&cache, 2));
            }
            assert_eq!(first.await, 1);
            assert_eq!(page(&cache, 2).await, 2);
        });
    });
}
