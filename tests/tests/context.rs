//! `context(TENANT)`: a task-local of the caller is in the key, and a refresh that outlives the call loads with its value (R31).

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use cachemacro::store::Redis;
use cachemacro::{
    Cache, CacheEvent, CacheMode, CallOutcome, KeyPart, ManualClock, Memory, cached, strategy, traced, traced_sync,
};
use cachemacro_servers::{Options, Standalone};
use cachemacro_tests::{builder, remote};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, KeyPart)]
struct Tenant {
    id: u64,
    name: String,
}

fn tenant(id: u64) -> Tenant {
    Tenant { id, name: format!("tenant {id}") }
}

mod request {
    tokio::task_local! {
        pub static TRACE: std::sync::Arc<str>;
        pub static LOCALE: Option<String>;
    }
}

tokio::task_local! {
    static TENANT: Tenant;
}

/// What a load saw: the tenant, and the trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    tenant: Option<u64>,
    trace: Option<String>,
    load: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "context.page_changed", key = "page:<tenant>:<id>")]
struct PageChanged {
    tenant: u64,
    id: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "context.tenant_changed", key = "tenant:<tenant>")]
struct TenantChanged {
    tenant: Tenant,
}

#[derive(Clone)]
struct Pages {
    cache: Cache,
    clock: ManualClock,
    loads: Arc<AtomicU64>,
}

impl Pages {
    fn on(cache: Cache, clock: ManualClock) -> Self {
        Self { cache, clock, loads: Arc::default() }
    }

    fn new() -> Self {
        let (builder, clock) = builder();
        Self::on(builder.build(), clock)
    }

    fn seen(&self) -> Seen {
        Seen {
            tenant: TENANT.try_with(|tenant| tenant.id).ok(),
            trace: request::TRACE.try_with(ToString::to_string).ok(),
            load: self.loads.fetch_add(1, SeqCst) + 1,
        }
    }

