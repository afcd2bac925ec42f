//! Readers that are given a transaction, a connection, a pool, or what may be one of them.

use cachemacro::{Cache, CacheMode, CallOutcome, cached, strategy, traced};
use sqlx::pool::PoolConnection;
use sqlx::{Executor, Sqlite, SqliteConnection, SqliteExecutor, SqlitePool, Transaction};
use tokio::sync::Mutex;

use crate::database::{Account, AccountMoved, Bank, update};

const FIND: &str = "select id, name, version from accounts where id = ?";

#[cached(
    key = "account:<id>",
    version_from = |account| account.version as u64,
    invalidated_by(AccountMoved { id }),
    hard_ttl = "10m",
    skip(pool, cache),
    bypass_if = tx.is_some(),
    cache = cache,
)]
async fn find_optional(
    tx: Option<&mut Transaction<'_, Sqlite>>,
    pool: &SqlitePool,
    cache: &Cache,
    id: i64,
) -> sqlx::Result<Option<Account>> {
    let query = sqlx::query_as(FIND).bind(id);
    match tx {
        Some(tx) => query.fetch_optional(&mut **tx).await,
        None => query.fetch_optional(pool).await,
    }
}

#[cached(
    key = "account:<id>",
    version_from = |account| account.version as u64,
    invalidated_by(AccountMoved { id }),
    soft_ttl = "1m", hard_ttl = "10m",
    skip(ex, cache), cache = cache,
)]
async fn find_impl(ex: impl Executor<'_, Database = Sqlite>, cache: &Cache, id: i64) -> sqlx::Result<Option<Account>> {
    sqlx::query_as(FIND).bind(id).fetch_optional(ex).await
}

#[cached(
    key = "account:<id>",
    invalidated_by(AccountMoved { id }),
    hard_ttl = "10m",
    skip(ex, cache), cache = cache,
)]
async fn find_generic<'e, E>(ex: E, cache: &Cache, id: i64) -> sqlx::Result<Option<Account>>
where
    E: SqliteExecutor<'e>,
{
    sqlx::query_as(FIND).bind(id).fetch_optional(ex).await
}

#[cached(
    key = "account:<id>",
    invalidated_by(AccountMoved { id }),
    hard_ttl = "10m",
    skip(conn, cache), cache = cache,
)]
async fn find_on(conn: &mut SqliteConnection, cache: &Cache, id: i64) -> sqlx::Result<Option<Account>> {
    sqlx::query_as(FIND).bind(id).fetch_optional(conn).await
}

#[cached(
    key = "account:<id>",
    invalidated_by(AccountMoved { id }),
    hard_ttl = "10m",
    skip(conn, cache), cache = cache,
)]
async fn find_on_pooled(mut conn: PoolConnection<Sqlite>, cache: &Cache, id: i64) -> sqlx::Result<Option<Account>> {
    sqlx::query_as(FIND).bind(id).fetch_optional(&mut *conn).await
}

#[cached(
    key = "account:<id>",
    invalidated_by(AccountMoved { id }),
    hard_ttl = "10m",
    autocommit(conn), skip(cache), cache = cache,
)]
async fn find_autocommit(conn: &mut SqliteConnection, cache: &Cache, id: i64) -> sqlx::Result<Option<Account>> {
    sqlx::query_as(FIND).bind(id).fetch_optional(conn).await
}

#[cached(
    key = "account:<id>",
    invalidated_by(AccountMoved { id }),
    hard_ttl = "10m",
    autocommit(ex), skip(cache), cache = cache,
)]
async fn find_said_autocommit<R: Reads>(ex: &mut R, cache: &Cache, id: i64) -> sqlx::Result<Option<Account>> {
    sqlx::query_as(FIND).bind(id).fetch_optional(ex.conn()).await
}

/// A trait of the user's, which no macro knows.
trait Reads: Send {
    fn conn(&mut self) -> &mut SqliteConnection;
}
impl Reads for Transaction<'_, Sqlite> {
    fn conn(&mut self) -> &mut SqliteConnection {
        self
    }
}
impl Reads for SqliteConnection {
    fn conn(&mut self) -> &mut SqliteConnection {
        self
    }
}

