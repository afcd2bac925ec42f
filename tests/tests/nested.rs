//! An entry lives at most as long as what it was loaded from (G1), whichever way its load was served.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use cachemacro::{Cache, CacheBuilder, CacheError, CacheEvent, CacheMode, FindingKind, ManualClock, Memory, cached};
use cachemacro_tests::{builder, remote};
use tokio::sync::Semaphore;

#[derive(Clone, Debug, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated {
    id: u64,
    version: u64,
}

#[derive(Clone, Debug, CacheEvent)]
#[event(name = "team.updated", key = "team:<id>")]
struct TeamUpdated {
    id: u64,
}

/// A source whose value is the number of the write that made it; and functions that load through one another.
#[derive(Clone)]
struct Repo {
    cache: Cache,
    clock: ManualClock,
    value: Arc<AtomicU64>,
    reads: Arc<AtomicU64>,
    fails: Arc<AtomicBool>,
    gate: Arc<Semaphore>,
}

impl Repo {
    fn new() -> Self {
        Self::with(|builder, _| builder)
    }

    fn remote() -> Self {
        Self::with(|builder, clock| builder.shared(remote(clock)))
    }

    fn with(change: impl FnOnce(CacheBuilder, ManualClock) -> CacheBuilder) -> Self {
        let (builder, clock) = builder();
        let cache = change(builder, clock.clone()).build();
        let gate = Arc::new(Semaphore::new(1 << 20));
        Self { cache, clock, value: Arc::new(AtomicU64::new(1)), reads: Arc::default(), fails: Arc::default(), gate }
    }

    async fn read(&self) -> u64 {
        self.reads.fetch_add(1, SeqCst);
        let value = self.value.load(SeqCst);
        self.gate.acquire().await.expect("it is never closed").forget();
        self.gate.add_permits(1);
        value
    }

    /// Lives for a minute.
    #[cached(key = "minute:<id>", ttl_only = "a test", hard_ttl = "60s", jitter = "0%", cache = self.cache)]
    async fn minute(&self, id: u64) -> u64 {
        let _ = id;
        self.read().await
    }

    /// Lives for ten.
    #[cached(key = "ten:<id>", ttl_only = "a test", hard_ttl = "10m", jitter = "0%", cache = self.cache)]
    async fn ten(&self, id: u64) -> u64 {
        self.minute(id).await
    }

    #[cached(key = "twenty:<id>", ttl_only = "a test", hard_ttl = "20m", jitter = "0%", cache = self.cache)]
    async fn twenty(&self, id: u64) -> u64 {
        self.ten(id).await
    }

    #[cached(key = "many:<id>", ttl_only = "a test", hard_ttl = "20m", jitter = "0%", cache = self.cache)]
    async fn many(&self, id: u64) -> u64 {
        let (first, second) = tokio::join!(self.minute(id), self.minute(id + 1));
        let third = tokio::time::timeout(Duration::from_secs(5), self.minute(id + 2)).await.expect("in time");
        first + second + third
    }

    #[cached(key = "absent:<id>", ttl_only = "a test", hard_ttl = "10m", negative_ttl = "30s", jitter = "0%", cache = self.cache)]
    async fn absent(&self, id: u64) -> Option<u64> {
        let value = self.read().await;
        (value > id).then_some(value)
    }

    #[cached(key = "whether:<id>", ttl_only = "a test", hard_ttl = "10m", jitter = "0%", cache = self.cache)]
    async fn whether(&self, id: u64) -> bool {
        self.absent(id).await.is_some()
    }

