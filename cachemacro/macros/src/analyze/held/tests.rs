//! Bodies, and what is found in them.

use syn::parse_quote;

use super::*;
use crate::analyze::function;

fn found(of: FunctionKind, body: &str) -> Option<String> {
    let body: Block = syn::parse_str(body).expect(body);
    let function = function::read(parse_quote!(
        async fn f(&mut self, uow: &mut Uow, db: Db<'_>, shared: &Shared, MyConn(tx): &mut MyConn, id: u64) -> u64 #body
    ));
    find(&function, of, |_| false).map(|held| format!("{} in {}", held.spelled, held.root))
}

/// What readers and writers are alike in.
fn all(cases: &[(&str, &str)]) {
    for (body, expected) in cases {
        assert_eq!(found(FunctionKind::Writer, body).as_deref(), Some(*expected), "{body}");
        assert_eq!(found(FunctionKind::Reader, body).as_deref(), Some(*expected), "{body}");
    }
}

fn none(of: FunctionKind, bodies: &[&str]) {
    for body in bodies {
        assert_eq!(found(of, body), None, "{body}");
    }
}

#[test]
fn queries_on_what_is_held_are_found() {
    all(&[
        ("{ query(id).fetch_one(&mut *self.tx).await }", "&mut *self.tx in self"),
        ("{ Ok(sqlx::query!(\"x\", id).execute(&mut **uow.conn).await?) }", "&mut **uow.conn in uow"),
        ("{ users.filter(id).first(&mut uow.conn) }", "&mut uow.conn in uow"),
        ("{ self.tx.query_one(\"x\", &[&id]).await }", "self.tx in self"),
        ("{ Entity::find_by_id(id).one(&uow.tx).await }", "&uow.tx in uow"),
        ("{ query(id).fetch_all(&mut **uow).await }", "&mut **uow in uow"),
        ("{ Executor::fetch_one(&mut *self.tx, query).await }", "&mut *self.tx in self"),
        ("{ (&mut *self.conn).fetch_one(query).await }", "(&mut *self.conn) in self"),
    ]);
}

#[test]
fn queries_by_way_of_methods_are_found() {
    all(&[
        ("{ q.fetch_optional(uow.tx.as_mut()).await }", "uow.tx.as_mut() in uow"),
        ("{ q.fetch_optional(self.tx.deref_mut()).await }", "self.tx.deref_mut() in self"),
        ("{ q.fetch_optional(&mut *self.conn.lock().await).await }", "&mut *self.conn.lock().await in self"),
        ("{ q.execute(&mut **self.tx.lock().await).await }", "&mut **self.tx.lock().await in self"),
        ("{ q.load(&mut *self.conn.borrow_mut()) }", "&mut *self.conn.borrow_mut() in self"),
        ("{ q.fetch_one(&mut **self.tx.as_mut().unwrap()).await }", "&mut **self.tx.as_mut().unwrap() in self"),
        ("{ q.fetch_optional({ &mut *self.tx }).await }", "{ &mut *self.tx } in self"),
        ("{ self.tx.lock().await.query_opt(\"x\", &[]).await }", "self.tx.lock().await in self"),
        ("{ DerefMut::deref_mut(&mut self.tx).fetch_one(q).await }", "DerefMut::deref_mut(&mut self.tx) in self"),
    ]);
}

#[test]
fn queries_by_way_of_names_are_found() {
    all(&[
        ("{ let tx = &mut self.tx; q.fetch_one(&mut **tx).await }", "&mut **tx in self"),
        ("{ let conn = &mut *self.tx; q.fetch_one(conn).await }", "conn in self"),
        ("{ let mut guard = self.held.lock().await; q.fetch_one(&mut **guard).await }", "&mut **guard in self"),
        ("{ let Uow { tx, .. } = uow; q.fetch_one(&mut **tx).await }", "&mut **tx in uow"),
        ("{ let Uow { tx, .. } = uow; find(tx, id).await }", "tx in uow"),
        (
            "{ match db { Db::Pool(p) => q.fetch_one(p).await, Db::Tx(t) => q.fetch_one(&mut ***t).await } }",
            "&mut ***t in db",
        ),
        ("{ match db { Db::Pool(p) => p.query_one(\"\").await, Db::Tx(t) => t.query_one(\"\").await } }", "t in db"),
        ("{ match db { Db::Pool(p) => q.fetch_one(p).await, Db::Tx(t) => save(t).await } }", "t in db"),
        ("{ if let Some(tx) = &mut self.tx { return q.fetch_one(&mut **tx).await } 0 }", "&mut **tx in self"),
        ("{ let Some(tx) = self.tx.as_mut() else { return 0 }; find(tx, id).await }", "tx in self"),
        ("{ let tx = &self.tx; Entity::find_by_id(id).one(tx).await }", "tx in self"),
        ("{ for c in &mut self.all { q.execute(&mut *c).await?; } 0 }", "&mut *c in self"),
        ("{ let mut tx = self.tx.take().unwrap(); q.execute(&mut *tx).await?; tx.commit().await }", "&mut *tx in self"),
    ]);
}

#[test]
fn what_is_handed_on_is_found_by_its_name() {
    all(&[
        ("{ find(&mut self.tx, id).await }", "&mut self.tx in self"),
        ("{ find(&mut uow.tx, id).await }", "&mut uow.tx in uow"),
        ("{ self.users.find(&mut **uow.conn, id).await }", "&mut **uow.conn in uow"),
        ("{ find(Some(&mut self.transaction), id).await }", "Some(&mut self.transaction) in self"),
    ]);
}

#[test]
fn queries_in_macros_are_found() {
    all(&[
        ("{ dbg!(q.fetch_optional(&mut *self.tx).await?) }", "&mut *self.tx in self"),
        ("{ try_stream! { let tx = &mut self.tx; yield q.fetch_one(&mut **tx).await?; } }", "&mut **tx in self"),
        (
            "{ tokio::select! { row = q.fetch_one(&mut *self.tx) => row, () = stopped() => 0 } }",
            "&mut *self.tx in self",
        ),
        ("{ retry!(3 times => find(&mut uow.tx, id)) }", "&mut uow.tx in uow"),
    ]);
}

#[test]
fn a_mention_of_a_transaction_counts_in_any_position() {
    all(&[
        ("{ find(self.tx, id).await }", "self.tx in self"),
        ("{ Entity::find_by_id(id).one(self.tx).await }", "self.tx in self"),
        ("{ by_ref(&self.tx, id).await }", "&self.tx in self"),
        ("{ Entity::find_by_id(id).count(&shared.tx).await }", "&shared.tx in shared"),
        ("{ Entity::find().paginate(&shared.tx, 10).fetch_page(0).await }", "&shared.tx in shared"),
        ("{ shared.tx.query_typed(\"x\", &[]).await }", "shared.tx in shared"),
        ("{ let q = shared.tx.prepare_cached(\"x\").await?; 0 }", "shared.tx in shared"),
        ("{ shared.db_tx.anything(id) }", "shared.db_tx in shared"),
        ("{ Repo { users: &shared.tx }.find(id).await }", "&shared.tx in shared"),
        ("{ find(self.tx(), id).await }", "self.tx() in self"),
        ("{ q.fetch_one(uow.txn_mut()).await }", "uow.txn_mut() in uow"),
        ("{ run(&mut self.tx.0, id) }", "&mut self.tx.0 in self"),
        ("{ run(tx, id).await }", "tx in tx"),
    ]);
}

#[test]
fn initialisers_are_followed() {
    all(&[
        (
            "{ let tx = match self.tx.as_mut() { Some(tx) => tx, None => return 0 }; q.execute(&mut **tx) }",
            "tx in self",
        ),
        ("{ let t = if let Some(t) = &mut uow.tx { t } else { return 0 }; q.execute(&mut **t) }", "t in uow"),
        ("{ let c = if id > 0 { &mut *uow.tx } else { unreachable!() }; q.execute(c) }", "&mut *uow.tx in uow"),
        ("{ let t; t = &mut uow.tx; q.execute(&mut **t) }", "&mut **t in uow"),
        ("{ let (t, q) = (&mut uow.tx, Q); q.execute(&mut **t) }", "&mut **t in uow"),
        ("{ let t = uow.tx.as_mut().context(\"x\")?; q.execute(&mut **t) }", "&mut **t in uow"),
        ("{ let t = uow.tx.as_mut().map(|t| &mut **t).unwrap(); q.execute(t) }", "&mut **t in uow"),
        ("{ self.tx.as_mut().map(first).unwrap().await }", "self.tx.as_mut() in self"),
        ("{ let mut sp = uow.tx.begin().await?; q.execute(&mut *sp).await }", "uow.tx in uow"),
        ("{ let c = uow.tx.acquire().await?; q.execute(&mut *c).await }", "uow.tx in uow"),
        ("{ let t = shared.tx.clone(); let mut g = t.lock().await; run(&mut **g) }", "&mut **g in shared"),
        (
            "{ let t = Arc::clone(&shared.tx); q.execute(&mut **t.lock_owned().await) }",
            "&mut **t.lock_owned().await in shared",
        ),
        ("{ let mut g = shared.tx.try_write()?; q.execute(&mut **g) }", "&mut **g in shared"),
        ("{ let c = DerefMut::deref_mut(&mut uow.db); q.execute(c) }", "c in uow"),
        ("{ let t = uow.txs.get_mut(&id).unwrap(); q.execute(&mut **t) }", "&mut **t in uow"),
        ("{ for tx in uow.txs.values_mut() { run(&mut **tx).await?; } 0 }", "&mut **tx in uow"),
        ("{ let conn: &mut SqliteConnection = &mut uow.db; run(conn) }", "conn in uow"),
    ]);
}

#[test]
fn connections_that_are_handed_on_or_locked_are_found() {
    all(&[
        ("{ find(uow.conn, id).await }", "uow.conn in uow"),
        ("{ users.find(id).first(self.conn) }", "self.conn in self"),
        ("{ q.fetch_one(db.conn).await }", "db.conn in db"),
        ("{ let conn: &mut SqliteConnection = uow.conn; run(conn) }", "conn in uow"),
        ("{ let Cx { conn } = db; users.load(conn) }", "conn in db"),
        ("{ match uow { Db::Conn(c) => run(c, id).await, Db::Pool(p) => 0 } }", "c in uow"),
        ("{ match db { Db::Conn(c) => run(c, id).await, Db::Pool(p) => 0 } }", "c in db"),
        ("{ shared.conn.lock().unwrap().query_row(\"x\", [], read) }", "shared.conn.lock().unwrap() in shared"),
        ("{ find(&mut shared.conn.borrow_mut(), id) }", "&mut shared.conn.borrow_mut() in shared"),
        ("{ let c = shared.conn.clone(); let g = c.lock().await; run(&g) }", "&g in shared"),
        ("{ users.find(id).first(uow) }", "uow in uow"),
        ("{ Repo { conn: uow.conn }.find(id) }", "uow.conn in uow"),
    ]);
}

#[test]
fn macros_with_a_grammar_of_their_own_are_read_as_tokens() {
    all(&[
        ("{ with_tx!(shared, c => q.fetch_one(&mut **c).await) }", "with_tx!(shared, …) in shared"),
        ("{ in_session!(shared, |c| => q.fetch_one(&mut **c).await) }", "in_session!(shared, …) in shared"),
        ("{ go!(use shared.tx => id) }", "shared.tx in shared"),
        ("{ let t = &shared.tx; go!(use t => id) }", "t in shared"),
    ]);
    none(
        FunctionKind::Reader,
        &["{ go!(send shared.tx.send(id) => x) }", "{ trace!(?shared, id => 1) }", "{ go!(use shared.id => x) }"],
    );
}

#[test]
fn what_may_be_a_row_counts_for_readers() {
    for body in [
        "{ match shared { Event::Tx(row) => save(row), _ => 0 } }",
        "{ for tx in &shared.all { fee(tx); } 0 }",
        "{ if let Job::Transaction(row) = shared { row.fee() } else { 0 } }",
        "{ find(&mut *shared.db.lock().await, id).await }",
    ] {
        assert_eq!(found(FunctionKind::Writer, body), None, "{body}");
        assert!(found(FunctionKind::Reader, body).is_some(), "{body}");
    }
}

#[test]
fn an_argument_that_is_called_a_transaction_counts_for_readers() {
    let of = |of, item| find(&function::read(item), of, |_| false).is_some();
    assert!(of(
        FunctionKind::Reader,
        parse_quote!(
            fn f(tx: &MyTx, id: u64) {
                find(tx, id)
            }
        )
    ));
    assert!(!of(
        FunctionKind::Writer,
        parse_quote!(
            fn f(tx: &Tx, id: u64) {
                save(tx, id)
            }
        )
    ));
    assert!(!of(
        FunctionKind::Reader,
        parse_quote!(
            fn f(tx: &Sender, id: u64) {
                tx.send(id)
            }
        )
    ));
    assert!(!of(
        FunctionKind::Reader,
        parse_quote!(
            fn f(tx: &Row) {
                tx.amount
            }
        )
    ));
}

#[test]
fn pools_and_the_bodys_own_transactions_are_not() {
    let bodies = [
        "{ query(id).fetch_one(&self.pool).await }",
        "{ query(id).fetch_one(&self.conn).await }",
        "{ let mut tx = self.pool.begin().await?; query(id).fetch_one(&mut *tx).await }",
        "{ let mut tx = self.pool.begin().await?; find(&mut *tx, id).await }",
        "{ let mut conn = self.conn.acquire().await?; find(&mut conn, id).await }",
        "{ let mut uow = self.pool.begin().await?; query(id).fetch_one(&mut *uow).await }",
        "{ match self.pool.begin().await { Ok(mut tx) => find(&mut tx, id).await, Err(_) => 0 } }",
        "{ query(id).fetch_one(&mut *self.pool.acquire().await?).await }",
        "{ query(id).load(&mut self.pool.get()?) }",
        "{ self.conn.transaction(|conn| users.load(conn)) }",
        "{ let mut conn = self.conn.clone(); cmd.query_async(&mut conn).await }",
        "{ cmd.query_async(&mut self.conn).await }",
        "{ self.tx.send(id).await }",
        "{ let tx = self.tx.clone(); tx.send(id).await }",
        "{ tokio::select! { r = self.tx.send(id) => r, () = stopped() => 0 } }",
        "{ let Uow { tx, .. } = uow; tx.send(id).await }",
        "{ names.iter().all(&mut self.predicate) }",
        "{ Entity::find_by_id(id).one(&self.db).await }",
        "{ self.rng.fill(&mut self.buffer) }",
        "{ let pool = &self.pool; dbg!(q.fetch_one(pool).await?) }",
        "{ let Some(tx) = &self.tx else { return 0 }; tx.send(id).await }",
        "{ if let Some(tx) = self.tx.as_ref() { tx.try_send(id).ok(); } 0 }",
        "{ self.tx.as_ref().map(|tx| tx.send(id)); 0 }",
        "{ if self.tx.is_closed() { return 0 } self.tx.subscribe().recv().await }",
        "{ self.tx.lock().await.send(id).await }",
        "{ self.tx = None; 0 }",
        "{ notify(self.shutdown_tx.clone()); 0 }",
        "{ let conn = &mut self.conn; cmd.query_async(conn).await }",
        "{ cmd.query_async(&mut *self.conn.lock().await).await }",
        "{ connect(self.connection.url) }",
        "{ match uow { Db::Pool(p) => q.fetch_one(p).await, _ => 0 } }",
        "{ q.fetch_one(*uow.db).await }",
        "{ fee(shared.order.transaction.id) }",
        "{ let this = self.clone(); query(id).fetch_one(&this.pool).await }",
    ];
    none(FunctionKind::Reader, &bodies);
    none(FunctionKind::Writer, &bodies);
}