#[cached(
    key = "account:<id>",
    invalidated_by(AccountMoved { id }),
    hard_ttl = "10m",
    skip(ex, cache), cache = cache,
)]
async fn find_unknown<R: Reads>(ex: &mut R, cache: &Cache, id: i64) -> sqlx::Result<Option<Account>> {
    sqlx::query_as(FIND).bind(id).fetch_optional(ex.conn()).await
}

type Tx<'c> = Transaction<'c, Sqlite>;

#[cached(
    key = "account:<id>",
    invalidated_by(AccountMoved { id }),
    hard_ttl = "10m",
    skip(tx, cache), cache = cache,
)]
async fn find_alias(tx: &mut Tx<'_>, cache: &Cache, id: i64) -> sqlx::Result<Option<Account>> {
    let conn: &mut SqliteConnection = tx;
    sqlx::query_as(FIND).bind(id).fetch_optional(conn).await
}

#[cached(
    key = "account:<id>",
    version_from = version(&mut *conn, id).await?,
    invalidated_by(AccountMoved { id }),
    hard_ttl = "10m",
    skip(conn, cache), cache = cache,
)]
async fn find_asked(conn: &mut SqliteConnection, cache: &Cache, id: i64) -> sqlx::Result<Option<Account>> {
    sqlx::query_as(FIND).bind(id).fetch_optional(conn).await
}

async fn version(conn: &mut SqliteConnection, id: i64) -> sqlx::Result<u64> {
    let version: i64 = sqlx::query_scalar("select version from accounts where id = ?").bind(id).fetch_one(conn).await?;
    Ok(version.unsigned_abs())
}

/// What holds a connection, by its type.
struct Repository<C> {
    held: Mutex<C>,
    cache: Cache,
}

impl<C: Send + AsMut<SqliteConnection>> Repository<C> {
    #[cached(
        key = "account:<id>",
        invalidated_by(AccountMoved { id }),
        hard_ttl = "10m",
        cache = self.cache,
    )]
    async fn find_held(&self, id: i64) -> sqlx::Result<Option<Account>> {
        let mut held = self.held.lock().await;
        sqlx::query_as(FIND).bind(id).fetch_optional(held.as_mut()).await
    }
}

impl<C: Send + AsMut<SqliteConnection>> Repository<C> {
    #[cached(
        key = "account:<id>",
        invalidated_by(AccountMoved { id }),
        hard_ttl = "10m",
        autocommit(self), cache = self.cache,
    )]
    async fn find_held_autocommit(&self, id: i64) -> sqlx::Result<Option<Account>> {
        let mut held = self.held.lock().await;
        sqlx::query_as(FIND).bind(id).fetch_optional(held.as_mut()).await
    }
}

/// A pool, behind a type that the macro does not know.
#[cached(
    key = "account:<id>",
    invalidated_by(AccountMoved { id }),
    soft_ttl = "1m", hard_ttl = "10m",
    skip(state), cache = state.cache,
)]
async fn find_by_state(state: &Bank, id: i64) -> sqlx::Result<Option<Account>> {
    sqlx::query_as(FIND).bind(id).fetch_optional(&state.pool).await
}

fn named(found: sqlx::Result<Option<Account>>) -> String {
    found.expect("it is found").expect("there is one").name
}

fn bypasses(bank: &Bank, function: &str) -> u64 {
    bank.cache.stats().function(function).map_or(0, |stats| stats.bypasses)
}

fn loads(bank: &Bank, function: &str) -> u64 {
    bank.cache.stats().function(function).map_or(0, |stats| stats.loads)
}

