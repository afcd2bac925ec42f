//! Pools, connections and transactions of database crates, recognized by the names of their types: this crate does not depend
//! on database crates. At run time the types are known that the macros cannot see in a signature: the type behind an alias,
//! and the types that a generic function is called with.

use std::any::type_name;

use super::crates::{DATABASES, OTHERS};

/// What a type gives access to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Carried {
    /// Nothing of a known database.
    Nothing,
    /// A connection, which may be in a transaction.
    Connection,
    /// A transaction.
    Transaction,
}

/// Crates whose `Client` is one connection. In other crates it is a handle on many.
const ONE_CONNECTION: &[&str] = &["tokio_postgres", "postgres", "deadpool_postgres", "tiberius"];

/// The remedy for a writer: to state when it commits.
pub(crate) const SAY_WHEN: &str = "let the events wait for it in a `PendingEvents`, with `defer = pending`; or, if the \
                                   function commits before it returns, say how: `commits_itself = \"…\"`";

/// What a type of this name gives access to, also where it is an argument of another: `Uow<Transaction<Sqlite>>`.
pub(crate) fn carried(type_name: &str) -> Carried {
    let mut found = Carried::Nothing;
    let mut rest = type_name;
    while let Some((path, after)) = next_path(rest) {
        found = found.max(of_path(path, after));
        rest = if hides_arguments(path) { skip_arguments(after) } else { after };
    }
    found
}

/// Whether the type is a known pool, or a pointer to one: queries through it do not run in the caller's transaction.
pub(crate) fn is_pool(type_name: &str) -> bool {
    const POINTERS: &[&str] = &["&", "mut ", "alloc::sync::Arc<", "alloc::rc::Rc<", "alloc::boxed::Box<"];
    let mut rest = type_name;
    while let Some(inner) = POINTERS.iter().find_map(|pointer| rest.strip_prefix(pointer)) {
        rest = inner;
    }
    matches!(next_path(rest), Some((path, _)) if rest.starts_with(path) && is_pool_path(path))
}

/// The first path in a type's name, `sqlx_core::pool::Pool`, and what follows it.
pub(super) fn next_path(name: &str) -> Option<(&str, &str)> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_' || character == ':';
    let name = name.trim_start_matches(|character| !is_part(character));
    let end = name.find(|character| !is_part(character)).unwrap_or(name.len());
    (!name.is_empty()).then(|| name.split_at(end))
}

pub(super) fn ends(path: &str) -> (&str, &str) {
    let krate = path.split("::").next().unwrap_or_default();
    (krate, path.rsplit("::").next().unwrap_or_default())
}

fn of_path(path: &str, after: &str) -> Carried {
    let (krate, name) = ends(path);
    if !path.contains("::") || !DATABASES.contains(&krate) || is_pool_path(path) {
        return Carried::Nothing;
    }
    let is_transaction =
        ["Transaction", "Savepoint", "TxExecutor", "TxExecutorGuard", "Txn"].iter().any(|end| name.ends_with(end));
    if is_transaction {
        return Carried::Transaction;
    }
    let is_connection = ["Connection", "Conn", "Executor"].iter().any(|end| name.ends_with(end))
        || ["ConnectionTrait", "GenericClient", "Object", "ClientSession", "SyncConnectionWrapper"].contains(&name)
        || ["Client", "ClientWrapper"].contains(&name) && ONE_CONNECTION.contains(&krate);
    if is_connection && !is_from_elsewhere(after) { Carried::Connection } else { Carried::Nothing }
}

/// Whether the first argument of a pooled connection shows that it leads to no such database:
/// `Object<deadpool_redis::Manager>`.
fn is_from_elsewhere(after: &str) -> bool {
    let arguments = &after[..after.len() - skip_arguments(after).len()];
    let mut rest = arguments;
    while let Some((path, after)) = next_path(rest) {
        if path.contains("::") {
            return OTHERS.contains(&ends(path).0);
        }
        rest = after;
    }
    false
}

pub(super) fn is_pool_path(path: &str) -> bool {
    let (krate, name) = ends(path);
    match name {
        "Pool" => DATABASES.contains(&krate),
        // An enum of pools.
        "DatabaseConnection" => krate == "sea_orm",
        _ => false,
    }
}

/// Whether the arguments of a type do not show what it holds: those of a pool, its manager, a function.
fn hides_arguments(path: &str) -> bool {
    let (krate, name) = ends(path);
    is_pool_path(path)
        || name.ends_with("Manager") && DATABASES.contains(&krate)
        || ["PhantomData", "Fn", "FnMut", "FnOnce", "fn", "AsyncFn", "AsyncFnMut", "AsyncFnOnce"].contains(&name)
}

/// What follows a list of arguments, if one begins here.
pub(super) fn skip_arguments(name: &str) -> &str {
    let mut depth = 0_u32;
    let mut before = ' ';
    for (at, character) in name.char_indices() {
        match character {
            '<' | '(' => depth += 1,
            // The `>` of a function type's arrow does not close a list.
            '>' if before == '-' => {}
            '>' | ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return &name[at + if at == 0 { 0 } else { character.len_utf8() }..];
        }
        before = character;
    }
    ""
}

/// The name of the type of a value.
#[inline]
pub fn type_of<T: ?Sized>(_: &T) -> &'static str {
    type_name::<T>()
}

