//! A load through a function whose events are not the caller's is a finding, past the cache as well; and what the finding
//! advises works when it is followed to the letter.

use cachemacro::{Cache, CacheEvent, CacheMode, FindingKind, cached, invalidates};
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{SqliteConnection, SqlitePool};

#[derive(Clone, Debug, CacheEvent)]
#[event(name = "user.changed", key = "user:<id>")]
struct UserChanged {
    id: i64,
}

#[derive(Clone, Debug, CacheEvent)]
#[event(name = "order.changed", key = "order:<id>")]
struct OrderChanged {
    id: i64,
}

/// As [`UserChanged`], of rows whose writer knows the boards that show them.
#[derive(Clone, Debug, CacheEvent)]
#[event(name = "player.changed", key = "player:<id>")]
struct PlayerChanged {
    id: i64,
}

#[derive(Clone, Debug, CacheEvent)]
#[event(name = "board.changed", key = "board:<id>")]
struct BoardChanged {
    id: i64,
}

async fn database() -> SqlitePool {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.expect("a database");
    for statement in [
        "create table users (id integer primary key, name text not null)",
        "create table orders (id integer primary key, user_id integer not null)",
        "insert into users values (7, 'ann')",
        "insert into orders values (1, 7)",
    ] {
        sqlx::query(statement).execute(&pool).await.expect(statement);
    }
    pool
}

async fn name_of(conn: &mut SqliteConnection, id: i64) -> sqlx::Result<String> {
    sqlx::query_scalar("select name from users where id = ?").bind(id).fetch_one(conn).await
}

async fn user_of(pool: &SqlitePool, order: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar("select user_id from orders where id = ?").bind(order).fetch_one(pool).await
}

#[cached(key = "user:<id>", invalidated_by(UserChanged { id }), hard_ttl = "10m", skip(pool, cache), cache = cache)]
async fn i_pool(pool: &SqlitePool, cache: &Cache, id: i64) -> sqlx::Result<String> {
    name_of(&mut *pool.acquire().await?, id).await
}

#[cached(key = "user:<id>", invalidated_by(UserChanged { id }), hard_ttl = "10m", skip(conn, cache), cache = cache)]
async fn i_conn(conn: &mut SqliteConnection, cache: &Cache, id: i64) -> sqlx::Result<String> {
    name_of(conn, id).await
}

#[cached(
    key = "user:<id>",
    version_from = id as u64,
    invalidated_by(UserChanged { id }),
    hard_ttl = "10m",
    skip(pool, cache, apart),
    bypass_if = apart,
    cache = cache
)]
async fn i_source(pool: &SqlitePool, cache: &Cache, id: i64, apart: bool) -> sqlx::Result<String> {
    let _ = apart;
    name_of(&mut *pool.acquire().await?, id).await
}

/// Given a connection, it makes no entry: its caller is what is stored.
#[cached(key = "line:<id>", ttl_only = "a test", hard_ttl = "1m", skip(conn, pool, cache), cache = cache)]
async fn through(conn: &mut SqliteConnection, pool: &SqlitePool, cache: &Cache, id: i64) -> sqlx::Result<String> {
    let _ = (&pool, cache.stats());
    i_conn(conn, cache, id).await
}

#[cached(key = "sync:<id>", invalidated_by(UserChanged { id }), hard_ttl = "10m", local, skip(cache), cache = cache)]
fn i_sync(cache: &Cache, id: i64) -> i64 {
    let _ = cache;
    id
}

macro_rules! outer {
    ($($name:ident($pool:ident, $cache:ident, $user:ident) => $body:expr;)*) => {$(
        #[cached(key = "order:<id>", invalidated_by(OrderChanged { id }), hard_ttl = "10m", skip($pool, $cache), cache = $cache)]
        async fn $name($pool: &SqlitePool, $cache: &Cache, id: i64) -> sqlx::Result<String> {
            let $user = user_of($pool, id).await?;
            $body
        }
    )*};
}

outer! {
    o_pool(pool, cache, user) => i_pool(pool, cache, user).await;
    o_conn(pool, cache, user) => i_conn(&mut *pool.acquire().await?, cache, user).await;
    o_past(pool, cache, user) => CacheMode::Bypass.scope(i_pool(pool, cache, user)).await;
    o_source(pool, cache, user) => i_source(pool, cache, user, true).await;
    o_through(pool, cache, user) => through(&mut *pool.acquire().await?, pool, cache, user).await;
    o_sync(pool, cache, user) => Ok(CacheMode::Bypass.scope_sync(|| i_sync(cache, user)).to_string());
}

macro_rules! is_found {
    ($($outer:ident through $inner:literal;)*) => {$(
        let (pool, cache) = (database().await, Cache::builder().build());
        $outer(&pool, &cache, 1).await.expect("a row");
        let findings = cache.findings();
        let found: Vec<_> = findings.iter().map(|found| (found.function, found.kind)).collect();
        assert_eq!(found, [(stringify!($outer), FindingKind::MissingBinding)], "{findings:#?}");
        let message = &findings[0].message;
        assert!(message.contains(concat!("`", $inner, "`")) && message.contains("`user:7`"), "{message}");
        assert!(message.contains("`UserChanged { id: … }`"), "{message}");
    )*};
}

