//! Every kind of function and return type that can be annotated keeps its signature and gets a cache.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use async_trait::async_trait;
use cachemacro::{Cache, KeyPart, cached};
use serde::{Deserialize, Serialize};

/// Counts the bodies that ran.
#[derive(Clone, Default)]
struct Count(Arc<AtomicU64>);

impl Count {
    fn up(&self) -> u64 {
        self.0.fetch_add(1, SeqCst) + 1
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, KeyPart)]
struct UserId(u64);

#[derive(Clone, Debug, KeyPart)]
enum Scope {
    All,
    Team(u64),
    Between { from: u32, to: u32 },
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
struct User {
    id: u64,
    name: String,
}

struct Filter {
    tenant: String,
    page: (u32, u32),
}

/// An alias that hides the shape.
type Fallible<T> = Result<T, io::Error>;
type Found = Fallible<Option<User>>;

macro_rules! twice {
    ($count:ident, $call:expr) => {{
        let before = $count.0.load(SeqCst);
        let first = $call;
        let second = $call;
        assert_eq!($count.0.load(SeqCst) - before, 1, "the second call is a hit: {}", stringify!($call));
        (first, second)
    }};
}

#[cached(key = "plain:<id>", ttl_only = "a test", hard_ttl = "1m", skip(count))]
async fn plain(id: u64, count: &Count) -> u64 {
    count.up();
    id
}

#[cached(key = "aliased:<id>", ttl_only = "a test", hard_ttl = "1m", negative_ttl = "1m", skip(count))]
async fn aliased(id: u64, count: &Count) -> Found {
    count.up();
    if id == 0 {
        return Ok(None);
    }
    let name: u32 = "7".parse().map_err(io::Error::other)?;
    Ok(Some(User { id, name: name.to_string() }))
}

#[cached(key = "borrowed:<name>:<tag>:<id>", ttl_only = "a test", soft_ttl = "30s", hard_ttl = "1m", skip(count))]
#[allow(clippy::needless_lifetimes, reason = "a lifetime with a name is what is tested")]
async fn borrowed<'a>(name: &'a str, tag: Option<&str>, id: &UserId, count: &Count) -> String {
    count.up();
    format!("{name} {tag:?} {}", id.0)
}

#[cached(key = "cow:<name>", ttl_only = "a test", soft_ttl = "30s", hard_ttl = "1m", skip(count))]
async fn cow(name: Cow<'_, str>, count: &Count) -> usize {
    count.up();
    name.len()
}

#[cached(key = "pattern:<a>:<b>:<sum>", ttl_only = "a test", soft_ttl = "30s", hard_ttl = "1m", skip(count))]
async fn pattern((a, b): (u64, u64), mut sum: u64, count: &Count) -> u64
where
    u64: Copy,
{
    count.up();
    sum += a + b;
    sum
}

#[cached(
    key = "fields:<filter.tenant>:<filter.page.0>:<filter.page.1>:<scope>",
    ttl_only = "a test",
    hard_ttl = "1m",
    skip(count)
)]
async fn fields(filter: &Filter, scope: Scope, count: &Count) -> String {
    count.up();
    format!("{} {:?} {scope:?}", filter.tenant, filter.page)
}

#[cached(key = "generic:<id>", ttl_only = "a test", soft_ttl = "30s", hard_ttl = "1m", skip(count))]
async fn generic<K>(id: K, count: &Count) -> String
where
    K: KeyPart + std::fmt::Debug + Clone + Send + Sync + 'static,
{
    count.up();
    format!("{id:?}")
}

#[cached(key = "impl:<id>", ttl_only = "a test", hard_ttl = "1m", skip(count))]
async fn impl_argument(id: impl KeyPart + Clone + Send + Sync, count: &Count) -> u64 {
    let _ = id;
    count.up()
}

/// Documented.
#[cached(key = "sync:<n>", ttl_only = "a test", hard_ttl = "1m", local, skip(count))]
#[must_use]
fn sync(n: u64, count: &Count) -> Option<Arc<HashMap<u64, u64>>> {
    count.up();
    (n > 0).then(|| Arc::new(HashMap::from([(n, n)])))
}

