//! Readers that reach a transaction by a `&mut`, or by a field whose name says what it is.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use cachemacro::{Cache, cached, strategy};
use sqlx::{Acquire as _, Sqlite, SqliteConnection, SqlitePool, Transaction};
use tokio::sync::{Mutex, RwLock};

use crate::database::{Account, AccountMoved, Bank, update};

const FIND: &str = "select id, name, version from accounts where id = ?";

type Found = sqlx::Result<Option<Account>>;
type Tx = Transaction<'static, Sqlite>;

async fn find(conn: &mut SqliteConnection, id: i64) -> Found {
    sqlx::query_as(FIND).bind(id).fetch_optional(conn).await
}

/// Queries that are given their connection, as those of diesel are.
struct Find(i64);
impl Find {
    async fn first(self, conn: &mut MyConn) -> Found {
        find(&mut conn.0, self.0).await
    }
    /// As those of sea-orm.
    async fn one(self, tx: &Locked) -> Found {
        find(&mut **tx.0.lock().await, self.0).await
    }
}

struct Locked(Mutex<Tx>);
struct MyConn(Tx);
struct Opt(Option<Tx>);
struct Shards {
    held: HashMap<i64, Tx>,
}
struct Session<'a> {
    conn: &'a mut SqliteConnection,
}
enum Db<'a> {
    Pool(&'a SqlitePool),
    Conn(&'a mut SqliteConnection),
}
/// Names a crate that is no database's beside one that is.
struct Ctx<D, C> {
    db: D,
    _sessions: C,
}
mod redis_client {
    pub(super) struct Handle;
}
trait Users: Send {
    fn conn(&mut self) -> &mut SqliteConnection;
}
impl Users for Tx {
    fn conn(&mut self) -> &mut SqliteConnection {
        self
    }
}

/// A reader with this argument and body.
macro_rules! reader {
    ($name:ident, $db:ident: $ty:ty, $id:ident, $body:expr) => {
        #[cached(key = "account:<id>", invalidated_by(AccountMoved { id: $id }), hard_ttl = "10m", skip($db, cache), cache = cache)]
        async fn $name($db: $ty, cache: &Cache, $id: i64) -> Found {
            $body
        }
    };
}

mod unique {
    use super::*;

    reader!(whole, db: &mut MyConn, id, Find(id).first(db).await);
    reader!(by_another_field, db: &mut MyConn, id, find(&mut db.0, id).await);
    reader!(optional, db: Option<&mut MyConn>, id, find(&mut db.unwrap().0, id).await);
    reader!(pinned, db: Pin<&mut MyConn>, id, find(&mut db.get_mut().0, id).await);
    reader!(begun, db: &mut MyConn, id, {
        let mut savepoint = db.0.begin().await?;
        find(&mut savepoint, id).await
    });
    reader!(option, db: &mut Opt, id, find(db.0.as_mut().unwrap(), id).await);
    reader!(shards, db: &mut Shards, id, find(db.held.get_mut(&id).unwrap(), id).await);
    reader!(borrowed_anew, db: &mut Session<'_>, id, find(db.conn, id).await);
    reader!(slice, db: &mut [Tx], id, find(&mut db[0], id).await);
    reader!(in_a_tuple, db: (&mut MyConn, u8), id, find(&mut db.0.0, id).await);

    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", skip(db, cache), cache = cache)]
    pub(super) async fn varied(db: &mut Db<'_>, cache: &Cache, id: i64) -> Found {
        match db {
            Db::Pool(pool) => sqlx::query_as(FIND).bind(id).fetch_optional(*pool).await,
            Db::Conn(c) => find(c, id).await,
        }
    }

    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", skip(conn, cache), cache = cache)]
    pub(super) async fn pattern(MyConn(conn): &mut MyConn, cache: &Cache, id: i64) -> Found {
        find(conn, id).await
    }

    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", skip(cx, cache), cache = cache)]
    pub(super) async fn generic<D: Users, C: Send + Sync>(cx: &mut Ctx<D, C>, cache: &Cache, id: i64) -> Found {
        find(cx.db.conn(), id).await
    }

    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", skip(db, cache), cache = cache)]
    pub(super) async fn parameter<D: Users>(db: &mut D, cache: &Cache, id: i64) -> Found {
        find(db.conn(), id).await
    }

    impl MyConn {
        #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", skip(self, cache), cache = cache)]
        pub(super) async fn find(&mut self, cache: &Cache, id: i64) -> Found {
            find(&mut self.0, id).await
        }
    }

    pub(super) async fn in_turn(db: &mut MyConn, cache: &Cache) -> Vec<Found> {
        let mut found = vec![whole(db, cache, 1).await, by_another_field(db, cache, 1).await];
        found.push(optional(Some(db), cache, 1).await);
        found.push(pinned(Pin::new(db), cache, 1).await);
        found.push(begun(db, cache, 1).await);
        found.push(borrowed_anew(&mut Session { conn: &mut db.0 }, cache, 1).await);
        found.push(varied(&mut Db::Conn(&mut db.0), cache, 1).await);
        found.push(pattern(db, cache, 1).await);
        found.push(parameter(&mut db.0, cache, 1).await);
        found.push(in_a_tuple((db, 1), cache, 1).await);
        found.push(db.find(cache, 1).await);
        found
    }

    pub(super) async fn of_one_that_moves(tx: Tx, cache: &Cache) -> Vec<Found> {
        let mut opt = Opt(Some(tx));
        let mut found = vec![option(&mut opt, cache, 1).await];
        let mut shards = Shards { held: HashMap::from([(1, opt.0.take().unwrap())]) };
        found.push(shards_of(&mut shards, cache).await);
        let mut all = [shards.held.remove(&1).unwrap()];
        found.push(slice(&mut all, cache, 1).await);
        let [tx] = all;
        let mut cx = Ctx { db: tx, _sessions: redis_client::Handle };
        found.push(generic(&mut cx, cache, 1).await);
        cx.db.rollback().await.unwrap();
        found
    }

    async fn shards_of(held: &mut Shards, cache: &Cache) -> Found {
        shards(held, cache, 1).await
    }
}

/// Repositories that share a transaction.
struct Repo<'a> {
    tx: &'a Locked,
    cache: Cache,
}
struct Named<'a> {
    conn: &'a Locked,
    cache: Cache,
}
struct Counted {
    tx: Arc<RwLock<Tx>>,
    cache: Cache,
}

