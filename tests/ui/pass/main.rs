#![deny(warnings, clippy::pedantic, clippy::all)]
#![allow(clippy::missing_errors_doc, clippy::multiple_bound_locations, clippy::duration_suboptimal_units, clippy::drop_non_drop)]
//! App.
#![deny(missing_docs)]
#![allow(clippy::unused_async)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::borrow::Cow;
use std::pin::Pin;
use std::future::Future;

use cachemacro::{CacheEvent, KeyPart, cached, invalidates, Cache};
use serde::{Deserialize, Serialize};

/// E.
#[derive(Clone, Serialize, Deserialize, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
pub struct UserUpdated {
    /// I.
    pub id: u64,
    /// V.
    pub version: u64,
}

/// E.
#[derive(Clone, CacheEvent)]
#[event(name = "user.moved", key = "user:<id>", key = "org:<org>", key = "org2:<org>")]
pub struct UserMoved { id: UserId, org: String }

/// E.
#[derive(Clone, CacheEvent)]
#[event(name = "settings", key = "settings")]
pub struct SettingsChanged;

#[derive(Clone, CacheEvent)]
#[event(name = "r", key = "user:<id>", version = version, restores = of)]
struct Restored { id: u64, version: i64, of: i64 }
#[derive(Clone, CacheEvent)]
#[event(name = "rb", key = "user:<id>", rollback_to = to)]
struct RolledBack { id: u64, to: i64 }

/// K.
#[derive(Clone, Copy, KeyPart, PartialEq, Eq, Debug)]
pub struct UserId(u64);

/// K.
#[derive(Clone, KeyPart)]
pub enum Sort { /// N
    Newest, /// B
    By(String), /// R
    Range { /// a
        from: u32, /// b
        to: u32 } }
/// K.
#[derive(Clone, Copy, KeyPart)]
pub struct Page { size: u32, at: u32 }
#[derive(Clone, KeyPart)]
struct Pair<A, B>(A, B);
#[derive(Clone, KeyPart)]
struct Unit;

/// U.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct User {
    /// I.
    pub id: u64,
    /// V.
    pub version: u64,
    /// N.
    pub name: String,
}

/// Er.
#[derive(Debug, Clone, PartialEq)]
pub enum RepoError {
    /// N.
    NotFound(u64),
    /// N.
    Missing(String),

}
impl From<cachemacro::CacheError> for RepoError {
    fn from(_: cachemacro::CacheError) -> Self { RepoError::NotFound(0) }
}

/// Us.
#[derive(Clone)]
pub struct Users {
    loads: Arc<AtomicU64>,
    tenant: String,
    cache: Cache,
}

const HARD: Duration = Duration::from_secs(600);

impl Users {
    fn count(&self) { self.loads.fetch_add(1, Ordering::SeqCst); }

