//! Readers that reach a transaction in a field, or in an enum, in the forms that bodies are written in.

use std::ops::DerefMut as _;

use cachemacro::{Cache, cached};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};
use tokio::sync::Mutex;

use crate::database::{Account, AccountMoved, Bank, update};

const FIND: &str = "select id, name, version from accounts where id = ?";

type Found = sqlx::Result<Option<Account>>;

async fn find(conn: &mut SqliteConnection, id: i64) -> Found {
    sqlx::query_as(FIND).bind(id).fetch_optional(conn).await
}

/// What holds a transaction in a field.
struct Unit<'c> {
    tx: Transaction<'c, Sqlite>,
    cache: Cache,
}

/// A reader on `&mut Unit`, with the body that is given.
macro_rules! reader {
    ($name:ident, |$unit:ident, $id:ident| $body:expr) => {
        #[cached(key = "account:<id>", invalidated_by(AccountMoved { id: $id }), hard_ttl = "10m", skip($unit, cache), cache = cache)]
        async fn $name($unit: &mut Unit<'_>, cache: &Cache, $id: i64) -> Found {
            $body
        }
    };
}

mod forms {
    use super::*;

    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", skip(unit, cache), cache = cache)]
    pub(super) async fn as_mut(unit: &mut Unit<'_>, cache: &Cache, id: i64) -> Found {
        sqlx::query_as(FIND).bind(id).fetch_optional(unit.tx.as_mut()).await
    }

    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", skip(unit, cache), cache = cache)]
    pub(super) async fn deref_mut(unit: &mut Unit<'_>, cache: &Cache, id: i64) -> Found {
        sqlx::query_as(FIND).bind(id).fetch_optional(unit.tx.deref_mut()).await
    }

    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", skip(unit, cache), cache = cache)]
    pub(super) async fn block(unit: &mut Unit<'_>, cache: &Cache, id: i64) -> Found {
        #[allow(unused_braces)]
        sqlx::query_as(FIND).bind(id).fetch_optional({ &mut *unit.tx }).await
    }

    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", skip(unit, cache), cache = cache)]
    pub(super) async fn local(unit: &mut Unit<'_>, cache: &Cache, id: i64) -> Found {
        let tx = &mut unit.tx;
        sqlx::query_as(FIND).bind(id).fetch_optional(&mut **tx).await
    }

    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", skip(unit, cache), cache = cache)]
    pub(super) async fn destructured(unit: &mut Unit<'_>, cache: &Cache, id: i64) -> Found {
        let Unit { tx, .. } = unit;
        sqlx::query_as(FIND).bind(id).fetch_optional(&mut **tx).await
    }

    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", skip(unit, cache), cache = cache)]
    pub(super) async fn handed_on(unit: &mut Unit<'_>, cache: &Cache, id: i64) -> Found {
        find(&mut unit.tx, id).await
    }

    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", skip(unit, cache), cache = cache)]
    pub(super) async fn in_a_macro(unit: &mut Unit<'_>, cache: &Cache, id: i64) -> Found {
        Ok(std::convert::identity(tokio::select! {
            row = sqlx::query_as(FIND).bind(id).fetch_optional(&mut *unit.tx) => row?,
            () = std::future::pending() => None,
        }))
    }
}

reader!(in_a_template, |unit, id| sqlx::query_as(FIND).bind(id).fetch_optional(unit.tx.as_mut()).await);

/// What a body that calls it gives it is not seen as a transaction.
async fn find_with_all(unit: &mut Unit<'_>, id: i64) -> Found {
    find(&mut unit.tx, id).await
}

/// The same behind `self`.
impl Unit<'_> {
    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", skip(self), cache = self.cache)]
    async fn find_as_mut(&mut self, id: i64) -> Found {
        sqlx::query_as(FIND).bind(id).fetch_optional(self.tx.as_mut()).await
    }

    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", skip(self), cache = self.cache)]
    async fn find_handed_on(&mut self, id: i64) -> Found {
        find(&mut self.tx, id).await
    }

    // `bypass_if = true` leaves nothing to share, so `self` need not be skipped.
    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", bypass_if = true, cache = self.cache)]
    async fn find_as_said(&mut self, id: i64) -> Found {
        find_with_all(self, id).await
    }
}

/// A repository in a transaction that is shared.
struct Shared<'c> {
    conn: Mutex<Transaction<'c, Sqlite>>,
    cache: Cache,
}

impl Shared<'_> {
    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", cache = self.cache)]
    async fn find(&self, id: i64) -> Found {
        sqlx::query_as(FIND).bind(id).fetch_optional(&mut **self.conn.lock().await).await
    }

    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", cache = self.cache)]
    async fn find_guarded(&self, id: i64) -> Found {
        let mut guard = self.conn.lock().await;
        sqlx::query_as(FIND).bind(id).fetch_optional(&mut **guard).await
    }
}