macro_rules! with_tx {
    ($this:expr, $tx:ident => $body:expr) => {{
        let mut guard = $this.tx.write().await;
        let $tx = &mut *guard;
        $body
    }};
}

impl Repo<'_> {
    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", refresh = inline, cache = self.cache)]
    async fn find(&self, id: i64) -> Found {
        Find(id).one(self.tx).await
    }
}

impl Named<'_> {
    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", refresh = inline, cache = self.cache)]
    async fn find(&self, id: i64) -> Found {
        Find(id).one(self.conn).await
    }
}

impl Counted {
    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", cache = self.cache)]
    async fn find_copied(&self, id: i64) -> Found {
        let tx = Arc::clone(&self.tx);
        let mut guard = tx.write_owned().await;
        find(&mut guard, id).await
    }

    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", cache = self.cache)]
    async fn find_tried(&self, id: i64) -> Found {
        let mut guard = self.tx.try_write().expect("it is free");
        find(&mut guard, id).await
    }

    #[cached(key = "account:<id>", invalidated_by(AccountMoved { id }), hard_ttl = "10m", cache = self.cache)]
    async fn find_in_a_macro(&self, id: i64) -> Found {
        with_tx!(self, tx => sqlx::query_as(FIND).bind(id).fetch_optional(&mut **tx).await)
    }
}

/// What is behind a unique borrow, and no connection.
mod harmless {
    use super::*;

    #[cached(key = "into:<id>", ttl_only = "a test", hard_ttl = "1m", skip(buffer, cache), cache = cache)]
    pub(super) async fn into_buffer(buffer: &mut Vec<String>, cache: &Cache, id: i64) -> i64 {
        buffer.clear();
        id
    }

    #[cached(key = "counting:<id>", ttl_only = "a test", hard_ttl = "1m", skip(counter, cache), cache = cache)]
    pub(super) async fn counting<C: Extend<i64> + Send>(counter: &mut C, cache: &Cache, id: i64) -> i64 {
        counter.extend([id]);
        id
    }

    pub(super) struct Unit {
        pub(super) seen: i64,
    }

    #[cached(key = "unit:<id>", ttl_only = "a test", hard_ttl = "1m", autocommit(unit), skip(cache), cache = cache)]
    pub(super) async fn as_said(unit: &mut Unit, cache: &Cache, id: i64) -> i64 {
        unit.seen = id;
        id
    }