#[tokio::test]
async fn a_missing_event_is_found_past_the_cache_too() {
    is_found! {
        o_pool through "i_pool";
        o_conn through "i_conn";
        o_past through "i_pool";
        o_source through "i_source";
        o_through through "i_conn";
        o_sync through "i_sync";
    }
}

#[tokio::test]
async fn the_finding_says_what_to_do_without_an_argument() {
    let (pool, cache) = (database().await, Cache::builder().build());
    o_pool(&pool, &cache, 1).await.expect("a row");
    let message = &cache.findings()[0].message;
    for part in [
        "`OrderChanged` (`order:<id>`)",
        "`ttl_only = \"why\"`",
        "in the place of `invalidated_by(…)`",
        "do not cache `o_pool`",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(!message.contains("Bypass"), "it does not help: {message}");
}

/// The first remedy: bound.
#[cached(
    key = "bound:<id>:<user>",
    invalidated_by(OrderChanged { id }, UserChanged { id: user }),
    hard_ttl = "10m",
    skip(pool, cache),
    cache = cache
)]
async fn bound(pool: &SqlitePool, cache: &Cache, id: i64, user: i64) -> sqlx::Result<String> {
    let _ = id;
    i_conn(&mut *pool.acquire().await?, cache, user).await
}

/// The third: `ttl_only`.
#[cached(key = "order:<id>", ttl_only = "names may be late", hard_ttl = "10m", skip(pool, cache), cache = cache)]
async fn aged(pool: &SqlitePool, cache: &Cache, id: i64) -> sqlx::Result<String> {
    let user = user_of(pool, id).await?;
    i_pool(pool, cache, user).await
}

/// And with the version that the row has.
#[cached(
    key = "order:<id>",
    version_from = |_| 1_u64,
    ttl_only = "names may be late",
    hard_ttl = "10m",
    skip(pool, cache),
    cache = cache
)]
async fn aged_row(pool: &SqlitePool, cache: &Cache, id: i64) -> sqlx::Result<String> {
    let user = user_of(pool, id).await?;
    i_conn(&mut *pool.acquire().await?, cache, user).await
}

/// The last: not cached.
async fn plain(pool: &SqlitePool, cache: &Cache, id: i64) -> sqlx::Result<String> {
    let user = user_of(pool, id).await?;
    i_pool(pool, cache, user).await
}

#[tokio::test]
async fn what_the_finding_advises_ends_it() {
    let (pool, cache) = (database().await, Cache::builder().build());
    assert_eq!(bound(&pool, &cache, 1, 7).await.expect("a row"), "ann");
    assert_eq!(aged(&pool, &cache, 1).await.expect("a row"), "ann");
    assert_eq!(aged_row(&pool, &cache, 1).await.expect("a row"), "ann");
    assert_eq!(plain(&pool, &cache, 1).await.expect("a row"), "ann");
    cache.assert_no_findings();
}

#[cached(key = "player:<id>", invalidated_by(PlayerChanged { id }), hard_ttl = "10m", skip(pool, cache), cache = cache)]
async fn player(pool: &SqlitePool, cache: &Cache, id: i64) -> sqlx::Result<String> {
    name_of(&mut *pool.acquire().await?, id).await
}

/// The second remedy: the writer of players publishes for the board that shows the player.
#[cached(key = "board:<id>", invalidated_by(BoardChanged { id }), hard_ttl = "10m", skip(pool, cache), cache = cache)]
async fn board(pool: &SqlitePool, cache: &Cache, id: i64) -> sqlx::Result<String> {
    let user = user_of(pool, id).await?;
    player(pool, cache, user).await
}

/// The order of that player.
async fn rename_row(pool: &SqlitePool, id: i64, name: &str) -> sqlx::Result<i64> {
    sqlx::query("update users set name = ? where id = ?").bind(name).bind(id).execute(pool).await?;
    sqlx::query_scalar("select id from orders where user_id = ?").bind(id).fetch_one(pool).await
}

#[invalidates(PlayerChanged { id }, |board| BoardChanged { id: *board }, cache = cache)]
async fn rename(pool: &SqlitePool, cache: &Cache, id: i64, name: &str) -> sqlx::Result<i64> {
    rename_row(pool, id, name).await
}

#[tokio::test]
async fn a_writer_that_publishes_for_the_caller_too_ends_it() {
    let (pool, cache) = (database().await, Cache::builder().build());
    assert_eq!(board(&pool, &cache, 1).await.expect("a row"), "ann");
    cache.assert_no_findings();
    rename(&pool, &cache, 7, "eve").await.expect("a row");
    assert_eq!(board(&pool, &cache, 1).await.expect("a row"), "eve");
}