    /// Finds.
    #[cached(
        key = "user:<id>",
        version_from = |user| user.version,
        invalidated_by(UserUpdated { id }),
        soft_ttl = "60s", hard_ttl = "10m", negative_ttl = "10s",
    )]
    pub async fn find(&self, id: u64) -> Result<Option<User>, RepoError> {
        self.count();
        if id == 0 { return Ok(None); }
        fails(id)?;
        tracing(&format!("{self:?}"));
        Ok(Some(User { id, version: 100, name: self.tenant.clone() }))
    }

    #[cached(key = "u2:<self.tenant>:<name>:<nick>", skip(extra), invalidated_by(SettingsChanged), soft_ttl = "1s", hard_ttl = HARD, jitter = "0%",
        early = 1.0, stale_if_error, timeout = "2s", cache_if = |user| user.id > 0, weight = |u| u.name.len(), cache = self.cache,
        not_found = RepoError::Missing(name.to_owned()))]
    async fn by_name(&self, name: &str, nick: Option<&str>, mut extra: Vec<u8>) -> Result<User, RepoError> {
        self.count();
        extra.push(1);
        let _ = &extra;
        if nick.is_some() { return Err(RepoError::Missing(name.to_string())); }
        Ok(User { id: 1, version: 1, name: name.to_string() })
    }

    #[cached(key = "u3:<a>:<b>:<size>/<page.at>", ttl_only = "because", hard_ttl = "1m", soft_ttl = "2s")]
    async fn patterns(self: &Arc<Self>, (a, mut b): (u64, u64), Page { size, .. }: Page, page: Page) -> u64 {
        self.count();
        b += a;
        b + u64::from(size) + u64::from(page.at)
    }

    #[cached(key = "u4:<name>", ttl_only = "because", hard_ttl = "1m", soft_ttl = "2s")]
    async fn cow<'a>(self: Arc<Self>, name: Cow<'a, str>) -> String {
        self.count();
        let x: &'a str = "x";
        format!("{name}{x}")
    }

    #[cached(key = "u5:<id>", ttl_only = "because", hard_ttl = "1m", local)]
    fn sync(&self, id: u64) -> Option<u64> {
        self.count();
        let x = u32::try_from(id).ok()?;
        Some(u64::from(x))
    }

    #[cached(key = "u6:<id>", ttl_only = "because", hard_ttl = "1m", soft_ttl = "1s", local)]
    fn sync_back(&self, id: String) -> Option<String> {
        self.count();
        Some(id)
    }

    #[cached(key = "u7:<id>", version_from = self.version(&id).await?, invalidated_by(UserMoved { org: id }), hard_ttl = "1m", consistency = strict)]
    async fn source(&self, id: String) -> Result<Option<String>, RepoError> {
        self.count();
        Ok(Some(id))
    }
    async fn version(&self, _id: &str) -> Result<u64, RepoError> { Ok(1) }

    #[cached(key = "u8:<id>", ttl_only = "because", hard_ttl = "1m", autocommit(self), skip(buffer), refresh = inline)]
    async fn with_mut(&mut self, id: u64, buffer: &mut Vec<u8>) -> u64 {
        self.count();
        buffer.push(1);
        self.tenant.push('x');
        id
    }

    #[cached(key = "u9:<sort>:<page>:<uid>", invalidated_by(UserMoved { id: uid }, UserUpdated { id: uid.0 }), hard_ttl = "1m", soft_ttl = "10s", refresh = inline)]
    async fn generic<T: Clone + Send + Sync + 'static + Serialize + for<'de> Deserialize<'de> + KeyPart + Default>(&self, sort: Sort, page: Page, uid: UserId) -> Option<T> where T: Send {
        self.count();
        let _ = (sort, page, uid);
        Some(T::default())
    }

    #[cached(key = "u10:<ids>", ttl_only = "because", hard_ttl = "1m", soft_ttl = "10s", skip(tracer, f))]
    async fn dynamic(&self, ids: u64, tracer: &(dyn Fn() + Sync), f: impl Fn() -> u64 + Clone + Send) -> u64 {
        tracer();
        ids + f()
    }

    /// Re.
    /// # Errors
    /// no.
    #[invalidates(|user| UserUpdated { id: user.id, version: user.version })]
    pub async fn rename(&self, id: u64, name: &str) -> Result<User, RepoError> {
        fails(id)?;
        Ok(User { id, version: 2, name: name.to_string() })
    }

    #[invalidates(UserMoved { id: UserId(id), org: org.clone() }, |()| Some(UserUpdated { id, version: 3 }), cache = self.cache, on_error = fail)]
    async fn transfer(&mut self, id: u64, org: String) -> Result<(), RepoError> {
        self.tenant = org;
        Ok(())
    }
}

impl std::fmt::Debug for Users { fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { Ok(()) } }

fn tracing(_: &str) {}
fn fails(id: u64) -> Result<(), RepoError> { if id == 99 { Err(RepoError::NotFound(id)) } else { Ok(()) } }

#[invalidates(event)]
async fn on_user_updated(event: UserUpdated) -> Result<(), RepoError> {
    drop(event);
    Ok(())
}
#[invalidates(event, on_error = retry)]
fn on_sync(event: &UserUpdated) {
    let _ = event;
}
#[invalidates((SettingsChanged, Restored { id: 1, version: 2, of: 1 }, RolledBack { id: 1, to: 1 }))]
async fn many() {}

/// T.
#[async_trait::async_trait]
pub trait Repo {
    /// G.
    async fn get(&self, id: u64, name: &str, pair: (u64, u64)) -> Result<Option<User>, RepoError>;
    /// S.
    async fn set(&self, event: UserUpdated) -> Result<(), RepoError>;
}
#[async_trait::async_trait]
impl Repo for Users {
    #[cached(key = "t:<id>:<name>:<a>:<b>", version_from = |u| u.version, invalidated_by(UserUpdated { id }), hard_ttl = "10m", soft_ttl = "1m")]
    async fn get(&self, id: u64, name: &str, (a, b): (u64, u64)) -> Result<Option<User>, RepoError> {
        self.count();
        Ok(Some(User { id, version: a + b, name: format!("{name}{self:?}") }))
    }
    #[invalidates(event)]
    async fn set(&self, event: UserUpdated) -> Result<(), RepoError> {
        let _ = event;
        Ok(())
    }
}

