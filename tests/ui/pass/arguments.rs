//! Arguments that cannot be given twice, patterns, and generics that nothing is known of. A task calls each function.
#![deny(warnings)]

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Extension, Json, Router};
use cachemacro::{CacheEvent, cached, invalidates};
use serde::{Deserialize, Serialize};
use sqlx::pool::PoolConnection;
use sqlx::{Acquire, Executor, Sqlite, SqliteExecutor, SqlitePool};
use tokio::sync::oneshot;

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

/// Not `Clone`.
struct Ticket(u64);

// Executors.
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", skip(db))]
async fn on_executor(db: impl Executor<'_, Database = Sqlite>, id: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar("select ?").bind(id).fetch_one(db).await
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", skip(db))]
async fn on_any<'e, E>(db: E, id: i64) -> sqlx::Result<Option<i64>>
where
    E: Executor<'e, Database = Sqlite>,
{
    sqlx::query_scalar("select ?").bind(id).fetch_optional(db).await
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", skip(db))]
async fn on_acquired<'a, A: Acquire<'a, Database = Sqlite>>(db: A, id: i64) -> sqlx::Result<i64> {
    let mut connection = db.acquire().await?;
    sqlx::query_scalar("select ?").bind(id).fetch_one(&mut *connection).await
}
#[cached(key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }), hard_ttl = "1m", skip(db))]
async fn on_sqlite<'c>(db: impl SqliteExecutor<'c>, id: u64) -> sqlx::Result<Option<User>> {
    sqlx::query("select 1").fetch_one(db).await?;
    Ok(Some(User { id, version: 1 }))
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", skip(db))]
async fn on_connection(mut db: PoolConnection<Sqlite>, id: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar("select ?").bind(id).fetch_one(&mut *db).await
}

// Closures, futures and iterators.
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", skip(load))]
async fn by_closure(id: u64, load: impl FnOnce() -> u64) -> u64 {
    load() + id
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", skip(load))]
async fn by_async_closure<F, T>(id: u64, load: F) -> Result<u64, StatusCode>
where
    F: FnOnce(u64) -> T,
    T: Future<Output = Result<u64, StatusCode>>,
{
    load(id).await
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", skip(load))]
async fn by_boxed_closure(id: u64, load: Box<dyn FnOnce(u64) -> u64 + Send>) -> u64 {
    load(id)
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", skip(load))]
async fn by_future(id: u64, load: impl Future<Output = u64>) -> u64 {
    load.await + id
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", skip(load))]
async fn by_boxed_future(id: u64, load: Pin<Box<dyn Future<Output = u64> + Send>>) -> u64 {
    load.await + id
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", skip(all))]
async fn by_iterator(id: u64, all: impl Iterator<Item = u64>) -> u64 {
    all.sum::<u64>() + id
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", local, skip(load))]
fn by_sync_closure(id: u64, mut load: impl FnMut() -> u64) -> u64 {
    load() + id
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", skip(load))]
async fn by_clone_that_is_not_sync(id: u64, load: impl Fn() -> u64 + Clone + Send) -> u64 {
    load() + id
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", skip(cell))]
async fn by_cell(id: u64, cell: Cell<u64>) -> u64 {
    cell.get() + id
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", skip(reply), refresh = background)]
async fn by_channel(id: u64, reply: oneshot::Receiver<u64>) -> u64 {
    reply.await.unwrap_or(0) + id
}
#[cached(
    key = "user:<id>", version_from = version(&ticket).await, invalidated_by(UserUpdated { id }), hard_ttl = "1m", skip(ticket),
)]
async fn by_source(id: u64, ticket: Ticket) -> u64 {
    ticket.0 + id
}
async fn version(ticket: &Ticket) -> u64 {
    ticket.0
}

// Patterns.
struct Form {
    name: String,
    reply: oneshot::Sender<u64>,
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn of_struct(Ticket(id): Ticket) -> u64 {
    id
}
#[cached(key = "user:<id>:<name>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn of_tuple((Ticket(id), mut name): (Ticket, String)) -> u64 {
    name.push('x');
    id + name.len() as u64
}
#[cached(key = "form:<name>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", skip(reply))]
async fn of_form(Form { name, reply }: Form) -> u64 {
    let _ = reply.send(1);
    name.len() as u64
}
#[cached(key = "form:<name>", ttl_only = "x", hard_ttl = "1m")]
async fn of_rest(Form { name, .. }: Form) -> u64 {
    name.len() as u64
}
#[cached(key = "form:<name>", ttl_only = "x", hard_ttl = "1m")]
async fn of_borrowed_form(Form { name, .. }: &Form) -> u64 {
    name.len() as u64
}
#[cached(key = "form:<name>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn by_reference(Form { ref name, .. }: Form) -> u64 {
    name.len() as u64
}
#[cached(key = "pair:<a>:<b>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn of_bindings((a @ 0..=100 | a): u64, [b, ..]: [u64; 2]) -> u64 {
    a + b
}

// Handlers.
#[derive(Clone, Deserialize)]
struct Params {
    text: String,
    page: Option<u32>,
}
#[derive(Deserialize)]
struct NewUser {
    name: String,
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", local)]
async fn show(Path(id): Path<u64>) -> Result<Json<User>, StatusCode> {
    Ok(Json(User { id, version: 1 }))
}
#[cached(
    key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }), hard_ttl = "1m", soft_ttl = "10s", local,
    skip(pool, headers),
)]
async fn show_from(State(pool): State<SqlitePool>, headers: HeaderMap, Path(id): Path<u64>) -> Result<Json<User>, StatusCode> {
    let _ = (pool.size(), headers);
    Ok(Json(User { id, version: 1 }))
}
#[cached(key = "pair:<a>:<b>:<text>:<page>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", skip(pool))]
async fn search(
    Path((a, b)): Path<(u64, String)>,
    Query(Params { text, page }): Query<Params>,
    Extension(pool): Extension<SqlitePool>,
) -> String {
    format!("{a}{b}{text}{page:?}{}", pool.size())
}
#[cached(key = "name:<body.name>", ttl_only = "x", hard_ttl = "1m")]
async fn check(Json(body): Json<NewUser>) -> String {
    body.name
}
#[invalidates(UserUpdated { id, version: 2 })]
async fn replace(State(pool): State<SqlitePool>, Path(id): Path<u64>, Json(NewUser { name }): Json<NewUser>) -> StatusCode {
    let _ = (pool, name);
    StatusCode::OK
}

// Methods, and receivers by value.
#[async_trait::async_trait]
trait Repository: Send + Sync {
    async fn find(&self, key: (u64, String), ticket: Ticket) -> Result<u64, StatusCode>;
    async fn save(&self, key: (u64, String), ticket: Ticket) -> Result<(), StatusCode>;
    async fn last(self: Box<Self>, id: u64) -> u64;
}
struct Sqlx;
#[async_trait::async_trait]
impl Repository for Sqlx {
    #[cached(key = "user:<id>:<name>:<number>", ttl_only = "x", hard_ttl = "1m")]
    async fn find(&self, (id, mut name): (u64, String), Ticket(number): Ticket) -> Result<u64, StatusCode> {
        name.push('x');
        Ok(id + name.len() as u64 + number)
    }
    #[invalidates(UserUpdated { id, version: number })]
    async fn save(&self, (id, mut name): (u64, String), Ticket(number): Ticket) -> Result<(), StatusCode> {
        name.push('x');
        Ok(())
    }
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m")]
    async fn last(self: Box<Self>, id: u64) -> u64 {
        id
    }
}
struct Request {
    id: u64,
}
impl Request {
    #[cached(key = "user:<self.id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
    async fn run(mut self) -> u64 {
        self.id += 1;
        self.id
    }
    #[cached(key = "user:<self.id>", ttl_only = "x", hard_ttl = "1m", local)]
    fn run_sync(self) -> u64 {
        self.id
    }
}

// Borrows of types that a task cannot own.
trait Rule: Send + Sync {}
impl Rule for u64 {}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", skip(rule))]
async fn of_unsized<R: Rule + ?Sized>(id: u64, rule: &R) -> u64 {
    let _ = rule;
    id
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", local, skip(rule))]
fn of_unsized_sync<R>(id: u64, rule: &R) -> u64
where
    R: ?Sized + Rule,
{
    let _ = rule;
    id
}
#[cached(key = "name:<name>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn of_unsized_key<S: cachemacro::KeyPart + AsRef<str> + ToOwned + Sync + ?Sized>(name: &S) -> u64 {
    name.as_ref().len() as u64
}
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", skip(names, map))]
async fn of_borrows(id: u64, names: &[&str], map: HashMap<&str, Cow<'_, str>>) -> u64 {
    (names.len() + map.len()) as u64 + id
}

#[tokio::main]
async fn main() {
    let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
    tokio::spawn(executors(pool.clone())).await.unwrap();
    tokio::spawn(values()).await.unwrap();
    tokio::spawn(patterns()).await.unwrap();
    let router: Router = Router::new()
        .route("/users/{id}", get(show_from).put(replace))
        .route("/public/{id}", get(show))
        .route("/{a}/{b}", get(search))
        .route("/names", get(check))
        .with_state(pool);
    let _ = router;
    assert_eq!((by_sync_closure(1, || 6), Request { id: 7 }.run_sync(), of_unsized_sync(7, &1_u64)), (7, 7, 7));
    let rule: &dyn Rule = &1_u64;
    assert_eq!(of_unsized_sync(7, rule), 7);
}

async fn executors(pool: SqlitePool) {
    assert_eq!(on_executor(&pool, 7).await.unwrap(), 7);
    assert_eq!(on_any(&pool, 7).await.unwrap(), Some(7));
    assert_eq!(on_acquired(&pool, 7).await.unwrap(), 7);
    assert_eq!(on_sqlite(&pool, 7).await.unwrap().map(|user| user.id), Some(7));
    assert_eq!(on_connection(pool.acquire().await.unwrap(), 7).await.unwrap(), 7);
    let mut transaction = pool.begin().await.unwrap();
    assert_eq!(on_executor(&mut *transaction, 8).await.unwrap(), 8);
    assert_eq!(on_any(&mut *transaction, 8).await.unwrap(), Some(8));
}

async fn values() {
    assert_eq!(by_closure(1, || 6).await, 7);
    assert_eq!(by_async_closure(7, |id| async move { Ok(id) }).await, Ok(7));
    assert_eq!(by_boxed_closure(7, Box::new(|id| id)).await, 7);
    assert_eq!(by_future(1, async { 6 }).await, 7);
    assert_eq!(by_boxed_future(1, Box::pin(async { 6 })).await, 7);
    assert_eq!(by_iterator(1, [6].into_iter()).await, 7);
    assert_eq!(by_clone_that_is_not_sync(1, || 6).await, 7);
    assert_eq!(by_cell(1, Cell::new(6)).await, 7);
    let (_, reply) = oneshot::channel();
    assert_eq!(by_channel(7, reply).await, 7);
    assert_eq!(by_source(1, Ticket(6)).await, 7);
    assert_eq!(Request { id: 6 }.run().await, 7);
    assert_eq!(Box::new(Sqlx).last(7).await, 7);
    assert_eq!(of_unsized(7, &1_u64).await, 7);
    let rule: Arc<dyn Rule> = Arc::new(1_u64);
    assert_eq!(of_unsized(7, &*rule).await, 7);
    assert_eq!(of_unsized_key("seven").await, 5);
    assert_eq!(of_borrows(5, &["a"], HashMap::from([("b", "c".into())])).await, 7);
}

async fn patterns() {
    let form = || Form { name: "form".to_owned(), reply: oneshot::channel().0 };
    assert_eq!(of_struct(Ticket(7)).await, 7);
    assert_eq!(of_tuple((Ticket(1), "seven".to_owned())).await, 7);
    assert_eq!((of_form(form()).await, of_rest(form()).await), (4, 4));
    assert_eq!((of_borrowed_form(&form()).await, by_reference(form()).await), (4, 4));
    assert_eq!(of_bindings(1, [6, 0]).await, 7);
    let repository: Arc<dyn Repository> = Arc::new(Sqlx);
    assert_eq!(repository.find((1, "a".to_owned()), Ticket(4)).await, Ok(7));
    assert_eq!(repository.save((1, "a".to_owned()), Ticket(4)).await, Ok(()));
}
