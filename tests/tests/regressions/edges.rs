//! Edges of refreshes and early refreshes.

use cachemacro::{Cache, CacheError, CacheMode, cached};
use cachemacro_tests::cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

#[derive(Clone)]
struct Repo {
    cache: Cache,
    hangs: Arc<AtomicBool>,
    fails: Arc<AtomicBool>,
    calls: Arc<AtomicU64>,
    clock: cachemacro::ManualClock,
}
fn repo() -> Repo {
    let (cache, clock) = cache();
    Repo { cache, clock, hangs: Arc::default(), fails: Arc::default(), calls: Arc::default() }
}
impl Repo {
    #[cached(key = "a:<id>", ttl_only = "x", soft_ttl = "1m", hard_ttl = "10m", jitter = "0%", stale_if_error = false, timeout = "2s", cache = self.cache)]
    async fn a(&self, id: u64) -> Result<u64, CacheError> {
        self.calls.fetch_add(1, SeqCst);
        if self.hangs.load(SeqCst) {
            std::future::pending::<()>().await
        }
        if self.fails.load(SeqCst) {
            return Err(CacheError::NotCached { function: "x" });
        }
        Ok(id)
    }
    #[cached(key = "e:<id>", ttl_only = "x", hard_ttl = "10m", jitter = "0%", early = 100.0, refresh = inline, cache = self.cache)]
    async fn e(&self, id: u64) -> Result<u64, CacheError> {
        self.clock.advance(Duration::from_secs(1));
        if self.fails.load(SeqCst) {
            return Err(CacheError::NotCached { function: "x" });
        }
        Ok(id)
    }
}
#[tokio::test(start_paused = true)]
async fn without_stale_if_error_a_timed_out_background_refresh_ends_the_entry() {
    let r = repo();
    r.a(1).await.unwrap();
    r.clock.advance(Duration::from_secs(61));
    r.hangs.store(true, SeqCst);
    r.a(1).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(r.a(1).await.is_err(), "the refresh failed, and stale values outlive no failure");
}
#[tokio::test]
async fn control_error_ends_the_entry() {
    let r = repo();
    r.a(1).await.unwrap();
    r.clock.advance(Duration::from_secs(61));
    r.fails.store(true, SeqCst);
    r.a(1).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(r.a(1).await.is_err());
}
#[tokio::test]
async fn a_failed_early_refresh_is_a_fresh_hit() {
    let r = repo();
    r.e(1).await.unwrap();
    r.clock.advance(Duration::from_millis(597_500));
    r.fails.store(true, SeqCst);
    r.e(1).await.unwrap();
    let s = r.cache.stats();
    let f = s.function("e").unwrap();
    assert_eq!((f.hits_fresh, f.hits_stale), (1, 0));
}
// control for the drop deadlock: one key, on another stripe almost surely
#[test]
fn control_drop_with_no_inner_fill() {
    struct Noisy(Cache);
    impl Drop for Noisy {
        fn drop(&mut self) {
            let _ = self.0.stats();
        }
    }
    #[cached(key = "n:<i>", ttl_only = "x", hard_ttl = "1m", local, cache = c, skip(c))]
    fn noisy(i: u64, c: Cache) -> Arc<Noisy> {
        let _ = i;
        Arc::new(Noisy(c))
    }
    let c = cache().0;
    drop(noisy(1, c.clone()));
    for _ in 0..9 {
        CacheMode::Refresh.scope_sync(|| drop(noisy(1, c.clone())));
    }
}
// generic impl, as people write it
#[derive(Clone)]
struct Kind<T>(Cache, std::marker::PhantomData<fn() -> T>);
trait Table {
    const NAME: &'static str;
}
#[derive(Clone)]
struct Users;
#[derive(Clone)]
struct Orders;
impl Table for Users {
    const NAME: &'static str = "users";
}
impl Table for Orders {
    const NAME: &'static str = "orders";
}
impl<T: Table + Clone + 'static> Kind<T> {
    #[cached(key = "count:<id>", ttl_only = "x", hard_ttl = "1m", cache = self.0)]
    async fn count(&self, id: u64) -> String {
        let _ = id;
        T::NAME.to_owned()
    }
}
#[tokio::test]
async fn methods_of_a_generic_type_do_not_share_entries() {
    let c = cache().0;
    assert_eq!(Kind::<Users>(c.clone(), Default::default()).count(1).await, "users");
    assert_eq!(Kind::<Orders>(c.clone(), Default::default()).count(1).await, "orders");
}
// trait default method: one static for all implementors
trait Source: Send + Sync + Clone + 'static {
    fn name(&self) -> &'static str;
    fn cache(&self) -> Cache;
    #[cached(key = "d:<id>", ttl_only = "x", hard_ttl = "1m", local, cache = self.cache())]
    fn described(&self, id: u64) -> String {
        format!("{} {id}", self.name())
    }
}
#[derive(Clone)]
struct S1(Cache);
#[derive(Clone)]
struct S2(Cache);
impl Source for S1 {
    fn name(&self) -> &'static str {
        "s1"
    }
    fn cache(&self) -> Cache {
        self.0.clone()
    }
}
impl Source for S2 {
    fn name(&self) -> &'static str {
        "s2"
    }
    fn cache(&self) -> Cache {
        self.0.clone()
    }
}
#[test]
fn trait_default_methods_do_not_share_entries() {
    let c = cache().0;
    assert_eq!(S1(c.clone()).described(1), "s1 1");
    assert_eq!(S2(c.clone()).described(1), "s2 1");
}
