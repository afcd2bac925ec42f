//! The names of connections, transactions and executors, and of types that give access to one.

/// Concrete transactions.
pub(super) const TRANSACTIONS: &[&str] = &[
    "PgTransaction",
    "PostgresTransaction",
    "MySqlTransaction",
    "MysqlTransaction",
    "SqliteTransaction",
    "AnyTransaction",
    "MssqlTransaction",
    "DatabaseTransaction",
    "DbTransaction",
    "OwnedTransaction",
    "RBatisTxExecutor",
    "RBatisTxExecutorGuard",
    "WriteTransaction",
    "ReadTransaction",
    "RwTxn",
    "RoTxn",
];

/// Transactions, and names of rows.
pub(super) const UNSURE_TRANSACTIONS: &[&str] = &["Transaction", "Savepoint", "SavePoint"];

/// Concrete connections, and traits that connections and transactions have.
pub(super) const EXECUTORS: &[&str] = &[
    "PgConnection",
    "PostgresConnection",
    "MySqlConnection",
    "MysqlConnection",
    "SqliteConnection",
    "AnyConnection",
    "MssqlConnection",
    "DbConnection",
    "SqlConnection",
    "PoolConnection",
    "PooledConnection",
    "AsyncPgConnection",
    "AsyncMysqlConnection",
    "SyncConnectionWrapper",
    "RBatisConnExecutor",
    "PooledConn",
    "PgConn",
    "MySqlConn",
    "MysqlConn",
    "SqliteConn",
    "ClientSession",
    "PgExecutor",
    "MySqlExecutor",
    "SqliteExecutor",
    "AnyExecutor",
    "MssqlExecutor",
    "ConnectionTrait",
    "TransactionTrait",
    "StreamTrait",
    "AsyncConnection",
    "AsyncConnectionCore",
    "LoadConnection",
    "SimpleConnection",
    "GenericClient",
];

/// Connections, and names of rows and of other things.
pub(super) const UNSURE_EXECUTORS: &[&str] = &["Connection", "Conn"];

/// Traits of connections whose names other crates use too.
pub(super) const EXECUTOR_TRAITS: &[&str] = &["Executor", "Acquire", "Connection", "Queryable"];

/// Connections where the path says that a database crate has them.
pub(super) const QUALIFIED_EXECUTORS: &[&str] = &["Client", "ClientWrapper", "Object", "Executor", "Session"];

/// Types that give access to what they hold.
pub(super) const WRAPPERS: &[&str] = &[
    "Option",
    "Arc",
    "Rc",
    "Box",
    "Pin",
    "Mutex",
    "RwLock",
    "RefCell",
    "MutexGuard",
    "OwnedMutexGuard",
    "RwLockWriteGuard",
    "RefMut",
    "State",
    "Extension",
    "Data",
];