#[cached(key = "sync_result:<n>", ttl_only = "a test", soft_ttl = "30s", hard_ttl = "1m", local, skip(count))]
fn sync_result(n: u64, count: &Count) -> Fallible<u64> {
    count.up();
    let n: u64 = n.to_string().parse().map_err(io::Error::other)?;
    if n == 0 { Err(io::Error::other("zero")) } else { Ok(n) }
}

#[cached(key = "const", ttl_only = "a test", hard_ttl = ONE_MINUTE, local)]
fn no_arguments() -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    CALLS.fetch_add(1, SeqCst)
}

const ONE_MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

/// Not `Clone`: its methods refresh inline, or not at all.
struct Connection {
    count: Count,
}

impl Connection {
    #[cached(key = "conn:<id>", ttl_only = "a test", soft_ttl = "30s", hard_ttl = "1m", refresh = inline)]
    async fn get(&self, id: u64) -> String {
        self.count.up();
        format!("{self} {id}")
    }

    #[cached(key = "mut:<id>", ttl_only = "a test", hard_ttl = "1m", refresh = inline, skip(buffer))]
    async fn with_buffer(&self, id: u64, buffer: &mut Vec<u64>) -> usize {
        self.count.up();
        buffer.push(id);
        buffer.len()
    }
}

impl std::fmt::Display for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("connection")
    }
}

#[async_trait]
trait Repository: Send + Sync {
    async fn find(&self, id: UserId) -> Result<Option<User>, io::Error>;
    async fn name(&self, id: UserId, locale: &str) -> Result<String, io::Error>;
}

#[derive(Clone)]
struct Sql {
    count: Count,
    cache: Cache,
    tenant: String,
}

#[async_trait]
impl Repository for Sql {
    #[cached(key = "<self.tenant>:find:<id>", ttl_only = "a test", soft_ttl = "30s", hard_ttl = "1m", cache = self.cache)]
    async fn find(&self, id: UserId) -> Result<Option<User>, io::Error> {
        self.count.up();
        tokio::task::yield_now().await;
        let name = self.tenant.clone();
        Ok(Some(User { id: id.0, name }))
    }

    #[cached(key = "<self.tenant>:name:<id>:<locale>", ttl_only = "a test", soft_ttl = "30s", hard_ttl = "1m", cache = self.cache)]
    async fn name(&self, id: UserId, locale: &str) -> Result<String, io::Error> {
        let found = self.find(id).await?;
        self.count.up();
        Ok(format!("{locale} {}", found.map_or_else(String::new, |user| user.name)))
    }
}

trait Native {
    async fn native(&self, id: u64) -> u64;
}

impl Native for Sql {
    #[cached(key = "<self.tenant>:native:<id>", ttl_only = "a test", hard_ttl = "1m", cache = self.cache)]
    async fn native(&self, id: u64) -> u64 {
        self.count.up();
        id
    }
}

impl Sql {
    #[cached(key = "<self.tenant>:arc:<id>", ttl_only = "a test", soft_ttl = "30s", hard_ttl = "1m", cache = self.cache)]
    async fn through_arc(self: Arc<Self>, id: u64) -> u64 {
        self.count.up();
        id
    }

    #[cached(key = "<self.tenant>:sync:<id>", ttl_only = "a test", soft_ttl = "30s", hard_ttl = "1m", local, cache = self.cache)]
    fn sync_method(&self, id: u64) -> u64 {
        self.count.up();
        id
    }
}

#[tokio::test]
async fn free_functions() {
    let count = &Count::default();
    assert_eq!(twice!(count, plain(3, count).await), (3, 3));
    let (found, again) = twice!(count, aliased(3, count).await.expect("no error"));
    assert_eq!(found, again);
    assert_eq!(twice!(count, aliased(0, count).await.expect("no error")), (None, None));
    let expected = "a Some(\"b\") 7".to_owned();
    assert_eq!(twice!(count, borrowed("a", Some("b"), &UserId(7), count).await), (expected.clone(), expected));
    twice!(count, borrowed("a", None, &UserId(7), count).await);
    assert_eq!(twice!(count, cow("abc".into(), count).await), (3, 3));
    assert_eq!(twice!(count, impl_argument(9_u64, count).await).0, count.0.load(SeqCst));
}