    #[cached(
        key = "page:<TENANT>:<id>", context(TENANT, request::TRACE), skip(TRACE), ttl_only = "a test", soft_ttl = "1m", hard_ttl = "10m",
        jitter = "0%", cache = self.cache
    )]
    async fn page(&self, id: u64) -> Seen {
        self.nested(id).await
    }

    /// Of a load in a load: it sees what the outer one sees.
    #[cached(
        key = "nested:<TENANT.id>:<id>", context(TENANT), ttl_only = "a test", soft_ttl = "1m", hard_ttl = "10m", refresh = inline,
        jitter = "0%", cache = self.cache
    )]
    async fn nested(&self, id: u64) -> Seen {
        let _ = id;
        tokio::task::yield_now().await;
        self.seen()
    }

    #[cached(
        key = "<TENANT.id>", context(TENANT, request::TRACE), skip(TRACE), ttl_only = "a test", soft_ttl = "1m", hard_ttl = "10m",
        jitter = "0%", local, cache = self.cache
    )]
    fn sync(&self) -> Seen {
        self.nested_sync()
    }

    #[cached(
        key = "sync:<TENANT.id>", context(TENANT), ttl_only = "a test", soft_ttl = "1m", hard_ttl = "10m", refresh = inline, jitter = "0%",
        local, cache = self.cache
    )]
    fn nested_sync(&self) -> Seen {
        self.seen()
    }

    #[cached(
        key = "bound:<TENANT.id>:<id>", context(TENANT), invalidated_by(PageChanged { id, tenant: TENANT.id }), soft_ttl = "1m",
        hard_ttl = "10m", jitter = "0%", cache = self.cache
    )]
    async fn bound(&self, id: u64) -> Seen {
        let _ = id;
        self.seen()
    }

    #[cached(
        key = "two:<TENANT>:<id>", context(TENANT), invalidated_by(TenantChanged { tenant: TENANT }, PageChanged { id, tenant: TENANT.id }),
        hard_ttl = "10m", jitter = "0%", cache = self.cache
    )]
    async fn bound_twice(&self, id: u64) -> Seen {
        let _ = id;
        self.seen()
    }

    #[cached(
        key = "asked:<TENANT.id>", context(TENANT), version_from = self.version(), invalidated_by(TenantChanged { tenant: TENANT }),
        soft_ttl = "1m", hard_ttl = "10m", jitter = "0%", cache = self.cache
    )]
    async fn asked(&self) -> Seen {
        self.seen()
    }

    fn version(&self) -> u64 {
        1
    }

    #[cached(
        key = "computed:<TENANT.try_with(|tenant| tenant.name.to_uppercase()).ok()>", context(TENANT), ttl_only = "a test", soft_ttl = "1m",
        hard_ttl = "10m", jitter = "0%", cache = self.cache
    )]
    async fn computed(&self) -> Seen {
        self.seen()
    }

    #[cached(
        key = "let:<name>", context(TENANT), let name = TENANT.try_with(|tenant| tenant.name.clone()).unwrap_or_default(),
        ttl_only = "a test", hard_ttl = "10m", jitter = "0%", cache = self.cache
    )]
    async fn with_let(&self) -> Seen {
        self.seen()
    }

    #[cached(
        key = "locale:<LOCALE>", context(request::LOCALE), ttl_only = "a test", soft_ttl = "1m", hard_ttl = "10m", refresh = inline,
        jitter = "0%", cache = self.cache
    )]
    async fn locale(&self) -> Option<String> {
        self.loads.fetch_add(1, SeqCst);
        request::LOCALE.try_with(|locale| locale.clone().unwrap_or_else(|| "set to none".to_owned())).ok()
    }

    #[cached(
        key = "generic:<TENANT.name>:<id>", context(TENANT), ttl_only = "a test", soft_ttl = "1m", hard_ttl = "10m", jitter = "0%",
        cache = self.cache
    )]
    async fn generic<T: KeyPart + Clone + Send + Sync + 'static>(&self, id: T) -> Seen {
        let _ = id;
        self.seen()
    }

    /// On a server, whose clock no test can move.
    #[cached(
        key = "soon:<TENANT>:<id>", context(TENANT, request::TRACE), skip(TRACE), ttl_only = "a test", soft_ttl = "300ms", hard_ttl = "10m",
        jitter = "0%", cache = self.cache
    )]
    async fn soon_stale(&self, id: u64) -> Seen {
        let _ = id;
        self.seen()
    }

    #[cached(
        key = "only:<TENANT.id>", context(TENANT), ttl_only = "a test", soft_ttl = "1m", hard_ttl = "10m", jitter = "0%", cache = self.cache
    )]
    async fn maybe(&self) -> Option<Seen> {
        Some(self.seen())
    }

    fn loads(&self) -> u64 {
        self.loads.load(SeqCst)
    }

    async fn until_loads(&self, loads: u64) {
        while self.loads() < loads {
            tokio::task::yield_now().await;
        }
        settle().await;
    }
}

#[async_trait::async_trait]
trait Reads: Send + Sync {
    async fn read(&self, id: u64) -> Seen;
}

#[async_trait::async_trait]
impl Reads for Pages {
    #[cached(
        key = "read:<TENANT.id>:<id>", context(TENANT), ttl_only = "a test", soft_ttl = "1m", hard_ttl = "10m", jitter = "0%",
        cache = self.cache
    )]
    async fn read(&self, id: u64) -> Seen {
        let _ = id;
        self.seen()
    }
}

/// Lets tasks end, and a near cache take its copy.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

fn of(id: u64, trace: &str) -> Of {
    Of(id, trace.into())
}

/// A request of a tenant.
struct Of(u64, Arc<str>);

impl Of {
    async fn run<F: Future>(&self, future: F) -> F::Output {
        TENANT.scope(tenant(self.0), request::TRACE.scope(Arc::clone(&self.1), future)).await
    }

    fn run_sync<T>(&self, run: impl FnOnce() -> T) -> T {
        TENANT.sync_scope(tenant(self.0), || request::TRACE.sync_scope(Arc::clone(&self.1), run))
    }
}

