//! Return types with trait objects and lifetimes, in functions and methods that a task calls: the future of each is `Send`.
#![deny(warnings)]

use std::borrow::Cow;
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use cachemacro::{Cache, CacheEvent, cached, invalidates};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated {
    id: u64,
    version: u64,
}

#[derive(Clone, Serialize, Deserialize)]
struct User {
    id: u64,
    version: u64,
}

type BoxError = Box<dyn Error + Send + Sync>;
type Res<T, E = Box<dyn Error + Send + Sync + 'static>> = Result<T, E>;

trait Rule: Send + Sync {
    fn weigh(&self) -> u64;
}
impl Rule for u64 {
    fn weigh(&self) -> u64 {
        *self
    }
}

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m")]
async fn boxed_error(id: u64) -> Result<u64, Box<dyn Error + Send + Sync>> {
    Ok(id.to_string().parse::<u64>()?)
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn aliased_error(id: u64) -> Result<Option<u64>, BoxError> {
    Ok(Some(id.to_string().parse::<u64>()?))
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", refresh = inline)]
async fn error_of_an_alias(id: u64) -> Res<Vec<u64>> {
    Ok(vec![id.to_string().parse::<u64>()?])
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", local)]
async fn object(id: u64) -> Arc<dyn Rule> {
    Arc::new(id)
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", local)]
async fn object_or_error(id: u64) -> Result<Option<Arc<dyn Rule>>, Arc<dyn Error + Send + Sync>> {
    Ok(Some(Arc::new(id)))
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", local)]
async fn closure(id: u64) -> Arc<dyn Fn(&str) -> u64 + Send + Sync> {
    Arc::new(move |_| id)
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", local)]
async fn function(id: u64) -> fn(&str) -> usize {
    let _ = id;
    str::len
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn cow(id: u64) -> Cow<'static, str> {
    if id == 0 { "zero".into() } else { id.to_string().into() }
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn cows(id: u64) -> Vec<Cow<'static, str>> {
    vec![id.to_string().into()]
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m")]
async fn nested_cows(id: u64) -> sqlx::Result<HashMap<Cow<'static, str>, Option<Cow<'static, [u8]>>>> {
    let _ = id;
    Ok(HashMap::new())
}
#[cached(
    key = "user:<id>", invalidated_by(UserUpdated { id }), version_from = |rule| rule.weigh(), hard_ttl = "1m", soft_ttl = "10s",
    negative_ttl = "1s", cache_if = |rule| rule.weigh() > 0, weight = |_| 8, local,
)]
async fn with_closures(id: u64) -> Result<Option<Arc<dyn Rule>>, BoxError> {
    Ok(Some(Arc::new(id)))
}
#[cached(key = "user:<id>", invalidated_by(UserUpdated { id }), version_from = version(id).await?, hard_ttl = "1m")]
async fn by_source(id: u64) -> Result<Option<Cow<'static, str>>, BoxError> {
    Ok(Some(id.to_string().into()))
}
async fn version(id: u64) -> Result<u64, BoxError> {
    Ok(id)
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
fn boxed_future(id: &str) -> Pin<Box<dyn Future<Output = Result<Cow<'static, str>, BoxError>> + Send + '_>> {
    Box::pin(async move { Ok(id.to_owned().into()) })
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", skip(source))]
async fn generic<S, T>(source: &S, id: u64) -> Result<Vec<T>, BoxError>
where
    S: Source<T> + Clone + Send + Sync + 'static,
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    source.fetch(id).await
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", local, skip(make))]
async fn generic_error<E, F>(id: u64, make: F) -> Result<Cow<'static, str>, E>
where
    E: Error + Clone + Send + Sync + 'static,
    F: Fn(u64) -> Result<String, E> + Clone + Send + Sync + 'static,
{
    Ok(make(id)?.into())
}
#[invalidates(UserUpdated { id, version: 1 })]
async fn write(id: u64) -> Result<Arc<dyn Rule>, Box<dyn Error + Send + Sync>> {
    Ok(Arc::new(id))
}
#[invalidates(UserUpdated { id, version: 1 }, on_error = fail)]
async fn write_or_fail(id: u64) -> Result<Cow<'static, str>, BoxError> {
    Ok(id.to_string().into())
}

#[async_trait::async_trait]
trait Source<T> {
    async fn fetch(&self, id: u64) -> Result<Vec<T>, BoxError>;
}
#[async_trait::async_trait]
trait Repository: Send + Sync {
    async fn find(&self, id: u64) -> Result<u64, Box<dyn Error + Send + Sync>>;
    async fn names(&self, ids: &[u64], prefix: &str) -> Result<Vec<Cow<'static, str>>, BoxError>;
    async fn rule(&self, id: u64) -> Result<Option<Arc<dyn Rule>>, BoxError>;
    async fn inline(&self, id: u64) -> Result<User, BoxError>;
    async fn rename(&self, id: u64, name: &str) -> Result<User, Box<dyn Error + Send + Sync>>;
}

#[derive(Clone)]
struct Sqlite {
    tenant: String,
    cache: Cache,
}
#[async_trait::async_trait]
impl Source<u64> for Sqlite {
    async fn fetch(&self, id: u64) -> Result<Vec<u64>, BoxError> {
        Ok(vec![id])
    }
}
#[async_trait::async_trait]
impl Repository for Sqlite {
    #[cached(key = "user:<self.tenant>:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", cache = self.cache)]
    async fn find(&self, id: u64) -> Result<u64, Box<dyn Error + Send + Sync>> {
        Ok(id.to_string().parse()?)
    }
    #[cached(key = "names:<prefix>", skip(ids), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
    async fn names(&self, ids: &[u64], prefix: &str) -> Result<Vec<Cow<'static, str>>, BoxError> {
        Ok(ids.iter().map(|id| format!("{prefix}{id}").into()).collect())
    }
    #[cached(key = "rule:<id>", ttl_only = "x", hard_ttl = "1m", local)]
    async fn rule(&self, id: u64) -> Result<Option<Arc<dyn Rule>>, BoxError> {
        Ok(Some(Arc::new(id)))
    }
    #[cached(
        key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }), hard_ttl = "1m", soft_ttl = "10s",
        refresh = inline,
    )]
    async fn inline(&self, id: u64) -> Result<User, BoxError> {
        Ok(User { id, version: 1 })
    }
    #[invalidates(|user| UserUpdated { id: user.id, version: user.version })]
    async fn rename(&self, id: u64, name: &str) -> Result<User, Box<dyn Error + Send + Sync>> {
        Ok(User { id, version: name.len() as u64 })
    }
}

