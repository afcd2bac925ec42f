//! Types, and what they are to a database.

use syn::parse_quote;

use super::*;
use crate::analyze::function;

fn kind(item: syn::ItemFn) -> &'static str {
    let function = function::read(item);
    match of(&function, &function.args[0].ty) {
        None => "none",
        Some(Connection::Transaction) => "transaction",
        Some(Connection::Executor) => "executor",
        Some(Connection::UnsureTransaction(_)) => "unsure transaction",
        Some(Connection::UnsureExecutor(_)) => "unsure executor",
    }
}

fn all(expected: &str, types: &[&str]) {
    for ty in types {
        let parsed: Type = syn::parse_str(ty).expect(ty);
        assert_eq!(kind(parse_quote!(fn f<T, DB>(x: #parsed) {})), expected, "{ty}");
    }
}

#[test]
fn transactions_are_known_by_their_names() {
    all(
        "transaction",
        &[
            "&mut Transaction<'_, Postgres>",
            "&mut sqlx::Transaction<Sqlite>",
            "&mut sqlx::PgTransaction<'_>",
            "Transaction<'a>",
            "Option<&mut Transaction<'_, DB>>",
            "&DatabaseTransaction",
            "&rusqlite::Transaction",
            "&mut tokio_postgres::Transaction<'_>",
            "Arc<Mutex<Transaction<'static, Postgres>>>",
            "&mut rusqlite::Savepoint",
            "Box<Transaction<'_, MySql>>",
            "(&mut Transaction<'_, Postgres>, u64)",
        ],
    );
}

#[test]
fn connections_and_executors_are_known_by_their_names() {
    all(
        "executor",
        &[
            "&mut PgConnection",
            "&mut sqlx::SqliteConnection",
            "PoolConnection<Postgres>",
            "&mut DB::Connection",
            "&mut <DB as sqlx::Database>::Connection",
            "impl Executor<'_, Database = Sqlite>",
            "impl sqlx::PgExecutor<'_>",
            "&impl ConnectionTrait",
            "&mut dyn TransactionTrait",
            "&(dyn GenericClient + Sync)",
            "impl DerefMut<Target = PgConnection> + Send",
            "&rusqlite::Connection",
            "&tokio_postgres::Client",
            "deadpool_postgres::Object",
            "bb8::PooledConnection<'_, M>",
            "&mut mysql_async::Conn",
            "&mut AsyncPgConnection",
            "&mut ClientSession",
        ],
    );
}

#[test]
fn generics_are_what_their_bounds_say() {
    assert_eq!(
        kind(parse_quote!(
            fn f<'e, E: sqlx::Executor<'e>>(x: E) {}
        )),
        "executor"
    );
    assert_eq!(
        kind(parse_quote!(
            fn f<C>(x: &C)
            where
                C: ConnectionTrait,
            {
            }
        )),
        "executor"
    );
    assert_eq!(
        kind(parse_quote!(
            fn f<C>(x: &mut C)
            where
                for<'c> &'c mut C: Executor<'c>,
            {
            }
        )),
        "executor"
    );
    assert_eq!(
        kind(parse_quote!(
            fn f<A: Acquire<'static, Database = Postgres>>(x: A) {}
        )),
        "executor"
    );
    assert_eq!(
        kind(parse_quote!(
            fn f<D: DerefMut<Target = C>, C: AsyncConnection>(x: D) {}
        )),
        "executor"
    );
    assert_eq!(
        kind(parse_quote!(
            fn f<E: Debug>(x: E) {}
        )),
        "none"
    );
}

#[test]
fn rows_may_be_called_like_connections() {
    all("unsure transaction", &["&Transaction", "Transaction", "models::Transaction", "Option<&mut Transaction>"]);
    all("unsure executor", &["&Connection", "Conn", "crate::db::Connection"]);
}

#[test]
fn pools_and_other_things_are_none() {
    all(
        "none",
        &[
            "&PgPool",
            "&sqlx::Pool<Postgres>",
            "Arc<SqlitePool>",
            "State<PgPool>",
            "&DatabaseConnection",
            "&sea_orm::DatabaseConnection",
            "deadpool_postgres::Pool",
            "r2d2::Pool<ConnectionManager<PgConnection>>",
            "HttpConnection",
            "ConnectionId",
            "&TransactionId",
            "Vec<Transaction>",
            "Json<Transaction>",
            "&redis::Connection",
            "&mut redis::aio::MultiplexedConnection",
            "&reqwest::Client",
            "Client",
            "impl Fn(&mut PgConnection)",
            "&T",
            "u64",
        ],
    );
}