fn caches() -> Vec<(&'static str, Pages)> {
    let shared = |memory: Option<Memory>| {
        let (builder, clock) = builder();
        let builder = builder.shared(remote(clock.clone()));
        let builder = match memory {
            Some(memory) => builder.memory(memory),
            None => builder,
        };
        Pages::on(builder.build(), clock)
    };
    vec![("memory", Pages::new()), ("shared", shared(None)), ("near", shared(Some(Memory::entries(100))))]
}

#[tokio::test]
async fn each_tenant_has_its_own_entry_and_so_has_none() {
    for (name, pages) in caches() {
        for _ in 0..2 {
            for id in 1..=2 {
                assert_eq!(of(id, "a").run(pages.page(7)).await.tenant, Some(id), "{name}");
            }
            assert_eq!(pages.page(7).await.tenant, None, "{name}: not set is an entry of its own");
        }
        assert_eq!(pages.loads(), 3, "{name}");
    }
}

#[tokio::test]
async fn r31_a_refresh_loads_with_the_task_locals_of_the_call_that_started_it() {
    for (name, pages) in caches() {
        settle().await;
        for id in 1..=2 {
            of(id, "first").run(pages.page(7)).await;
        }
        settle().await;
        pages.clock.advance(Duration::from_secs(61));
        settle().await;
        let stale = of(1, "second").run(pages.page(7)).await;
        assert_eq!((stale.tenant, stale.trace.as_deref()), (Some(1), Some("first")), "{name}: the stale value");
        pages.until_loads(3).await;
        let (refreshed, trace) = traced(of(1, "third").run(pages.page(7))).await;
        assert_eq!((refreshed.tenant, refreshed.trace.as_deref()), (Some(1), Some("second")), "{name}");
        assert_eq!((refreshed.load, trace.outcome), (3, CallOutcome::Fresh), "{name}");
        assert_eq!(of(2, "fourth").run(pages.page(7)).await.tenant, Some(2), "{name}");
        pages.cache.assert_no_findings();
    }
}

#[tokio::test]
async fn r31_a_refresh_of_a_call_without_them_loads_without_them() {
    let pages = Pages::new();
    pages.page(7).await;
    pages.clock.advance(Duration::from_secs(61));
    pages.page(7).await;
    pages.until_loads(2).await;
    let refreshed = pages.page(7).await;
    assert_eq!((refreshed.tenant, refreshed.trace, refreshed.load), (None, None, 2));
}

#[tokio::test]
async fn r31_every_form_of_function_refreshes_with_them() {
    for (name, pages) in caches() {
        macro_rules! refreshes {
            ($($call:expr),*) => {$(
                let call = stringify!($call);
                let before = of(1, "a").run($call).await;
                settle().await;
                pages.clock.advance(Duration::from_secs(61));
                settle().await;
                assert_eq!(of(1, "a").run($call).await.load, before.load, "{name} {call}: stale");
                pages.until_loads(before.load + 1).await;
                let after = of(1, "a").run($call).await;
                assert_eq!((after.tenant, after.load), (Some(1), before.load + 1), "{name} {call}");
            )*};
        }
        let reads: &dyn Reads = &pages;
        refreshes!(
            pages.bound(1),
            pages.asked(),
            pages.computed(),
            pages.generic(1_u64),
            pages.generic("a".to_owned()),
            reads.read(1)
        );
    }
}

#[tokio::test]
async fn r31_a_sync_refresh_loads_with_them_in_its_thread() {
    let pages = Pages::new();
    of(1, "first").run_sync(|| pages.sync());
    of(2, "first").run_sync(|| pages.sync());
    pages.clock.advance(Duration::from_secs(61));
    assert_eq!(of(1, "second").run_sync(|| pages.sync()).load, 1, "the stale value");
    while pages.loads() < 3 {
        std::thread::yield_now();
    }
    let refreshed = loop {
        let (seen, trace) = traced_sync(|| of(1, "third").run_sync(|| pages.sync()));
        if trace.outcome == CallOutcome::Fresh {
            break seen;
        }
        std::thread::yield_now();
    };
    assert_eq!((refreshed.tenant, refreshed.trace.as_deref(), refreshed.load), (Some(1), Some("second"), 3));
    assert_eq!(pages.sync().tenant, None);
}