/// A row that is written in a transaction, read there by every function, and rolled back; then its version is used again.
#[tokio::test]
async fn what_is_read_in_a_transaction_is_never_kept() {
    let bank = Bank::open().await;
    let (pool, cache) = (&bank.pool, &bank.cache);
    let mut tx = pool.begin().await.unwrap();
    update(&mut tx, 1, "ghost").await.unwrap();
    let (found, trace) = traced(find_optional(Some(&mut tx), pool, cache, 1)).await;
    assert_eq!((named(found).as_str(), trace.outcome), ("ghost", CallOutcome::Bypassed));
    assert_eq!(named(find_impl(&mut *tx, cache, 1).await), "ghost");
    assert_eq!(named(find_generic(&mut *tx, cache, 1).await), "ghost");
    assert_eq!(named(find_on(&mut tx, cache, 1).await), "ghost");
    assert_eq!(named(find_unknown(&mut tx, cache, 1).await), "ghost");
    assert_eq!(named(find_unknown(&mut *tx, cache, 1).await), "ghost");
    assert_eq!(named(find_said_autocommit(&mut tx, cache, 1).await), "ghost");
    assert_eq!(named(find_alias(&mut tx, cache, 1).await), "ghost");
    assert_eq!(named(find_asked(&mut tx, cache, 1).await), "ghost");
    tx.rollback().await.unwrap();
    assert_eq!(bank.cache.stats().entries, 0, "nothing was kept");

    assert_eq!(named(find_optional(None, pool, cache, 1).await), "ann");
    assert_eq!(named(find_impl(pool, cache, 1).await), "ann");
    assert_eq!(named(find_generic(pool, cache, 1).await), "ann");

    // The next commit uses the version that was rolled back.
    let account = update(&mut pool.acquire().await.unwrap(), 1, "bob").await.unwrap();
    assert_eq!(account.version, 2);
    cache.publish_or_retry(AccountMoved::from(&account)).await;
    for _ in 0..2 {
        assert_eq!(named(find_optional(None, pool, cache, 1).await), "bob");
        assert_eq!(named(find_impl(pool, cache, 1).await), "bob");
        assert_eq!(named(find_generic(pool, cache, 1).await), "bob");
    }
    assert_eq!(bypasses(&bank, "find_optional"), 1);
    assert_eq!(bypasses(&bank, "find_impl"), 1);
    assert_eq!(bypasses(&bank, "find_unknown"), 2);
}

#[tokio::test]
async fn what_is_cached_is_not_served_to_a_transaction() {
    let bank = Bank::open().await;
    let (pool, cache) = (&bank.pool, &bank.cache);
    assert_eq!(named(find_optional(None, pool, cache, 1).await), "ann");
    assert_eq!(named(find_impl(pool, cache, 1).await), "ann");
    let mut tx = pool.begin().await.unwrap();
    update(&mut tx, 1, "mine").await.unwrap();
    assert_eq!(named(find_optional(Some(&mut tx), pool, cache, 1).await), "mine");
    assert_eq!(named(find_impl(&mut *tx, cache, 1).await), "mine");
    // The others still see what is committed, from the cache.
    let before = loads(&bank, "find_optional");
    assert_eq!(named(find_optional(None, pool, cache, 1).await), "ann");
    assert_eq!(loads(&bank, "find_optional"), before);
}

#[tokio::test]
async fn every_form_of_a_pool_is_cached() {
    let bank = Bank::open().await;
    let (pool, cache) = (&bank.pool, &bank.cache);
    for _ in 0..2 {
        assert_eq!(named(find_impl(pool, cache, 1).await), "ann");
        assert_eq!(named(find_generic(pool, cache, 1).await), "ann");
        assert_eq!(named(find_by_state(&bank, 1).await), "ann");
    }
    assert_eq!(loads(&bank, "find_impl"), 1);
    assert_eq!(loads(&bank, "find_generic"), 1);
    assert_eq!(loads(&bank, "find_by_state"), 1);
    assert_eq!(bypasses(&bank, "find_impl"), 0);
}