    /// Stale after a minute, served for ten.
    #[cached(
        key = "stale:<id>",
        ttl_only = "a test",
        soft_ttl = "1m",
        hard_ttl = "10m",
        jitter = "0%",
        refresh = inline,
        cache = self.cache
    )]
    async fn stale(&self, id: u64) -> Result<u64, String> {
        let _ = id;
        let value = self.read().await;
        if self.fails.load(SeqCst) { Err("no".to_owned()) } else { Ok(value) }
    }

    #[cached(key = "over:<id>", ttl_only = "a test", hard_ttl = "20m", jitter = "0%", cache = self.cache)]
    async fn over_stale(&self, id: u64) -> Result<u64, String> {
        self.stale(id).await
    }

    #[cached(key = "soft:<id>", ttl_only = "a test", soft_ttl = "5m", hard_ttl = "20m", jitter = "0%", refresh = inline, cache = self.cache)]
    async fn soft_over_stale(&self, id: u64) -> Result<u64, String> {
        self.stale(id).await
    }

    #[cached(key = "sync:<id>", ttl_only = "a test", hard_ttl = "60s", jitter = "0%", local, cache = self.cache)]
    fn sync_minute(&self, id: u64) -> u64 {
        let _ = id;
        self.reads.fetch_add(1, SeqCst);
        self.value.load(SeqCst)
    }

    #[cached(key = "sync_ten:<id>", ttl_only = "a test", hard_ttl = "10m", jitter = "0%", local, cache = self.cache)]
    fn sync_ten(&self, id: u64) -> u64 {
        self.sync_minute(id)
    }

    #[cached(key = "async_over_sync:<id>", ttl_only = "a test", hard_ttl = "10m", jitter = "0%", cache = self.cache)]
    async fn async_over_sync(&self, id: u64) -> u64 {
        self.sync_minute(id)
    }

    #[cached(key = "user:<id>", version_from = self.version(id).await, invalidated_by(UserUpdated { id }), hard_ttl = "60s", jitter = "0%", cache = self.cache)]
    async fn asked(&self, id: u64) -> u64 {
        self.read().await
    }

    #[cached(key = "version:<id>", ttl_only = "a test", hard_ttl = "20s", jitter = "0%", cache = self.cache)]
    async fn version(&self, id: u64) -> u64 {
        let _ = id;
        1
    }

    #[cached(key = "over_asked:<id>", ttl_only = "a test", hard_ttl = "10m", jitter = "0%", cache = self.cache)]
    async fn over_asked(&self, id: u64) -> u64 {
        self.asked(id).await
    }

    #[cached(key = "past:<id>", ttl_only = "a test", hard_ttl = "10m", jitter = "0%", cache = self.cache)]
    async fn past_the_cache(&self, id: u64) -> u64 {
        CacheMode::Bypass.scope(self.minute(id)).await
    }

    #[cached(key = "again:<id>", ttl_only = "a test", hard_ttl = "10m", jitter = "0%", cache = self.cache, skip(depth))]
    async fn calls_itself(&self, id: u64, depth: Arc<AtomicU64>) -> u64 {
        if depth.fetch_add(1, SeqCst) == 0 { Box::pin(self.calls_itself(id, depth)).await } else { self.read().await }
    }

    #[cached(key = "user:<id>", invalidated_by(UserUpdated { id }), hard_ttl = "10m", cache = self.cache)]
    async fn user(&self, id: u64) -> u64 {
        let _ = id;
        self.read().await
    }

    #[cached(key = "team:<id>", invalidated_by(TeamUpdated { id }), hard_ttl = "10m", cache = self.cache)]
    async fn team(&self, id: u64) -> u64 {
        self.user(id + 7).await
    }

    #[cached(key = "pair:<id>:<user>", invalidated_by(TeamUpdated { id }, UserUpdated { id: user }), hard_ttl = "10m", cache = self.cache)]
    async fn pair(&self, id: u64, user: u64) -> u64 {
        let _ = id;
        self.user(user).await
    }

    #[cached(key = "lead:<id>", invalidated_by(UserUpdated { id }), hard_ttl = "10m", cache = self.cache)]
    async fn another(&self, id: u64) -> u64 {
        self.user(id + 1).await
    }

    #[cached(key = "timed:<id>", ttl_only = "a test", hard_ttl = "10m", jitter = "0%", timeout = "20ms", cache = self.cache)]
    async fn impatient(&self, id: u64) -> Result<u64, CacheError> {
        Ok(self.minute(id).await)
    }

    fn seconds(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    fn write(&self) {
        self.value.fetch_add(1, SeqCst);
    }
}