/// As [`Written`], for the arguments of a cached function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is called like a transaction of a database, and is not `Clone`, as a plain value would be",
    label = "in a transaction?",
    note = "what is read in a transaction may never be committed, and a cache would hand it to everyone",
    note = "read it without `#[cached]`; or, where some calls are in no transaction, take an `Option` of it, and say which calls go \
            past the cache: `bypass_if = tx.is_some()`",
    note = "if it is a row, add `#[derive(Clone)]` to it"
)]
pub trait Read {
    /// What generated code names, so that the compiler checks the type.
    #[doc(hidden)]
    const IS_PLAIN: () = ();
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Read for T {}

/// A row or another plain value, where a name may also be that of a transaction: connections are not `Clone`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is called like a transaction or a connection of a database, and is not `Clone`, as a plain value would be",
    label = "in a transaction?",
    note = "what is written in a transaction is not committed when this function returns, and its event would come too early",
    note = "take `pending: &mut cachemacro::PendingEvents` too, add `defer = pending`, and call `pending.publish_or_retry().await` after \
            the commit",
    note = "if this function commits before it returns, say how: `commits_itself = \"…\"`",
    note = "if it is a row, add `#[derive(Clone)]` to it"
)]
pub trait Written {
    /// What generated code names, so that the compiler checks the type.
    #[doc(hidden)]
    const IS_PLAIN: () = ();
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Written for T {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_and_connections_are_known_wherever_they_stand() {
        for name in [
            "&mut sqlx_core::transaction::Transaction<sqlx_sqlite::database::Sqlite>",
            "core::option::Option<&mut sqlx_core::transaction::Transaction<sqlx_postgres::database::Postgres>>",
            "app::Uow<sea_orm::database::transaction::DatabaseTransaction>",
            "&rusqlite::transaction::Transaction",
            "tokio_postgres::transaction::Transaction",
            "(u8, &redb::transactions::WriteTransaction)",
            "redis_shop::Repository<sqlx_core::transaction::Transaction<'_, sqlx_sqlite::database::Sqlite>>",
            "&mut app::Ctx<sqlx_core::transaction::Transaction<'_, sqlx_sqlite::database::Sqlite>, app::redis_client::Handle>",
            "app::TxManager<sqlx_core::transaction::Transaction<'_, sqlx_sqlite::database::Sqlite>>",
            "app::Both<deadpool::managed::Object<deadpool_redis::Manager>, rusqlite::transaction::Transaction<'_>>",
        ] {
            assert_eq!(carried(name), Carried::Transaction, "{name}");
        }
        for name in [
            "&mut sqlx_sqlite::connection::SqliteConnection",
            "sqlx_core::pool::connection::PoolConnection<sqlx_sqlite::database::Sqlite>",
            "&tokio_postgres::client::Client",
            "deadpool::managed::Object<deadpool_postgres::Manager>",
            "r2d2::PooledConnection<diesel::r2d2::ConnectionManager<diesel::pg::connection::PgConnection>>",
            "&dyn sea_orm::database::connection::ConnectionTrait",
            "alloc::sync::Arc<tokio::sync::mutex::Mutex<rusqlite::Connection>>",
        ] {
            assert_eq!(carried(name), Carried::Connection, "{name}");
        }
    }

    #[test]
    fn pools_hide_the_connections_they_are_made_of() {
        for name in [
            "&sqlx_core::pool::Pool<sqlx_sqlite::database::Sqlite>",
            "r2d2::Pool<diesel::r2d2::ConnectionManager<diesel::pg::connection::PgConnection>>",
            "&&deadpool::managed::Pool<deadpool_postgres::Manager>",
            "alloc::sync::Arc<bb8::api::Pool<bb8_postgres::PostgresConnectionManager<tokio_postgres::tls::NoTls>>>",
            "&sea_orm::database::db_connection::DatabaseConnection",
        ] {
            assert!(is_pool(name), "{name}");
            assert_eq!(carried(name), Carried::Nothing, "{name}");
        }
        for name in [
            "app::Pool",
            "app::Wrapper<sqlx_core::pool::Pool<sqlx_sqlite::database::Sqlite>>",
            "&mut sqlx_sqlite::connection::SqliteConnection",
            "sqlx_core::pool::connection::PoolConnection<sqlx_sqlite::database::Sqlite>",
            "(sqlx_core::pool::Pool<sqlx_sqlite::database::Sqlite>, u8)",
        ] {
            assert!(!is_pool(name), "{name}");
        }
    }

    #[test]
    fn other_types_carry_nothing() {
        for name in [
            "&str",
            "u64",
            "app::Transaction",
            "app::HttpConnection",
            "&reqwest::async_impl::client::Client",
            "mongodb::client::Client",
            "deadpool::managed::Object<deadpool_redis::Manager>",
            "redis::aio::multiplexed_connection::MultiplexedConnection",
            "alloc::boxed::Box<dyn core::ops::function::Fn(&mut diesel::pg::connection::PgConnection) -> u8>",
            "fn(&rusqlite::Connection) -> u8",
            "core::marker::PhantomData<rusqlite::Connection>",
            "sqlx_core::error::Error",
            "postgres_ledger::Store<postgres_ledger::models::Transaction>",
            "&sqlx_shop::JobExecutor",
            "bb8::api::PooledConnection<'_, bb8_redis::RedisConnectionManager>",
            "r2d2::PooledConnection<redis::client::Client>",
        ] {
            assert_eq!(carried(name), Carried::Nothing, "{name}");
        }
        let after = "(core::marker::PhantomData<rusqlite::Connection>, rusqlite::transaction::Transaction)";
        assert_eq!(carried(after), Carried::Transaction);
    }
}