    #[cached(key = "feed:<id>", ttl_only = "a test", hard_ttl = "1m", skip(tx, cache), cache = cache)]
    pub(super) async fn on_a_channel(tx: &tokio::sync::mpsc::Sender<i64>, cache: &Cache, id: i64) -> i64 {
        tx.send(id).await.expect("it is open");
        id
    }
}

fn all_ghosts(found: Vec<Found>) {
    for (at, found) in found.into_iter().enumerate() {
        assert_eq!(found.expect("it is found").expect("there is one").name, "ghost", "{at}");
    }
}

async fn dirty(bank: &Bank) -> Tx {
    let mut tx = bank.pool.begin().await.unwrap();
    update(&mut tx, 1, "ghost").await.unwrap();
    tx
}

#[tokio::test]
async fn what_is_read_through_a_unique_borrow_is_never_kept() {
    let bank = Bank::open().await;
    let mut conn = MyConn(dirty(&bank).await);
    all_ghosts(unique::in_turn(&mut conn, &bank.cache).await);
    all_ghosts(unique::of_one_that_moves(conn.0, &bank.cache).await);
    let found = unique::varied(&mut Db::Pool(&bank.pool), &bank.cache, 1).await;
    assert_eq!(found.unwrap().unwrap().name, "ann");
    assert_eq!(bank.cache.stats().entries, 0);
}

#[tokio::test]
async fn what_is_read_on_a_field_that_is_called_so_is_never_kept() {
    let bank = Bank::open().await;
    let cache = &bank.cache;
    let locked = Locked(Mutex::new(dirty(&bank).await));
    let found = vec![
        Repo { tx: &locked, cache: cache.clone() }.find(1).await,
        Named { conn: &locked, cache: cache.clone() }.find(1).await,
    ];
    all_ghosts(found);
    let counted = Counted { tx: Arc::new(RwLock::new(locked.0.into_inner())), cache: cache.clone() };
    all_ghosts(vec![counted.find_copied(1).await, counted.find_tried(1).await, counted.find_in_a_macro(1).await]);
    assert_eq!(cache.stats().entries, 0);
}

#[tokio::test]
async fn a_unique_borrow_of_what_holds_no_connection_is_cached() {
    let bank = Bank::open().await;
    let cache = &bank.cache;
    let (tx, mut rx) = tokio::sync::mpsc::channel(8);
    for _ in 0..2 {
        harmless::into_buffer(&mut Vec::new(), cache, 1).await;
        harmless::counting(&mut Vec::new(), cache, 1).await;
        harmless::as_said(&mut harmless::Unit { seen: 0 }, cache, 1).await;
        harmless::on_a_channel(&tx, cache, 1).await;
    }
    assert_eq!(rx.len(), 1);
    rx.close();
    let stats = cache.stats();
    for name in ["into_buffer", "counting", "as_said", "on_a_channel"] {
        let stats = stats.function(name).unwrap();
        assert_eq!((stats.loads, stats.bypasses), (1, 0), "{name}");
    }
}

#[tokio::test]
async fn verify_lists_them_with_what_to_write() {
    let bank = Bank::open().await;
    let mut conn = MyConn(dirty(&bank).await);
    unique::parameter(&mut conn.0, &bank.cache, 1).await.unwrap();
    let warnings = strategy().warnings().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    for (function, why, remedy) in [
        ("unique::whole", "db: &mut MyConn", "`autocommit(db)` in the place of `skip(db)`"),
        ("unique::optional", "db: Option<&mut MyConn>", "`autocommit(db)` in the place of `skip(db)`"),
        ("unique::borrowed_anew", "db.conn", "`autocommit(db)` in the place of `skip(db)`"),
        ("unique::find", "&mut self", "`autocommit(self)` in the place of `skip(self)`"),
        ("find", "self.tx", "`autocommit(self)`"),
        ("find_in_a_macro", "with_tx!(self, …)", "`autocommit(self)`"),
    ] {
        let wanted = format!(
            "every call of `transactions::mentions::{function}` goes past the cache, because of `{why}`: give it a pool, or remove \
             `#[cached]`; if it is in no transaction, or holds no connection, say so: {remedy}"
        );
        assert!(warnings.contains(&wanted), "{wanted}\n{warnings}");
    }
    let noticed = "calls of `transactions::mentions::unique::parameter` with a `&mut Transaction<'_, Sqlite>` went past the cache";
    assert!(warnings.contains(noticed), "{warnings}");
    assert!(!warnings.contains("mentions::harmless"), "{warnings}");
}