#[tokio::test]
async fn a_waiter_gets_what_was_loaded_with_the_locals_of_the_leader() {
    let pages = Pages::new();
    let (leader, waiter) = (of(1, "leader"), of(1, "waiter"));
    let (first, second) = tokio::join!(leader.run(pages.page(7)), waiter.run(pages.page(7)));
    assert_eq!((first.trace.as_deref(), second.trace.as_deref(), pages.loads()), (Some("leader"), Some("leader"), 1));
    // A part of the key is never that of another.
    let (one, two) = (of(1, "a"), of(2, "a"));
    let (one, two) = tokio::join!(one.run(pages.page(8)), two.run(pages.page(8)));
    assert_eq!((one.tenant, two.tenant), (Some(1), Some(2)));
}

#[tokio::test]
async fn an_event_is_bound_to_a_task_local_or_to_a_field_of_it() {
    for (name, pages) in caches() {
        settle().await;
        for id in 1..=2 {
            of(id, "a").run(pages.bound(7)).await;
            of(id, "a").run(pages.bound_twice(7)).await;
        }
        assert_eq!(pages.loads(), 4, "{name}");
        pages.cache.publish(PageChanged { tenant: 1, id: 7 }).await.expect("published");
        for id in [2, 2, 1, 1] {
            of(id, "a").run(pages.bound(7)).await;
            of(id, "a").run(pages.bound_twice(7)).await;
        }
        assert_eq!(pages.loads(), 6, "{name}: those of the first tenant only");
        pages.cache.publish(TenantChanged { tenant: tenant(2) }).await.expect("published");
        of(2, "a").run(pages.bound(7)).await;
        of(1, "a").run(pages.bound_twice(7)).await;
        assert_eq!(pages.loads(), 6, "{name}");
        of(2, "a").run(pages.bound_twice(7)).await;
        assert_eq!(pages.loads(), 7, "{name}");
    }
}

#[tokio::test]
async fn r31_a_call_without_what_an_event_is_bound_to_goes_past_the_cache() {
    for (name, pages) in caches() {
        for loads in 1..=2 {
            let (seen, trace) = traced(pages.bound(7)).await;
            assert_eq!((seen.tenant, seen.load, trace.outcome), (None, loads, CallOutcome::Bypassed), "{name}");
        }
        for loads in 3..=4 {
            let (seen, trace) = traced(pages.bound_twice(7)).await;
            assert_eq!((seen.tenant, seen.load, trace.outcome), (None, loads, CallOutcome::Bypassed), "{name}");
        }
        let (seen, trace) = traced(pages.asked()).await;
        assert_eq!((seen.load, trace.outcome), (5, CallOutcome::Bypassed), "{name}");
    }
}

#[tokio::test]
async fn a_local_that_is_set_to_none_is_not_one_that_is_not_set() {
    let pages = Pages::new();
    let locales = [Some("de".to_owned()), Some(String::new()), Some("%-".to_owned()), None];
    for _ in 0..2 {
        assert_eq!(pages.locale().await, None);
        for locale in &locales {
            let expected = locale.clone().unwrap_or_else(|| "set to none".to_owned());
            assert_eq!(request::LOCALE.scope(locale.clone(), pages.locale()).await, Some(expected));
        }
    }
    assert_eq!(pages.loads(), 4 + 2, "without a locale nothing is cached: `None` is an absence");
    pages.clock.advance(Duration::from_secs(61));
    let refreshed = request::LOCALE.scope(locales[0].clone(), pages.locale()).await;
    assert_eq!((refreshed.as_deref(), pages.loads()), (Some("de"), 7), "inline, in the task of the caller");
}