/// As services have it.
#[derive(Clone)]
struct Service {
    repository: Arc<dyn Repository>,
}
impl Service {
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
    async fn find(&self, id: u64) -> Result<u64, Box<dyn Error + Send + Sync>> {
        self.repository.find(id).await
    }
    #[cached(key = "rule:<id>", ttl_only = "x", hard_ttl = "1m", local)]
    async fn rule(self: Arc<Self>, id: u64) -> Result<Option<Arc<dyn Rule>>, BoxError> {
        self.repository.rule(id).await
    }
}
impl dyn Repository {
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m")]
    async fn of_object(&self, id: u64) -> Result<u64, BoxError> {
        self.find(id).await
    }
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
    async fn of_arc(self: Arc<Self>, id: u64) -> Result<u64, BoxError> {
        self.find(id).await
    }
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
    async fn of_borrowed_arc(self: &Arc<Self>, id: u64) -> Result<u64, BoxError> {
        self.find(id).await
    }
}
trait Native {
    fn get(&self, id: u64) -> impl Future<Output = Result<Cow<'static, str>, BoxError>> + Send;
}
impl Native for Service {
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
    async fn get(&self, id: u64) -> Result<Cow<'static, str>, BoxError> {
        Ok(id.to_string().into())
    }
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", skip(repository))]
async fn free(repository: &Arc<dyn Repository>, id: u64) -> Result<u64, BoxError> {
    repository.find(id).await
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", skip(repository))]
async fn free_object(repository: &dyn Repository, id: u64) -> Result<u64, BoxError> {
    repository.find(id).await
}

#[derive(Clone, Debug)]
struct Refused;
impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}
impl Error for Refused {}

#[tokio::main]
async fn main() {
    tokio::spawn(functions()).await.unwrap();
    tokio::spawn(methods()).await.unwrap();
}

async fn functions() {
    assert_eq!(boxed_error(7).await.unwrap(), 7);
    assert_eq!(aliased_error(7).await.unwrap(), Some(7));
    assert_eq!(error_of_an_alias(7).await.unwrap(), [7]);
    assert_eq!(object(7).await.weigh(), 7);
    assert!(object_or_error(7).await.unwrap().is_some());
    assert_eq!(closure(7).await("x"), 7);
    assert_eq!(function(7).await("x"), 1);
    assert_eq!(cow(0).await, "zero");
    assert_eq!(cows(7).await, ["7"]);
    assert!(nested_cows(7).await.unwrap().is_empty());
    assert!(with_closures(7).await.unwrap().is_some());
    assert_eq!(by_source(7).await.unwrap().as_deref(), Some("7"));
    assert_eq!(boxed_future("x").await.unwrap(), "x");
    assert_eq!(generic_error(7, |id| Ok::<_, Refused>(id.to_string())).await.unwrap(), "7");
    assert_eq!(write(7).await.unwrap().weigh(), 7);
    assert_eq!(write_or_fail(7).await.unwrap(), "7");
}

async fn methods() {
    let sqlite = Sqlite { tenant: "t".to_owned(), cache: Cache::global().clone() };
    assert_eq!(generic(&sqlite, 7).await.unwrap(), [7]);
    let repository: Arc<dyn Repository> = Arc::new(sqlite);
    assert_eq!(repository.find(7).await.unwrap(), 7);
    assert_eq!(repository.names(&[7], "p").await.unwrap(), ["p7"]);
    assert!(repository.rule(7).await.unwrap().is_some());
    assert_eq!(repository.inline(7).await.unwrap().version, 1);
    assert_eq!(repository.rename(7, "xy").await.unwrap().version, 2);
    assert_eq!(repository.of_object(7).await.unwrap(), 7);
    assert_eq!(repository.clone().of_arc(7).await.unwrap(), 7);
    assert_eq!(repository.of_borrowed_arc(7).await.unwrap(), 7);
    assert_eq!(free(&repository, 7).await.unwrap(), 7);
    assert_eq!(free_object(&*repository, 7).await.unwrap(), 7);
    let service = Service { repository };
    assert_eq!(service.find(7).await.unwrap(), 7);
    assert_eq!(Native::get(&service, 7).await.unwrap(), "7");
    assert!(Arc::new(service).rule(7).await.unwrap().is_some());
}
