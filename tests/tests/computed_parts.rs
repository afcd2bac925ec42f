//! Parts of a key that are computed from arguments.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use async_trait::async_trait;
use cachemacro::{Cache, CacheEvent, cached, invalidates, strategy};
use serde::{Deserialize, Serialize};

static LOADS: AtomicU32 = AtomicU32::new(0);

/// Another number for each load: two equal ones are of one entry.
fn load() -> u32 {
    LOADS.fetch_add(1, SeqCst)
}

#[derive(Clone, Serialize, Deserialize, CacheEvent)]
#[event(name = "computed.mail", key = "mail:<email.to_lowercase()>", key = "domain:<email.len() / 100>:<of>")]
struct MailChanged {
    email: String,
    of: u64,
}

#[derive(Clone, Serialize, Deserialize, CacheEvent)]
#[event(name = "computed.plain", key = "plain:<email>")]
struct PlainChanged {
    email: String,
}

#[derive(Clone, Copy)]
struct UserId(u64);

impl UserId {
    fn get(self) -> u64 {
        self.0
    }
}

#[derive(Clone, Serialize, Deserialize, CacheEvent)]
#[event(name = "computed.user", key = "user:<id>", version = version)]
struct UserChanged {
    id: u64,
    version: u64,
}

#[cached(key = "event:<email.to_lowercase()>", invalidated_by(MailChanged { email }), hard_ttl = "1m", local)]
async fn by_event(email: String) -> u32 {
    let _ = email;
    load()
}

#[invalidates(MailChanged { email: email.to_owned(), of: 1 })]
async fn change(email: &str) {}

#[tokio::test]
async fn an_event_matches_in_every_spelling() {
    let first = by_event("Ann@x".into()).await;
    assert_eq!(by_event("ann@X".into()).await, first);
    change("bob@x").await;
    assert_eq!(by_event("ann@x".into()).await, first);
    change("ANN@x").await;
    let second = by_event("ann@x".into()).await;
    assert_ne!(second, first);
    change("ann@x").await;
    assert_ne!(by_event("ANN@x".into()).await, second);
}

static COMPUTED: AtomicU32 = AtomicU32::new(0);

fn lower(text: &str) -> String {
    COMPUTED.fetch_add(1, SeqCst);
    text.to_lowercase()
}

#[cached(
    key = "carried:<lower(email)>", invalidated_by(PlainChanged { email: lower(email) }), hard_ttl = "1m", local,
)]
async fn carried(email: &str) -> u32 {
    let _ = email;
    load()
}

#[cached(
    let mail = lower(&email), key = "let:<mail>", invalidated_by(PlainChanged { email: mail }), hard_ttl = "1m",
    version_from = version().await,
)]
async fn in_source_mode(email: String) -> u32 {
    let _ = email;
    load()
}

async fn version() -> u64 {
    tokio::task::yield_now().await;
    1
}

#[tokio::test]
async fn a_part_is_computed_once_in_a_call() {
    let computed = || COMPUTED.swap(0, SeqCst);
    computed();
    let first = carried("Ann").await;
    assert_eq!(computed(), 1, "of a miss, for the key and the binding");
    assert_eq!(carried("ann").await, first);
    assert_eq!(computed(), 1, "of a hit");
    Cache::current().publish(PlainChanged { email: "ann".into() }).await.expect("published");
    assert_ne!(carried("Ann").await, first);
    computed();
    let first = tokio::spawn(in_source_mode("Ann".into())).await.expect("no panic");
    assert_eq!(computed(), 1, "though a version is awaited in between");
    assert_eq!(in_source_mode("ANN".into()).await, first);
}

#[cached(key = "id:<id.get()>", invalidated_by(UserChanged { id: id.get() }), hard_ttl = "1m", local)]
async fn of_newtype(id: UserId) -> u32 {
    let _ = id;
    load()
}

#[tokio::test]
async fn an_event_may_carry_what_is_computed() {
    let first = of_newtype(UserId(1)).await;
    assert_eq!(of_newtype(UserId(1)).await, first);
    Cache::current().publish(UserChanged { id: 1, version: 2 }).await.expect("published");
    assert_ne!(of_newtype(UserId(1)).await, first);
}

#[derive(Clone)]
struct Filter {
    text: String,
    price: f64,
}

impl Filter {
    fn normalized(&self) -> (String, u64) {
        (self.text.trim().to_lowercase(), self.price as u64)
    }
}

#[cached(let filter = filter.normalized(), key = "filter:<filter>", ttl_only = "a test", hard_ttl = "1m", local)]
async fn of_filter(filter: Filter) -> u32 {
    let _ = filter.text;
    load()
}

#[cached(
    let text = filter.text.to_lowercase(), let page: u64 = filter.price as u64, let both = (page, text.len()),
    key = "lets:<text>:<page + 1>:<both.1>", ttl_only = "a test", hard_ttl = "1m", soft_ttl = "10s", refresh = inline,
)]
async fn of_lets(filter: &Filter) -> u32 {
    let _ = filter;
    load()
}