#[tokio::test]
async fn a_connection_is_bypassed_unless_it_is_said_to_be_in_no_transaction() {
    let bank = Bank::open().await;
    let cache = &bank.cache;
    let mut conn = bank.pool.acquire().await.unwrap();
    for _ in 0..2 {
        assert_eq!(named(find_on(&mut conn, cache, 1).await), "ann");
        assert_eq!(named(find_impl(&mut *conn, cache, 1).await), "ann");
        assert_eq!(named(find_autocommit(&mut conn, cache, 1).await), "ann");
        assert_eq!(named(find_said_autocommit(&mut *conn, cache, 1).await), "ann");
        let pooled = bank.pool.acquire().await.unwrap();
        assert_eq!(named(find_on_pooled(pooled, cache, 1).await), "ann");
    }
    assert_eq!(bypasses(&bank, "find_on"), 2);
    assert_eq!(bypasses(&bank, "find_impl"), 2);
    assert_eq!(bypasses(&bank, "find_on_pooled"), 2);
    assert_eq!((bypasses(&bank, "find_autocommit"), loads(&bank, "find_autocommit")), (0, 1));
    assert_eq!((bypasses(&bank, "find_said_autocommit"), loads(&bank, "find_said_autocommit")), (0, 1));
}

/// `begin` on a plain connection: only its name tells it from one in autocommit mode.
#[tokio::test]
async fn a_connection_in_a_transaction_of_its_own_is_bypassed() {
    let bank = Bank::open().await;
    let mut conn = bank.pool.acquire().await.unwrap();
    sqlx::query("begin").execute(&mut *conn).await.unwrap();
    update(&mut conn, 1, "ghost").await.unwrap();
    assert_eq!(named(find_on(&mut conn, &bank.cache, 1).await), "ghost");
    assert_eq!(named(find_impl(&mut *conn, &bank.cache, 1).await), "ghost");
    sqlx::query("rollback").execute(&mut *conn).await.unwrap();
    assert_eq!(named(find_on(&mut conn, &bank.cache, 1).await), "ann");
    assert_eq!(named(find_impl(&mut *conn, &bank.cache, 1).await), "ann");
    assert_eq!(named(find_impl(&bank.pool, &bank.cache, 1).await), "ann");
}

#[tokio::test]
async fn a_receiver_whose_type_names_a_transaction_is_bypassed() {
    let bank = Bank::open().await;
    let mut tx = bank.pool.begin().await.unwrap();
    update(&mut tx, 1, "ghost").await.unwrap();
    let repository = Repository { held: Mutex::new(Held(tx)), cache: bank.cache.clone() };
    assert_eq!(named(repository.find_held(1).await), "ghost");
    assert_eq!(named(repository.find_held_autocommit(1).await), "ghost", "whatever is said of a transaction");
    repository.held.into_inner().0.rollback().await.unwrap();
    assert_eq!((bypasses(&bank, "find_held"), bank.cache.stats().entries), (1, 0));

    let held = Mutex::new(bank.pool.acquire().await.unwrap());
    let repository = Repository { held, cache: bank.cache.clone() };
    for _ in 0..2 {
        assert_eq!(named(repository.find_held(1).await), "ann");
        assert_eq!(named(repository.find_held_autocommit(1).await), "ann");
    }
    assert_eq!((bypasses(&bank, "find_held"), bypasses(&bank, "find_held_autocommit")), (3, 1));
}

/// What holds a transaction in a field: its type does not say so, but the body does.
struct Unit<'c> {
    tx: Transaction<'c, Sqlite>,
    cache: Cache,
}

impl Unit<'_> {
    #[cached(
        key = "account:<id>",
        invalidated_by(AccountMoved { id }),
        hard_ttl = "10m",
        skip(self), cache = self.cache,
    )]
    async fn find_in_field(&mut self, id: i64) -> sqlx::Result<Option<Account>> {
        sqlx::query_as(FIND).bind(id).fetch_optional(&mut *self.tx).await
    }
}