/// `outer` was loaded when what it is made of had 59 of its 60 seconds behind it.
macro_rules! lives_no_longer {
    ($repo:expr, $inner:ident, $outer:ident) => {{
        let repo = $repo;
        repo.$inner(1).await;
        repo.seconds(59);
        repo.write();
        let old = repo.$outer(1).await;
        assert_eq!(repo.$outer(1).await, old, "a hit");
        repo.seconds(1);
        assert_ne!(repo.$outer(1).await, old, "60 s after the load of {}", stringify!($inner));
        let new = repo.$outer(1).await;
        repo.write();
        repo.seconds(59);
        assert_eq!(repo.$outer(1).await, new, "it was loaded with what was new");
        repo.seconds(1);
        assert_ne!(repo.$outer(1).await, new);
    }};
}

#[tokio::test]
async fn g1_made_of_a_hit() {
    lives_no_longer!(Repo::new(), minute, ten);
    lives_no_longer!(Repo::remote(), minute, ten);
}

#[tokio::test]
async fn g1_three_deep() {
    lives_no_longer!(Repo::new(), minute, twenty);
    lives_no_longer!(Repo::remote(), minute, twenty);
    lives_no_longer!(Repo::new(), ten, twenty);
}

#[tokio::test]
async fn g1_made_of_many_at_once() {
    for repo in [Repo::new(), Repo::remote()] {
        repo.minute(3).await;
        repo.seconds(59);
        repo.write();
        assert_eq!(repo.many(1).await, 2 + 2 + 1);
        repo.write();
        repo.seconds(1);
        assert_eq!(repo.many(1).await, 2 + 2 + 3, "the third is new");
        repo.seconds(58);
        assert_eq!(repo.many(1).await, 7);
        repo.seconds(1);
        assert_eq!(repo.many(1).await, 9, "and here the others");
    }
}

#[tokio::test]
async fn g1_in_a_tier() {
    let repo = Repo::with(|builder, clock| builder.shared(remote(clock)).memory(Memory::default()));
    lives_no_longer!(repo, minute, ten);
}

#[tokio::test]
async fn g1_sync_functions() {
    let repo = Repo::new();
    repo.sync_minute(1);
    repo.seconds(59);
    repo.write();
    assert_eq!((repo.sync_ten(1), repo.async_over_sync(1).await), (1, 1));
    repo.seconds(1);
    assert_eq!((repo.sync_ten(1), repo.async_over_sync(1).await), (2, 2));
}

#[tokio::test]
async fn g1_made_of_an_absence() {
    for repo in [Repo::new(), Repo::remote()] {
        assert!(!repo.whether(1).await);
        repo.write();
        repo.seconds(29);
        assert!(!repo.whether(1).await);
        repo.seconds(1);
        assert!(repo.whether(1).await, "the absence was remembered for 30 s");
    }
}

#[tokio::test]
async fn g1_made_of_anothers_load() {
    let repo = Repo::new();
    repo.gate.forget_permits(1 << 20);
    let first = tokio::spawn({
        let repo = repo.clone();
        async move { repo.minute(1).await }
    });
    while repo.reads.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    repo.seconds(50);
    let outer = tokio::spawn({
        let repo = repo.clone();
        async move { repo.ten(1).await }
    });
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
    repo.write();
    repo.gate.add_permits(1 << 20);
    assert_eq!((first.await.expect("it ends"), outer.await.expect("it ends")), (1, 1));
    assert_eq!(repo.reads.load(SeqCst), 1, "the outer load waited for the first");
    repo.seconds(10);
    assert_eq!(repo.ten(1).await, 2, "TTLs count from the start of the load");
}

#[tokio::test]
async fn g1_made_of_what_was_stale() {
    let repo = Repo::new();
    assert_eq!(repo.stale(1).await, Ok(1));
    repo.seconds(9 * 60);
    repo.write();
    repo.fails.store(true, SeqCst);
    assert_eq!(repo.over_stale(1).await, Ok(1), "the refresh failed");
    repo.seconds(60);
    repo.fails.store(false, SeqCst);
    assert_eq!(repo.over_stale(1).await, Ok(2), "ten minutes after the load");
}

/// A fresh entry has nothing in it that is stale.
#[tokio::test]
async fn an_entry_is_looked_at_again_when_what_it_was_made_of_is_stale() {
    let repo = Repo::new();
    assert_eq!(repo.stale(1).await, Ok(1));
    repo.seconds(50);
    assert_eq!(repo.soft_over_stale(1).await, Ok(1));
    repo.write();
    repo.seconds(9);
    assert_eq!(repo.soft_over_stale(1).await, Ok(1));
    repo.seconds(1);
    assert_eq!(repo.soft_over_stale(1).await, Ok(2));
}