#[tokio::test]
async fn computed_parts_and_lets_may_read_it() {
    let pages = Pages::new();
    for _ in 0..2 {
        for id in 1..=2 {
            assert_eq!(of(id, "a").run(pages.computed()).await.tenant, Some(id));
            assert_eq!(of(id, "a").run(pages.with_let()).await.tenant, Some(id));
        }
        assert_eq!((pages.computed().await.tenant, pages.with_let().await.tenant), (None, None));
    }
    assert_eq!(pages.loads(), 6);
}

#[tokio::test]
async fn modes_make_the_same_key_and_so_does_the_listing() {
    for (name, pages) in caches() {
        settle().await;
        for id in 1..=2 {
            of(id, "a").run(pages.maybe()).await;
        }
        settle().await;
        assert!(of(1, "a").run(CacheMode::OnlyIfCached.scope(pages.maybe())).await.is_some(), "{name}");
        assert!(CacheMode::OnlyIfCached.scope(of(3, "a").run(pages.maybe())).await.is_none(), "{name}");
        assert!(CacheMode::OnlyIfCached.scope(pages.maybe()).await.is_none(), "{name}");
        assert_eq!(CacheMode::Forget.scope(of(1, "a").run(pages.maybe())).await, None, "{name}");
        assert!(of(1, "a").run(CacheMode::OnlyIfCached.scope(pages.maybe())).await.is_none(), "{name}");
        assert!(of(2, "a").run(CacheMode::OnlyIfCached.scope(pages.maybe())).await.is_some(), "{name}");
        of(2, "a").run(CacheMode::Refresh.scope(pages.maybe())).await;
        assert_eq!(pages.loads(), 3, "{name}");
        if name == "memory" {
            let keys: Vec<_> =
                pages.cache.entries("maybe").expect("it is known").into_iter().map(|entry| entry.key).collect();
            assert_eq!(keys, ["only:2"]);
        }
    }
}

#[tokio::test]
async fn on_redis_a_refresh_loads_with_them_and_another_process_hits_the_same_key() {
    let server = Standalone::start(Options::default());
    for memory in [None, Some(Memory::entries(100))] {
        let cache = || {
            let builder = Cache::builder().namespace(if memory.is_some() { "near" } else { "far" });
            let builder = builder.shared(Redis::url(server.url()).expect("an address"));
            match memory {
                Some(memory) => builder.memory(memory).build(),
                None => builder.build(),
            }
        };
        let clock = ManualClock::default();
        let (one, other) = (Pages::on(cache(), clock.clone()), Pages::on(cache(), clock));
        for id in 1..=2 {
            of(id, "first").run(one.soon_stale(7)).await;
            assert_eq!(of(id, "a").run(other.soon_stale(7)).await.tenant, Some(id));
        }
        assert_eq!(
            (other.soon_stale(7).await.tenant, other.loads()),
            (None, 1),
            "hits of what the other one has stored"
        );
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(of(1, "second").run(one.soon_stale(7)).await.load, 1, "the stale value");
        one.until_loads(3).await;
        // Until it is stored.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let refreshed = of(1, "third").run(other.soon_stale(7)).await;
        assert_eq!((refreshed.tenant, refreshed.trace.as_deref()), (Some(1), Some("second")));
    }
}

#[test]
fn the_strategy_names_them() {
    let strategy = strategy();
    let page = strategy.function("Pages::page").or_else(|| strategy.function("context::page")).expect("registered");
    let context: Vec<_> =
        page.context.iter().map(|used| (used.local.as_str(), used.in_key, used.is_required)).collect();
    assert_eq!(context, [("TENANT", true, false), ("request::TRACE", false, false)]);
    let bound = strategy.function("bound").expect("registered");
    assert!(bound.context[0].is_required);
    let text = strategy.to_markdown();
    for sentence in [
        "The task-local `TENANT` is in the key, and a refresh in the background loads with the `TENANT` of the call that started it.",
        "A call without it goes past the cache.",
        "The result does not depend on the task-local `request::TRACE` (`skip`), and a refresh in the background loads with the",
        "The task-local `request::LOCALE` is in the key.",
    ] {
        assert!(text.contains(sentence), "{sentence}\n{text}");
    }
    assert!(strategy.to_json().contains("\"is_required\": true"));
}
