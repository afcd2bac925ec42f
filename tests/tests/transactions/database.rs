//! An SQLite database of accounts, with a version that the database counts.

use cachemacro::{Cache, CacheEvent, cached};
use cachemacro_tests::cache;
use serde::{Deserialize, Serialize};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow};
use sqlx::{FromRow, Row};
use tempfile::TempDir;

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) version: i64,
}

impl<'r> FromRow<'r, SqliteRow> for Account {
    fn from_row(row: &'r SqliteRow) -> sqlx::Result<Self> {
        Ok(Self { id: row.try_get(0)?, name: row.try_get(1)?, version: row.try_get(2)? })
    }
}

/// An account moved.
#[derive(Clone, Debug, Serialize, Deserialize, CacheEvent)]
#[event(name = "account.moved", key = "account:<id>", version = version)]
pub(crate) struct AccountMoved {
    pub(crate) id: i64,
    pub(crate) version: i64,
}

impl From<&Account> for AccountMoved {
    fn from(account: &Account) -> Self {
        Self { id: account.id, version: account.version }
    }
}

/// A database and a cache of one test.
#[derive(Clone)]
pub(crate) struct Bank {
    pub(crate) pool: SqlitePool,
    pub(crate) cache: Cache,
    _folder: std::sync::Arc<TempDir>,
}

impl Bank {
    /// With one account, `ann` at version 1.
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let options = SqliteConnectOptions::new()
            .filename(folder.path().join("bank.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal);
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await.expect("a database");
        sqlx::query("create table accounts (id integer primary key, name text not null, version integer not null)")
            .execute(&pool)
            .await
            .expect("a table");
        sqlx::query("insert into accounts values (1, 'ann', 1)").execute(&pool).await.expect("a row");
        Self { pool, cache: cache().0, _folder: std::sync::Arc::new(folder) }
    }

    /// What readers see.
    #[cached(
        key = "account:<id>",
        version_from = |account| u64::try_from(account.version).expect("no negative versions"),
        invalidated_by(AccountMoved { id }),
        hard_ttl = "10m",
        cache = self.cache,
    )]
    pub(crate) async fn find(&self, id: i64) -> sqlx::Result<Option<Account>> {
        sqlx::query_as("select id, name, version from accounts where id = ?").bind(id).fetch_optional(&self.pool).await
    }

    /// The name that readers see.
    pub(crate) async fn name(&self) -> String {
        self.find(1).await.expect("it is found").expect("there is one").name
    }
}

/// The update of every writer.
pub(crate) async fn update(conn: &mut sqlx::SqliteConnection, id: i64, name: &str) -> sqlx::Result<Account> {
    sqlx::query_as("update accounts set name = ?2, version = version + 1 where id = ?1 returning id, name, version")
        .bind(id)
        .bind(name)
        .fetch_one(conn)
        .await
}
