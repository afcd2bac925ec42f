//! Signatures that a macro sees before the compiler does: conditions, constants of a type, statics, and names that only the annotation
//! uses.
#![deny(warnings)]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use cachemacro::{Cache, CacheEvent, cached, invalidates};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated {
    id: u64,
    version: u64,
}

// The soft TTL is the hard one: nothing refreshes, and nothing needs `refresh = inline`.
struct Buffer(u64);
const HARD: Duration = Duration::from_secs(60);

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", skip(buffer))]
async fn into(buffer: &mut Buffer, id: u64) -> u64 {
    buffer.0 += 1;
    id
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "60s", skip(buffer))]
async fn into_with_soft(buffer: &mut Buffer, id: u64) -> u64 {
    buffer.0 += 1;
    id
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = HARD, soft_ttl = HARD, skip(buffer))]
async fn into_with_constants(buffer: Option<&mut Buffer>, id: u64) -> u64 {
    if let Some(buffer) = buffer {
        buffer.0 += 1;
    }
    id
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", local, skip(buffer))]
fn into_sync(buffer: &mut Buffer, id: u64) -> u64 {
    buffer.0 += 1;
    id
}

// Arguments under a condition.
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn removed(id: u64, #[cfg(any())] name: String) -> u64 {
    id
}
#[cached(key = "user:<id>:<name>", ttl_only = "x", hard_ttl = "1m", skip(log))]
async fn removed_from_the_annotation(id: u64, #[cfg(any())] name: &str, #[cfg(any())] log: &mut Buffer) -> u64 {
    id
}
#[cached(key = "user:<id>:<name>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn kept(id: u64, #[cfg(not(any()))] name: &str) -> u64 {
    id + name.len() as u64
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn of_either_type(#[cfg(any())] id: &str, #[cfg(not(any()))] id: u64) -> u64 {
    id
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", local)]
fn removed_sync(#[allow(unused_variables)] id: u64, #[cfg(any())] mut name: String) -> u64 {
    7
}
#[invalidates(UserUpdated { id, version: 1 })]
async fn write(id: u64, #[cfg(any())] name: String) -> u64 {
    id
}
#[async_trait::async_trait]
trait Repository: Send + Sync {
    async fn find(&self, id: u64, #[cfg(any())] name: String, #[cfg(not(any()))] pair: (u64, u64)) -> u64;
    async fn of_type(&self, id: u64) -> u64;
}

// Constants of a type.
#[derive(Clone)]
struct Users;
#[async_trait::async_trait]
impl Repository for Users {
    #[cached(key = "user:<id>:<a>:<b>", ttl_only = "x", hard_ttl = "1m")]
    async fn find(&self, id: u64, #[cfg(any())] name: String, #[cfg(not(any()))] (a, b): (u64, u64)) -> u64 {
        id + a + b
    }
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = <Self as Timed>::TTL, soft_ttl = Self::SOFT)]
    async fn of_type(&self, id: u64) -> u64 {
        id
    }
}
trait Timed {
    const TTL: Duration;
}
impl Timed for Users {
    const TTL: Duration = HARD;
}
impl Users {
    const SOFT: Duration = Duration::from_secs(10);

    #[cached(
        key = "user:<id>", ttl_only = "x", hard_ttl = Self::TTL, soft_ttl = "1s", negative_ttl = Self::SOFT, timeout = Self::SOFT,
        refresh_backoff = Self::SOFT,
    )]
    async fn timed(id: u64) -> Option<u64> {
        Some(id)
    }
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = Duration::from_secs(Self::TTL.as_secs() * 2), local)]
    fn timed_sync(&self, id: u64) -> u64 {
        id
    }
}
struct Rows<K>(K);
impl<K: Timed + Clone + Send + Sync + 'static> Rows<K> {
    #[cached(key = "row:<id>", ttl_only = "x", hard_ttl = K::TTL)]
    async fn of_parameter(&self, id: u64) -> u64 {
        let _ = &self.0;
        id
    }
    #[cached(key = "row:<id>", ttl_only = "x", hard_ttl = <K as Timed>::TTL, local)]
    fn of_qualified_parameter(id: u64) -> u64 {
        id
    }
}

// Names that only the annotation uses.
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", cache = cache)]
async fn in_cache(cache: &Cache, id: u64) -> u64 {
    id
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", cache = cache, skip(cache))]
async fn in_owned_cache(cache: Cache, id: u64) -> u64 {
    id
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", cache = cache, local)]
fn in_shared_cache(cache: Arc<Cache>, id: u64) -> u64 {
    id
}
#[invalidates(UserUpdated { id, version: 1 }, cache = cache)]
async fn write_to(cache: &Cache, id: u64) {}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", cache_if = |value| *value > least, skip(least))]
async fn if_more_than(least: u64, id: u64) -> u64 {
    id
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", bypass_if = fresh)]
async fn unless_fresh(fresh: bool, id: u64) -> u64 {
    id
}
#[cached(key = "user:<id>", version_from = version(db).await, invalidated_by(UserUpdated { id }), hard_ttl = "1m", skip(db))]
async fn with_version(db: &str, id: u64) -> u64 {
    id
}
async fn version(db: &str) -> u64 {
    db.len() as u64
}

// Statics.
#[cached(key = "label:<id>", ttl_only = "x", hard_ttl = "1m", local)]
async fn label(id: u64) -> &'static str {
    if id == 0 { "none" } else { "some" }
}
#[cached(key = "label:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", local)]
async fn bytes(id: u64) -> Result<Option<&'static [u8]>, Box<dyn Error + Send + Sync>> {
    Ok((id > 0).then_some(b"some"))
}
#[cached(key = "label:<id>", ttl_only = "x", hard_ttl = "1m", local)]
fn label_sync(id: u64) -> Vec<&'static str> {
    vec![if id == 0 { "none" } else { "some" }]
}

#[tokio::main]
async fn main() {
    tokio::spawn(calls()).await.unwrap();
}

async fn calls() {
    let mut buffer = Buffer(0);
    for _ in 0..2 {
        assert_eq!((into(&mut buffer, 7).await, into_with_soft(&mut buffer, 7).await), (7, 7));
        assert_eq!((into_with_constants(None, 7).await, into_sync(&mut buffer, 7)), (7, 7));
    }
    assert_eq!((removed(7).await, removed_from_the_annotation(7).await, kept(3, "four").await), (7, 7, 7));
    assert_eq!((of_either_type(7).await, removed_sync(7), write(7).await), (7, 7, 7));
    let repository: Arc<dyn Repository> = Arc::new(Users);
    assert_eq!((repository.find(1, (2, 4)).await, repository.of_type(7).await), (7, 7));
    assert_eq!((Users::timed(7).await, Users.timed_sync(7)), (Some(7), 7));
    assert_eq!((Rows(Users).of_parameter(7).await, Rows::<Users>::of_qualified_parameter(7)), (7, 7));
    let cache = Cache::global();
    assert_eq!((in_cache(cache, 7).await, in_owned_cache(cache.clone(), 7).await), (7, 7));
    assert_eq!(in_shared_cache(Arc::new(cache.clone()), 7), 7);
    write_to(cache, 7).await;
    assert_eq!((if_more_than(1, 7).await, unless_fresh(false, 7).await, with_version("db", 7).await), (7, 7, 7));
    assert_eq!((label(7).await, bytes(7).await.unwrap(), label_sync(7)), ("some", Some(&b"some"[..]), vec!["some"]));
}
