//! Bodies, and what is found in them.

use syn::parse_quote;

use super::*;
use crate::model::spelling::tidy;
use crate::validate::function;

fn found(body: &str) -> Option<String> {
    let body: Block = syn::parse_str(body).expect(body);
    let function = function::read(parse_quote!(async fn f(&mut self, uow: &mut Uow, db: Db<'_>, id: u64) -> u64 #body));
    find(&function, |_| false).map(|held| format!("{} in {}", tidy(&held.expr), held.root))
}

fn all(cases: &[(&str, &str)]) {
    for (body, expected) in cases {
        assert_eq!(found(body).as_deref(), Some(*expected), "{body}");
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
        ("{ DerefMut::deref_mut(&mut self.tx).fetch_one(q).await }", "&mut self.tx in self"),
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
        ("{ find(Some(&mut self.transaction), id).await }", "&mut self.transaction in self"),
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
fn pools_and_the_bodys_own_transactions_are_not() {
    for body in [
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
        "{ match db { Db::Pool(p) => q.fetch_one(p).await, Db::Tx(t) => save(t).await } }",
        "{ let pool = &self.pool; dbg!(q.fetch_one(pool).await?) }",
        "{ self.conn.lock().unwrap().execute(\"update x\", []) }",
    ] {
        assert_eq!(found(body), None, "{body}");
    }
}