#[tokio::test]
async fn g1_source_mode_and_what_its_version_came_from() {
    let repo = Repo::new();
    assert_eq!(repo.over_asked(1).await, 1);
    repo.write();
    repo.seconds(19);
    let reads = repo.reads.load(SeqCst);
    assert_eq!(repo.over_asked(1).await, 1);
    assert_eq!(repo.cache.stats().function("over_asked").expect("it was called").loads, 1);
    repo.seconds(1);
    repo.over_asked(1).await;
    assert_eq!(repo.cache.stats().function("over_asked").expect("it was called").loads, 2, "the version had 20 s");
    assert_eq!(repo.reads.load(SeqCst), reads, "the value has 60");
    repo.seconds(40);
    assert_eq!(repo.over_asked(1).await, 2);
}

#[tokio::test]
async fn what_is_loaded_past_the_cache_has_no_bound() {
    let repo = Repo::new();
    assert_eq!(repo.past_the_cache(1).await, 1);
    repo.write();
    repo.seconds(9 * 60);
    assert_eq!(repo.past_the_cache(1).await, 1);
    repo.seconds(60);
    assert_eq!(repo.past_the_cache(1).await, 2);
}

#[tokio::test]
async fn with_a_timeout() {
    let repo = Repo::new();
    repo.minute(1).await;
    repo.seconds(59);
    repo.write();
    assert!(matches!(repo.impatient(1).await, Ok(1)));
    repo.seconds(1);
    assert!(matches!(repo.impatient(1).await, Ok(2)));
}

/// A load that calls its own function does not wait for itself.
#[tokio::test]
async fn a_load_may_call_its_own_function() {
    let repo = Repo::new();
    let call = repo.calls_itself(1, Arc::default());
    let value = tokio::time::timeout(Duration::from_secs(5), call).await.expect("it does not wait for itself");
    assert_eq!(value, 1);
    assert_eq!(repo.calls_itself(1, Arc::default()).await, 1, "a hit");
    assert_eq!(repo.reads.load(SeqCst), 1);
}

#[tokio::test]
async fn two_caches_with_clocks_of_their_own() {
    let (inner, outer) = (Repo::new(), Repo::new());
    outer.seconds(1_000);
    #[cached(key = "both:<id>", ttl_only = "a test", hard_ttl = "10m", jitter = "0%", cache = outer.cache, skip(outer, inner))]
    async fn both(id: u64, outer: Repo, inner: Repo) -> u64 {
        let _ = outer;
        inner.minute(id).await
    }
    inner.minute(1).await;
    inner.seconds(59);
    assert_eq!(both(1, outer.clone(), inner.clone()).await, 1);
    inner.write();
    inner.seconds(1);
    outer.seconds(1);
    assert_eq!(both(1, outer, inner).await, 2);
}

#[tokio::test]
async fn a_missing_event_is_a_finding_with_its_binding() {
    let repo = Repo::new();
    repo.team(1).await;
    let findings = repo.cache.findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!((findings[0].function, findings[0].kind), ("team", FindingKind::MissingBinding));
    let message = &findings[0].message;
    assert!(message.contains("`UserUpdated { id: … }`") && message.contains("`user`"), "{message}");
}

#[tokio::test]
async fn a_missing_event_is_found_on_a_hit_too() {
    let repo = Repo::new();
    repo.user(8).await;
    repo.team(1).await;
    assert_eq!(repo.cache.findings().len(), 1);
}

#[tokio::test]
async fn the_event_of_another_row_is_missing_too() {
    let repo = Repo::new();
    repo.another(1).await;
    assert_eq!(repo.cache.findings().len(), 1);
    assert!(repo.cache.findings()[0].message.contains("user:2"), "{:?}", repo.cache.findings());
}

#[tokio::test]
async fn what_is_bound_or_bound_by_its_ttl_alone_is_no_finding() {
    let repo = Repo::new();
    repo.pair(1, 2).await;
    repo.over_asked(1).await;
    repo.ten(1).await;
    repo.cache.assert_no_findings();
    // And the binding works.
    repo.write();
    repo.cache.publish_or_retry(UserUpdated { id: 2, version: 2 }).await;
    assert_eq!(repo.pair(1, 2).await, 2);
}