/// One of the two.
enum Db<'a, 'c> {
    Pool(&'a SqlitePool),
    Tx(&'a mut Transaction<'c, Sqlite>),
}

#[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", skip(db, cache), cache = cache)]
async fn find_in_either(db: &mut Db<'_, '_>, cache: &Cache, id: i64) -> Found {
    let query = sqlx::query_as(FIND).bind(id);
    match db {
        Db::Pool(pool) => query.fetch_optional(*pool).await,
        Db::Tx(tx) => query.fetch_optional(&mut ***tx).await,
    }
}

/// What holds a pool in a field that is called like a connection.
struct Repository {
    conn: SqlitePool,
    cache: Cache,
}

impl Repository {
    #[cached(key = "pooled:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", cache = self.cache)]
    async fn find(&self, id: i64) -> Found {
        sqlx::query_as(FIND).bind(id).fetch_optional(&self.conn).await
    }

    #[cached(key = "begun:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", cache = self.cache)]
    async fn find_begun(&self, id: i64) -> Found {
        let mut tx = self.conn.begin().await?;
        let found = find(&mut tx, id).await?;
        let again = sqlx::query_as(FIND).bind(id).fetch_optional(&mut *tx).await?;
        tx.commit().await?;
        assert_eq!(found, again);
        Ok(found)
    }
}

fn named(found: Found) -> String {
    found.expect("it is found").expect("there is one").name
}

#[tokio::test]
async fn what_is_read_in_a_field_is_never_kept() {
    let bank = Bank::open().await;
    let cache = &bank.cache;
    let mut unit = Unit { tx: bank.pool.begin().await.unwrap(), cache: cache.clone() };
    update(&mut unit.tx, 1, "ghost").await.unwrap();
    assert_eq!(named(forms::as_mut(&mut unit, cache, 1).await), "ghost");
    assert_eq!(named(forms::deref_mut(&mut unit, cache, 1).await), "ghost");
    assert_eq!(named(forms::block(&mut unit, cache, 1).await), "ghost");
    assert_eq!(named(forms::local(&mut unit, cache, 1).await), "ghost");
    assert_eq!(named(forms::destructured(&mut unit, cache, 1).await), "ghost");
    assert_eq!(named(forms::handed_on(&mut unit, cache, 1).await), "ghost");
    assert_eq!(named(forms::in_a_macro(&mut unit, cache, 1).await), "ghost");
    assert_eq!(named(in_a_template(&mut unit, cache, 1).await), "ghost");
    assert_eq!(named(unit.find_as_mut(1).await), "ghost");
    assert_eq!(named(unit.find_handed_on(1).await), "ghost");
    assert_eq!(named(unit.find_as_said(1).await), "ghost");
    let kept = cache.stats().functions.into_iter().filter(|function| function.bypasses == 0 && function.loads > 0);
    assert_eq!(kept.map(|function| function.name).collect::<Vec<_>>(), Vec::<String>::new());
    assert_eq!(cache.stats().entries, 0);
    unit.tx.rollback().await.unwrap();
}

#[tokio::test]
async fn what_is_read_behind_a_lock_or_in_an_enum_is_never_kept() {
    let bank = Bank::open().await;
    let cache = &bank.cache;
    let mut tx = bank.pool.begin().await.unwrap();
    update(&mut tx, 1, "ghost").await.unwrap();
    assert_eq!(named(find_in_either(&mut Db::Tx(&mut tx), cache, 1).await), "ghost");
    assert_eq!(cache.stats().entries, 0);
    assert_eq!(named(find_in_either(&mut Db::Pool(&bank.pool), cache, 1).await), "ann");
    let shared = Shared { conn: Mutex::new(tx), cache: cache.clone() };
    assert_eq!(named(shared.find(1).await), "ghost");
    assert_eq!(named(shared.find_guarded(1).await), "ghost");
    assert_eq!(cache.stats().entries, 0);
    shared.conn.into_inner().rollback().await.unwrap();
}

#[tokio::test]
async fn a_pool_in_a_field_and_a_transaction_of_the_body_are_cached() {
    let bank = Bank::open().await;
    let repository = Repository { conn: bank.pool.clone(), cache: bank.cache.clone() };
    for _ in 0..2 {
        assert_eq!(named(repository.find(1).await), "ann");
        assert_eq!(named(repository.find_begun(1).await), "ann");
    }
    let stats = bank.cache.stats();
    assert_eq!(
        stats.functions.iter().map(|function| (function.bypasses, function.loads)).collect::<Vec<_>>(),
        [(0, 1); 2]
    );
}

/// An argument that is only asked whether the call goes past the cache.
#[cached(key = "flagged:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", skip(conn, cache), bypass_if = in_tx, cache = cache)]
async fn find_flagged(conn: &SqlitePool, cache: &Cache, in_tx: bool, id: i64) -> Found {
    let _ = in_tx;
    sqlx::query_as(FIND).bind(id).fetch_optional(conn).await
}

#[tokio::test]
async fn a_flag_that_decides_is_no_part_of_the_key() {
    let bank = Bank::open().await;
    for in_tx in [false, true, false, true] {
        assert_eq!(named(find_flagged(&bank.pool, &bank.cache, in_tx, 1).await), "ann");
    }
    let stats = bank.cache.stats();
    let flagged = stats.function("find_flagged").unwrap();
    assert_eq!((flagged.bypasses, flagged.loads), (2, 3), "one of the loads is of the two cached calls");
}
