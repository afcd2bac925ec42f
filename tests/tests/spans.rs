//! A refresh in the background belongs to the `tracing` span of the call that started it.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachemacro::{Cache, cached};
use cachemacro_tests::cache;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Instrument, Metadata, Subscriber, info_span};
use tracing_core::span::Current;

/// The spans of this process, by number: name, span around it, and the ones that it follows from.
#[derive(Default)]
struct Spans {
    all: HashMap<u64, (&'static Metadata<'static>, Option<u64>, Vec<u64>)>,
    last: u64,
    /// The spans around the line `loads`, from the inside, each time.
    loads: Vec<Vec<&'static str>>,
}

static SPANS: LazyLock<Mutex<Spans>> = LazyLock::new(Mutex::default);

fn spans() -> MutexGuard<'static, Spans> {
    SPANS.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    static ENTERED: std::cell::RefCell<Vec<u64>> = const { std::cell::RefCell::new(Vec::new()) };
}

struct Collector;

struct Is(bool);

impl Visit for Is {
    fn record_debug(&mut self, _: &Field, value: &dyn Debug) {
        self.0 |= format!("{value:?}") == "loads";
    }
}

impl Subscriber for Collector {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut spans = spans();
        spans.last += 1;
        let around = ENTERED.with_borrow(|entered| entered.last().copied());
        let number = spans.last;
        spans.all.insert(number, (span.metadata(), around, Vec::new()));
        Id::from_u64(number)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        if let Some((_, _, before)) = spans().all.get_mut(&span.into_u64()) {
            before.push(follows.into_u64());
        }
    }

    fn event(&self, event: &Event<'_>) {
        let mut is_load = Is(false);
        event.record(&mut is_load);
        if is_load.0 {
            let mut spans = spans();
            let mut around = ENTERED.with_borrow(|entered| entered.last().copied());
            let mut names = Vec::new();
            while let Some((metadata, outer, follows)) = around.and_then(|number| spans.all.get(&number)) {
                names.push(metadata.name());
                if follows.is_empty() == (metadata.name() == "cache_refresh") {
                    names.push("follows from nothing, or should not");
                }
                around = *outer;
            }
            spans.loads.push(names);
        }
    }

    fn enter(&self, span: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(span.into_u64()));
    }

    fn exit(&self, _: &Id) {
        ENTERED.with_borrow_mut(|entered| _ = entered.pop());
    }

    fn current_span(&self) -> Current {
        let number = ENTERED.with_borrow(|entered| entered.last().copied());
        let spans = spans();
        match number.and_then(|number| Some((number, spans.all.get(&number)?))) {
            Some((number, (metadata, ..))) => Current::new(Id::from_u64(number), metadata),
            None => Current::none(),
        }
    }
}

#[derive(Clone)]
struct Pages {
    cache: Cache,
    loads: Arc<AtomicU64>,
}

impl Pages {
    #[cached(key = "page:<id>", ttl_only = "a test", soft_ttl = "60s", hard_ttl = "10m", jitter = "0%", cache = self.cache)]
    async fn page(&self, id: u64) -> u64 {
        tracing::info!("loads");
        self.loads.fetch_add(1, SeqCst);
        id
    }

    #[cached(key = "page:<id>", ttl_only = "a test", soft_ttl = "60s", hard_ttl = "10m", jitter = "0%", local, cache = self.cache)]
    fn page_sync(&self, id: u64) -> u64 {
        tracing::info!("loads");
        self.loads.fetch_add(1, SeqCst);
        id
    }

    fn waits_for(&self, loads: u64) -> bool {
        self.loads.load(SeqCst) < loads
    }
}

/// One test, as a thread of a refresh has the subscriber of the whole process.
#[tokio::test]
async fn a_refresh_is_inside_of_the_span_of_its_caller_and_follows_from_it() {
    tracing::subscriber::set_global_default(Collector).expect("the only one");
    let (cache, clock) = cache();
    let pages = Pages { cache, loads: Arc::default() };
    pages.page(1).instrument(info_span!("first")).await;
    info_span!("first_sync").in_scope(|| pages.page_sync(1));
    clock.advance(Duration::from_secs(61));
    pages.page(1).instrument(info_span!("request")).await;
    while pages.waits_for(3) {
        tokio::task::yield_now().await;
    }
    info_span!("request_sync").in_scope(|| pages.page_sync(1));
    while pages.waits_for(4) {
        std::thread::yield_now();
    }
    let expected: [&[&str]; 4] =
        [&["first"], &["first_sync"], &["cache_refresh", "request"], &["cache_refresh", "request_sync"]];
    assert_eq!(spans().loads, expected);
}