/// Functions that load through another, in a mode that forbids loads.
mod only_if_cached {
    use super::*;

    #[derive(Clone)]
    struct Pages {
        cache: Cache,
        row: Arc<AtomicU64>,
    }

    impl Pages {
        fn new() -> Self {
            Self { cache: Cache::builder().build(), row: Arc::new(AtomicU64::new(1)) }
        }

        #[cached(key = "inner:<id>", ttl_only = "a test", hard_ttl = "1h", cache = self.cache)]
        async fn inner(&self, id: u64) -> Option<u64> {
            let _ = id;
            Some(self.row.load(SeqCst))
        }

        /// Its type cannot say that nothing is cached.
        #[cached(key = "outer:<id>", ttl_only = "a test", hard_ttl = "1h", cache = self.cache)]
        async fn outer(&self, id: u64) -> String {
            format!("{:?}", self.inner(id).await)
        }

        /// Makes something of what is not cached.
        #[cached(key = "glance:<id>", ttl_only = "a test", hard_ttl = "1h", cache = self.cache)]
        async fn glance(&self, id: u64) -> String {
            format!("{:?}", CacheMode::OnlyIfCached.scope(self.inner(id)).await)
        }

        #[cached(key = "around:<id>", ttl_only = "a test", hard_ttl = "1h", cache = self.cache)]
        async fn around(&self, id: u64) -> String {
            self.glance(id).await
        }

        #[cached(key = "inner_sync:<id>", ttl_only = "a test", hard_ttl = "1h", local, cache = self.cache)]
        fn inner_sync(&self, id: u64) -> Option<u64> {
            let _ = id;
            Some(self.row.load(SeqCst))
        }

        #[cached(key = "outer_sync:<id>", ttl_only = "a test", hard_ttl = "1h", local, cache = self.cache)]
        fn outer_sync(&self, id: u64) -> String {
            format!("{:?}", self.inner_sync(id))
        }
    }

    #[tokio::test]
    async fn a_load_that_must_be_made_is_made_of_what_is_there() {
        let pages = Pages::new();
        assert_eq!(CacheMode::OnlyIfCached.scope(pages.inner(1)).await, None, "as was asked");
        assert_eq!(CacheMode::OnlyIfCached.scope(pages.outer(1)).await, "Some(1)");
        assert_eq!(pages.outer(1).await, "Some(1)");
        assert_eq!(CacheMode::OnlyIfCached.scope_sync(|| pages.outer_sync(1)), "Some(1)");
        assert_eq!(pages.outer_sync(1), "Some(1)");
    }

    #[tokio::test]
    async fn what_was_made_without_a_load_is_not_stored() {
        let pages = Pages::new();
        assert_eq!(pages.around(1).await, "None", "as its function says");
        assert_eq!(pages.inner(1).await, Some(1));
        assert_eq!((pages.around(1).await, pages.glance(1).await), ("Some(1)".to_owned(), "Some(1)".to_owned()));
        pages.row.store(7, SeqCst);
        assert_eq!(pages.around(1).await, "Some(1)", "what it could know is stored");
    }
}

/// A load that makes something of another's failure does not end with that one's events.
#[tokio::test]
async fn a_failure_that_a_load_swallows_is_a_missing_binding() {
    #[cached(key = "user:<id>", invalidated_by(UserUpdated { id }), hard_ttl = "1h", skip(cache, row), cache = cache)]
    async fn user(cache: &Cache, id: u64, row: Result<u64, String>) -> Result<u64, String> {
        let _ = (id, cache);
        row
    }
    #[cached(key = "team:<id>", invalidated_by(TeamUpdated { id }), hard_ttl = "1h", skip(cache, row), cache = cache)]
    async fn team(cache: &Cache, id: u64, row: Result<u64, String>) -> u64 {
        user(cache, id, row).await.unwrap_or(0)
    }
    let cache = Cache::builder().build();
    assert_eq!(team(&cache, 1, Err("down".to_owned())).await, 0);
    let findings = cache.findings();
    assert_eq!((findings.len(), findings[0].function, findings[0].kind), (1, "team", FindingKind::MissingBinding));
}