#[tokio::test]
async fn a_let_names_what_is_computed() {
    let filter = |text: &str| Filter { text: text.to_owned(), price: 1.5 };
    assert_eq!(of_filter(filter(" A")).await, of_filter(filter("a ")).await);
    assert_ne!(of_filter(filter("b")).await, of_filter(filter("a")).await);
    assert_eq!(of_lets(&filter("A")).await, of_lets(&filter("a")).await);
    assert_ne!(of_lets(&filter("A")).await, of_lets(&filter("ab")).await);
}

#[cached(
    key = "many:<email.trim()>:<id / 10>:<(id % 10 > 5)>:<ids.iter().copied().sum::<u64>()>",
    ttl_only = "a test",
    hard_ttl = "1m",
    soft_ttl = "10s"
)]
async fn of_many(email: String, id: u64, ids: Vec<u64>) -> u32 {
    let _ = (email, id, ids);
    load()
}

#[cached(key = "format:<format!(\"{a}>{b}\")>", ttl_only = "a test", hard_ttl = "1m", local)]
fn of_format(a: u64, b: u64) -> u32 {
    let _ = (a, b);
    load()
}

#[cached(key = "price:<(price * 100.0).round() as i64>", ttl_only = "a test", hard_ttl = "1m", local)]
async fn of_float(price: f64) -> u32 {
    let _ = price;
    load()
}

#[tokio::test]
async fn any_expression_over_arguments_is_a_part() {
    let call = async |email: &str, id, ids: &[u64]| of_many(email.to_owned(), id, ids.to_vec()).await;
    let first = call(" a", 11, &[1, 2]).await;
    assert_eq!(call("a ", 15, &[3]).await, first);
    for (email, id, ids) in [("b", 11, [3]), ("a", 16, [3]), ("a", 21, [3]), ("a", 11, [4])] {
        assert_ne!(call(email, id, &ids).await, first);
    }
    assert_eq!(of_format(1, 2), of_format(1, 2));
    assert_ne!(of_format(1, 2), of_format(1, 3));
    assert_eq!(of_float(1.001).await, of_float(1.002).await);
    assert_ne!(of_float(1.0).await, of_float(1.01).await);
}

#[derive(Clone)]
struct Repo {
    tenant: String,
}

impl Repo {
    fn half(&self, id: u64) -> u64 {
        id / 2
    }

    #[cached(key = "method:<self.tenant.to_lowercase()>:<self.half(id)>", ttl_only = "a test", hard_ttl = "1m")]
    async fn method(&self, id: u64) -> u32 {
        let _ = id;
        load()
    }
}

#[async_trait]
trait Users {
    async fn find(&self, email: &str) -> u32;
}

#[async_trait]
impl Users for Repo {
    #[cached(key = "trait:<email.to_lowercase()>", invalidated_by(MailChanged { email }), hard_ttl = "1m")]
    async fn find(&self, email: &str) -> u32 {
        let _ = email;
        load()
    }
}

#[tokio::test]
async fn methods_compute_from_self() {
    let (repo, other) = (Repo { tenant: "A".into() }, Repo { tenant: "b".into() });
    let first = repo.method(4).await;
    assert_eq!(Repo { tenant: "a".into() }.method(5).await, first);
    assert_ne!(repo.method(6).await, first);
    assert_ne!(other.method(4).await, first);
    assert_eq!(repo.find("Zoe").await, repo.find("zoe").await);
}

#[test]
fn the_strategy_says_what_an_event_must_carry() {
    let said = |name| strategy().function(name).expect("one function").staleness.join("\n");
    assert!(said("carried").contains("only if its `email` is what `lower(email)` makes"), "{}", said("carried"));
    assert!(said("in_source_mode").contains("what `lower(&email)` makes"), "{}", said("in_source_mode"));
    assert!(said("of_filter").contains("`<filter>` is `filter.normalized()`"), "{}", said("of_filter"));
    assert!(!said("by_event").contains("only if its"), "{}", said("by_event"));
}

#[derive(Clone, CacheEvent)]
#[event(name = "computed.follows", key = "follows:<follower>")]
struct FollowsChanged {
    follower: Option<u64>,
}

/// The event's field is wider than the part of the key: what is bound is made from the part alone.
#[cached(key = "feed:<user.get()>", invalidated_by(FollowsChanged { follower: Some(user.get()) }), hard_ttl = "1m", local)]
async fn feed(user: UserId) -> u32 {
    let _ = user;
    load()
}

#[cached(
    key = "page:<user.map(|user| user.get())>",
    invalidated_by(FollowsChanged { follower: user.map(|user| user.get()) }),
    hard_ttl = "1m", local,
)]
async fn page(user: Option<UserId>) -> u32 {
    let _ = user;
    load()
}

#[invalidates(FollowsChanged { follower: Some(user.get()) })]
async fn follow(user: UserId) {}

#[tokio::test]
async fn what_is_bound_may_be_made_from_a_part() {
    let read = async || (feed(UserId(1)).await, feed(UserId(2)).await, page(Some(UserId(1))).await, page(None).await);
    let first = read().await;
    assert_eq!(read().await, first);
    follow(UserId(1)).await;
    let next = read().await;
    assert!(next.0 != first.0 && next.2 != first.2, "{first:?} {next:?}");
    assert_eq!((next.1, next.3), (first.1, first.3));
}