/// T.
pub trait Native {
    /// G.
    fn get(&self, id: u64) -> impl Future<Output = Result<User, RepoError>> + Send;
}
impl Native for Users {
    #[cached(key = "n:<id>", ttl_only = "because", hard_ttl = "10m", soft_ttl = "1m", not_found = RepoError::NotFound(id), negative_ttl = "1s")]
    async fn get(&self, id: u64) -> Result<User, RepoError> {
        self.count();
        Err(RepoError::NotFound(id))
    }
}

#[cached(key = "b:<id>", ttl_only = "because", hard_ttl = "10m", soft_ttl = "1m")]
fn boxed<'a>(id: &'a str) -> Pin<Box<dyn Future<Output = String> + Send + 'a>> {
    let fut = async move { id.to_string() };
    Box::pin(fut)
}

/// The calls run in a task: the future of each is `Send`.
#[tokio::main]
async fn main() {
    tokio::spawn(calls()).await.unwrap();
}

async fn calls() {
    let mut users = Users { loads: Arc::default(), tenant: "t".into(), cache: Cache::global().clone() };
    let loads = users.loads.clone();
    let n = move || loads.load(Ordering::SeqCst);
    for _ in 0..2 { assert_eq!(users.find(1).await.unwrap().unwrap().id, 1); }
    assert_eq!(n(), 1);
    assert_eq!(users.find(99).await, Err(RepoError::NotFound(99)));
    for _ in 0..2 { assert_eq!(users.find(0).await, Ok(None)); }
    assert_eq!(n(), 3);
    for _ in 0..2 { assert_eq!(users.by_name("x", None, vec![]).await.unwrap().name, "x"); }
    for _ in 0..2 { assert_eq!(users.by_name("x", Some("x"), vec![]).await.unwrap_err(), RepoError::Missing("x".into())); }
    let shared = Arc::new(users.clone());
    for _ in 0..2 { assert_eq!(shared.patterns((1, 2), Page { size: 3, at: 4 }, Page { size: 5, at: 6 }).await, 12); }
    for _ in 0..2 { assert_eq!(shared.clone().cow("a".into()).await, "ax"); }
    for _ in 0..2 { assert_eq!(users.sync(5), Some(5)); assert_eq!(users.sync_back("a".into()), Some("a".into())); }
    for _ in 0..2 { assert_eq!(users.source("a".into()).await.unwrap().unwrap(), "a"); }
    let mut buffer = vec![];
    for _ in 0..2 { assert_eq!(users.with_mut(1, &mut buffer).await, 1); }
    assert_eq!(buffer, [1]);
    assert_eq!(users.tenant, "tx");
    for _ in 0..2 { assert_eq!(users.generic::<u64>(Sort::Newest, Page { size: 3, at: 4 }, UserId(1)).await, Some(0)); }
    for _ in 0..2 { assert_eq!(users.dynamic(1, &|| {}, || 2).await, 3); }
    let before = n();
    users.rename(1, "y").await.unwrap();
    users.find(1).await.unwrap();
    assert_eq!(n(), before, "version 2 is older than the row that is cached");
    users.transfer(1, "o".into()).await.unwrap();
    on_user_updated(UserUpdated { id: 1, version: 9 }).await.unwrap();
    on_sync(&UserUpdated { id: 1, version: 10 });
    many().await;
    for _ in 0..2 { assert_eq!(Repo::get(&users, 1, "x", (2, 3)).await.unwrap().unwrap().version, 5); }
    users.set(UserUpdated { id: 1, version: 11 }).await.unwrap();
    for _ in 0..2 { assert_eq!(Native::get(&users, 1).await.unwrap_err(), RepoError::NotFound(1)); }
    assert_eq!(boxed("a").await, "a");
    let _ = (Sort::By(String::new()), Sort::Range { from: 1, to: 2 }, Unit, Pair(1, 2));
    let handle = tokio::spawn(async move { users.find(1).await });
    handle.await.unwrap().unwrap();
}