#[tokio::test]
async fn keys_of_many_parts() {
    let count = &Count::default();
    assert_eq!(twice!(count, pattern((1, 2), 3, count).await), (6, 6));
    let filter = Filter { tenant: "a b".to_owned(), page: (1, 2) };
    for scope in [Scope::All, Scope::Team(7), Scope::Between { from: 1, to: 2 }, Scope::Between { from: 2, to: 1 }] {
        let (first, second) = twice!(count, fields(&filter, scope.clone(), count).await);
        assert_eq!(first, second);
    }
    assert_eq!(twice!(count, generic("a:b".to_owned(), count).await).0, "\"a:b\"");
    assert_eq!(twice!(count, generic(7_u32, count).await).0, "7");
}

#[test]
fn sync_functions() {
    let count = &Count::default();
    assert_eq!(twice!(count, sync(3, count)).0.expect("some")[&3], 3);
    assert_eq!(twice!(count, sync_result(3, count).expect("no error")), (3, 3));
    assert!(sync_result(0, count).is_err());
    assert_eq!((no_arguments(), no_arguments()), (0, 0));
}

#[tokio::test]
async fn methods_of_types_that_cannot_be_cloned() {
    let connection = Connection { count: Count::default() };
    let count = &connection.count;
    assert_eq!(twice!(count, connection.get(1).await).0, "connection 1");
    let mut buffer = Vec::new();
    assert_eq!(twice!(count, connection.with_buffer(1, &mut buffer).await), (1, 1));
    assert_eq!(buffer, [1]);
}

#[tokio::test]
async fn methods_of_traits() {
    let sql =
        |tenant: &str| Sql { count: Count::default(), cache: cachemacro_tests::cache().0, tenant: tenant.to_owned() };
    let repository = sql("a");
    let count = &repository.count;
    let dynamic: &dyn Repository = &repository;
    assert_eq!(twice!(count, dynamic.find(UserId(1)).await.expect("no error")).1.expect("a user").name, "a");
    assert_eq!(twice!(count, dynamic.name(UserId(1), "en").await.expect("no error")).1, "en a");
    assert_eq!(twice!(count, repository.native(1).await), (1, 1));
    assert_eq!(twice!(count, repository.sync_method(1)), (1, 1));
    let shared = Arc::new(repository.clone());
    assert_eq!(twice!(count, Arc::clone(&shared).through_arc(1).await), (1, 1));
}

#[tokio::test]
async fn annotated_futures_can_be_spawned() {
    let repository = Sql { count: Count::default(), cache: cachemacro_tests::cache().0, tenant: "s".to_owned() };
    let task = tokio::spawn(async move {
        let count = Count::default();
        borrowed("spawned", None, &UserId(1), &count).await;
        repository.native(1).await
    });
    assert_eq!(task.await.expect("it ran"), 1);
}

/// One function to the attribute, two to everyone else.
#[derive(Clone)]
struct Of<T> {
    count: Count,
    cache: Cache,
    values: Vec<T>,
}

impl<Entity: Clone + Send + Sync + 'static> Of<Entity> {
    #[cached(key = "count", ttl_only = "a test", soft_ttl = "30s", hard_ttl = "1m", cache = self.cache)]
    async fn count(&self) -> usize {
        self.count.up();
        self.values.len()
    }

    #[cached(key = "first", ttl_only = "a test", soft_ttl = "30s", hard_ttl = "1m", local, cache = self.cache)]
    async fn first(&self) -> Option<Entity> {
        self.count.up();
        self.values.first().cloned()
    }
}

#[cached(key = "size", ttl_only = "a test", hard_ttl = "1m", local)]
fn size<T>() -> usize {
    size_of::<T>()
}

#[tokio::test]
async fn generic_instances_share_no_entries() {
    let cache = cachemacro_tests::cache().0;
    let words = Of { count: Count::default(), cache: cache.clone(), values: vec!["a", "b"] };
    let numbers = Of { count: Count::default(), cache, values: vec![7_u64] };
    assert_eq!((words.count().await, numbers.count().await), (2, 1));
    assert_eq!((words.first().await, numbers.first().await), (Some("a"), Some(7)));
    assert_eq!((size::<u64>(), size::<u8>()), (8, 1));
}