#[cached(
    key = "account:<id>",
    invalidated_by(AccountMoved { id }),
    hard_ttl = "10m",
    skip(unit, cache), cache = cache,
)]
async fn find_in_unit(unit: &mut Unit<'_>, cache: &Cache, id: i64) -> sqlx::Result<Option<Account>> {
    sqlx::query_as(FIND).bind(id).fetch_optional(&mut *unit.tx).await
}

#[tokio::test]
async fn a_query_on_a_held_transaction_is_bypassed() {
    let bank = Bank::open().await;
    let mut unit = Unit { tx: bank.pool.begin().await.unwrap(), cache: bank.cache.clone() };
    update(&mut unit.tx, 1, "ghost").await.unwrap();
    assert_eq!(named(unit.find_in_field(1).await), "ghost");
    assert_eq!(named(find_in_unit(&mut unit, &bank.cache, 1).await), "ghost");
    unit.tx.rollback().await.unwrap();
    assert_eq!((bypasses(&bank, "find_in_field"), bypasses(&bank, "find_in_unit")), (1, 1));
    assert_eq!(bank.cache.stats().entries, 0);
}

struct Held<T>(T);
impl AsMut<SqliteConnection> for Held<Transaction<'_, Sqlite>> {
    fn as_mut(&mut self) -> &mut SqliteConnection {
        &mut self.0
    }
}

#[tokio::test]
async fn modes_of_the_caller_do_not_reach_into_a_transaction() {
    let bank = Bank::open().await;
    let (pool, cache) = (&bank.pool, &bank.cache);
    assert_eq!(named(find_impl(pool, cache, 1).await), "ann");
    let mut tx = pool.begin().await.unwrap();
    update(&mut tx, 1, "mine").await.unwrap();
    for mode in [CacheMode::OnlyIfCached, CacheMode::Refresh] {
        assert_eq!(named(mode.scope(find_impl(&mut *tx, cache, 1)).await), "mine");
    }
    tx.rollback().await.unwrap();
    assert_eq!(named(find_impl(pool, cache, 1).await), "ann");
}

/// A call in a transaction waits for no load of others: it would see their row, and might hold a lock that they wait for.
#[tokio::test]
async fn a_transaction_joins_no_flight() {
    let bank = Bank::open().await;
    let (pool, cache) = (&bank.pool, &bank.cache);
    let mut tx = pool.begin().await.unwrap();
    update(&mut tx, 1, "mine").await.unwrap();
    let (outside, inside) =
        tokio::join!(find_optional(None, pool, cache, 1), find_optional(Some(&mut tx), pool, cache, 1));
    assert_eq!((named(outside).as_str(), named(inside).as_str()), ("ann", "mine"));
    assert_eq!(cache.stats().function("find_optional").unwrap().waits, 0);
}

#[test]
fn verify_lists_what_is_always_bypassed() {
    let warnings = strategy().warnings().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    for (function, argument) in [
        ("find_on", "conn: &mut SqliteConnection"),
        ("find_on_pooled", "conn: PoolConnection<Sqlite>"),
        ("find_asked", "conn: &mut SqliteConnection"),
        ("find_in_field", "&mut *self.tx"),
        ("find_in_unit", "&mut *unit.tx"),
        ("find_alias", "&mut Transaction<'_, Sqlite>"),
    ] {
        let wanted =
            format!("every call of `transactions::readers::{function}` goes past the cache, because of `{argument}`");
        assert!(warnings.contains(&wanted), "{wanted}\n{warnings}");
    }
    for function in ["find_impl", "find_generic", "find_optional", "find_autocommit", "find_unknown", "find_by_state"] {
        assert!(!warnings.contains(&format!("readers::{function}`")), "{function}\n{warnings}");
    }
}

#[test]
fn the_report_says_which_calls_are_bypassed() {
    let strategy = strategy();
    let told = |name: &str| strategy.function(name).expect("it is cached").staleness.join(" ");
    assert!(told("find_optional").contains("Calls with `tx.is_some()` go past the cache"));
    assert!(told("find_generic").contains("Calls in which `ex: E` is not a pool go past the cache"));
    assert!(told("find_on").contains("nothing is ever cached"));
}
