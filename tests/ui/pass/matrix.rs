//! Matrix.
#![deny(warnings, clippy::pedantic)]
#![allow(clippy::drop_non_drop, clippy::unused_async, clippy::missing_errors_doc, dead_code, clippy::cast_possible_truncation)]
use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }
#[derive(Clone, CacheEvent)]
#[event(name = "typed", key = "typed:<type>:<org_id>", key = "org:<org_id>")]
struct Typed { r#type: String, org_id: Id<u64> }
#[derive(Clone, KeyPart, Debug, Serialize, Deserialize)]
struct Id<T>(T);

trait Db: Clone + Send + Sync + 'static { fn load(&self, id: u64) -> impl Future<Output = u64> + Send; }
#[derive(Clone)]
struct Fake(Arc<AtomicU64>);
impl Db for Fake { async fn load(&self, id: u64) -> u64 { self.0.fetch_add(1, Ordering::SeqCst); id } }

#[derive(Clone)]
struct Repo<D> { db: D }
type Answer<T> = Result<T, Arc<std::io::Error>>;
impl<D: Db> Repo<D> {
    #[cached(key = "g:<id>", version_from = |v| *v, invalidated_by(UserUpdated { id }), hard_ttl = "1m", soft_ttl = "1s")]
    async fn get(&self, id: u64) -> Answer<Option<u64>> {
        let inner = || async { self.db.load(id).await };
        struct Local;
        impl Local { fn go(&self) -> &Self { self } }
        let _ = Local.go();
        Ok(Some(inner().await))
    }
    #[cached(key = "g2:<kind>:<type>:<n>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "1s")]
    async fn any<T, const N: usize>(&self, kind: T, r#type: &str, n: usize) -> Option<Vec<T>>
    where T: KeyPart + Clone + Send + Sync + 'static + Serialize + DeserializeOwned,
    {
        let _ = self.db.load(N as u64).await;
        (r#type != "none").then(|| vec![kind; n])
    }
    #[must_use]
    #[inline]
    #[cached(key = "g3:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "1s", local)]
    /// Documented.
    fn sync(&self, #[allow(unused)] id: u64) -> u64 { size_of_val(&self.db) as u64 / 8 + id }
}

#[async_trait::async_trait]
trait Store: Send + Sync {
    async fn read(&self, id: u64) -> u64;
    #[cached(key = "def:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "1s", refresh = inline)]
    async fn twice(&self, id: u64) -> u64 { self.read(id).await * 2 }
    async fn write(&mut self, id: u64, buf: &mut Vec<u8>) -> Result<u64, String>;
    async fn moved(self: Arc<Self>, kind: String, org: u64) -> String;
    async fn elided(&self, name: &str, more: &[u8], opt: Option<&str>) -> String;
}
#[async_trait::async_trait]
impl<D: Db> Store for Repo<D> {
    #[cached(key = "def2:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "1s")]
    async fn read(&self, id: u64) -> u64 { self.db.load(id).await }
    #[invalidates(|version| UserUpdated { id: *version + id, version: buf_len(self) }, on_error = bounded)]
    async fn write(&mut self, id: u64, buf: &mut Vec<u8>) -> Result<u64, String> { buf.push(1); let _ = &self; Ok(id) }
    #[cached(key = "mv:<kind>:<org>", invalidated_by(Typed { r#type: kind, org_id: Id(org) }, Typed { org_id: Id(org) }), hard_ttl = "1m", soft_ttl = "1s")]
    async fn moved(self: Arc<Self>, kind: String, org: u64) -> String { drop(self); let _ = org; kind }
    #[cached(key = "el:<name>:<opt>", ttl_only = "x", skip(more), hard_ttl = "1m", soft_ttl = "1s")]
    async fn elided(&self, name: &str, more: &[u8], opt: Option<&str>) -> String { let _ = self; format!("{name}{more:?}{opt:?}") }
}
fn buf_len<T>(_: &T) -> u64 { 1 }

#[cached(key = "free:<a>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "1s", skip(db, f, g, dynamic))]
async fn free<D: Db>(db: &D, a: &&str, f: impl Fn(u64) -> u64 + Clone + Send, g: &(impl Fn(u64) -> u64 + Sync), dynamic: &(dyn Fn(u64) -> u64 + Sync)) -> u64 {
    dynamic(g(f(db.load(a.len() as u64).await)))
}
#[cached(key = "rec:<n>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "1s", local)]
fn fib(n: u64) -> u64 { if n < 2 { return n; } fib(n - 1) + fib(n - 2) }
#[cached(key = "unused:<epoch>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "1s")]
async fn unused(epoch: u64) -> u64 { 1 }
#[cached(key = "unused2:<epoch>:<name>", ttl_only = "x", hard_ttl = "1m")]
async fn unused2(epoch: String, name: &str) -> Vec<u8> { Vec::new() }
#[cached(key = "st", ttl_only = "x", hard_ttl = "1m")]
async fn nothing() -> Option<String> { None }
#[cached(key = "lt:<a>:<b>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "1s")]
async fn lifetimes<'a, 'b: 'a>(a: &'a str, b: &'b String) -> String { let c: &'a str = b; format!("{a}{c}") }
#[cached(key = "lt:<a>:<b>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "1s")]
async fn lifetimes2<'a, 'b: 'a>(a: &'a str, b: &'b String) -> String { format!("{a}{b}") }

#[derive(Clone, Debug, PartialEq)]
enum E { NotFound { id: String }, Db(Inner), Other(std::sync::Arc<str>) }
#[derive(Clone, Debug, PartialEq)]
enum Inner { Gone, Else }
#[cached(key = "nf:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "1s", negative_ttl = "10s", not_found = E::NotFound { id })]
async fn nf(id: String) -> Result<u64, E> { LOADS.fetch_add(1, Ordering::SeqCst); Err(E::NotFound { id }) }
#[cached(key = "nf:<id>", ttl_only = "x", hard_ttl = "1m", negative_ttl = "10s", not_found = E::Db(Inner::Gone))]
async fn nf2(id: &str) -> Result<Option<u64>, E> { LOADS.fetch_add(1, Ordering::SeqCst); let _ = id; Err(E::Db(if id == "x" { Inner::Gone } else { Inner::Else })) }
static LOADS: AtomicU64 = AtomicU64::new(0);

struct Handler { seen: AtomicU64 }
impl Handler {
    #[invalidates(event)]
    async fn on(&self, event: UserUpdated, _other: String) -> Result<(), String> { self.seen.fetch_add(event.id, Ordering::SeqCst); drop(event); Ok(()) }
    #[invalidates(&event, on_error = retry)]
    fn on_ref(&mut self, event: &UserUpdated) { *self.seen.get_mut() += event.id; }
    #[invalidates(events)]
    async fn on_all(self: Arc<Self>, events: Vec<UserUpdated>) { drop(self); drop(events); }
    #[invalidates(UserUpdated { id: self.seen.load(Ordering::SeqCst), version: 1 })]
    async fn by_value(self) { let _ = self; }
    #[invalidates(UserUpdated { id: *self.seen.get_mut(), version: 1 })]
    async fn by_mut(&mut self) -> Result<(), String> { *self.seen.get_mut() += 1; Err(String::new()) }
    #[invalidates(vec![UserUpdated { id: a, version: b }], if a > 1 { Some(UserUpdated { id: 1, version: 1 }) } else { None })]
    fn pattern((a, mut b): (u64, u64)) -> u64 { b += a; b }
}
impl Clone for Handler { fn clone(&self) -> Self { Self { seen: AtomicU64::new(0) } } }

mod nested {
    pub(super) async fn outer() -> u64 {
        #[cachemacro::cached(key = "inner:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "1s")]
        async fn inner(id: u64) -> u64 { id }
        inner(1).await + inner(1).await
    }
}

/// The calls run in a task: the future of each is `Send`.
#[tokio::main]
async fn main() {
    tokio::spawn(calls()).await.unwrap();
}

async fn calls() {
    let loads = Arc::new(AtomicU64::new(0));
    let repo = Repo { db: Fake(loads.clone()) };
    for _ in 0..2 { assert_eq!(repo.get(3).await.unwrap(), Some(3)); }
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    for _ in 0..2 { assert_eq!(repo.any::<u64, 3>(1, "x", 2).await, Some(vec![1, 1])); }
    for _ in 0..2 { assert_eq!(repo.any::<String, 3>("1".into(), "x", 1).await, Some(vec!["1".to_string()])); }
    assert_eq!(loads.load(Ordering::SeqCst), 3);
    assert_eq!(repo.sync(3), 4);
    for _ in 0..2 { assert_eq!(repo.twice(4).await, 8); }
    assert_eq!(loads.load(Ordering::SeqCst), 4);
    let mut writer = repo.clone();
    let mut buf = vec![];
    assert_eq!(writer.write(1, &mut buf).await, Ok(1));
    assert_eq!(buf.len(), 1);
    for _ in 0..2 { assert_eq!(Arc::new(repo.clone()).moved("k".into(), 1).await, "k"); }
    for _ in 0..2 { assert_eq!(repo.elided("n", &[1], Some("o")).await, "n[1]Some(\"o\")"); }
    for _ in 0..2 { assert_eq!(free(&repo.db, &"abc", |x| x + 1, &|x| x + 2, &|x| x * 2).await, 12); }
    assert_eq!(loads.load(Ordering::SeqCst), 5);
    assert_eq!(fib(50), 12_586_269_025);
    assert_eq!(unused(1).await + unused(2).await, 2);
    assert!(unused2(String::new(), "").await.is_empty());
    assert_eq!(nothing().await, None);
    assert_eq!(lifetimes("a", &"b".to_string()).await, lifetimes2("a", &"b".to_string()).await);
    for _ in 0..2 { assert_eq!(nf("x".into()).await, Err(E::NotFound { id: "x".into() })); }
    assert_eq!(LOADS.load(Ordering::SeqCst), 1);
    for _ in 0..2 { assert_eq!(nf2("x").await, Err(E::Db(Inner::Gone))); }
    assert_eq!(LOADS.load(Ordering::SeqCst), 2);
    for _ in 0..2 { assert_eq!(nf2("y").await, Err(E::Db(Inner::Else))); }
    assert_eq!(LOADS.load(Ordering::SeqCst), 4);
    let mut handler = Handler { seen: AtomicU64::new(0) };
    let event = UserUpdated { id: 1, version: 1 };
    handler.on(event.clone(), String::new()).await.unwrap();
    handler.on_ref(&event);
    Arc::new(handler.clone()).on_all(vec![event]).await;
    handler.by_mut().await.unwrap_err();
    handler.by_value().await;
    assert_eq!(Handler::pattern((1, 2)), 3);
    assert_eq!(nested::outer().await, 2);
    let _ = Typed { r#type: String::new(), org_id: Id(1) };
}
