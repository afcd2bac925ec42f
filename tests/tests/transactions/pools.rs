//! Pools of other crates, and what is taken from them.

use std::convert::Infallible;
use std::io;

use cachemacro::{Cache, cached};
use cachemacro_tests::cache;
use deadpool::managed::{Metrics, RecycleResult};

/// A connection to nothing.
struct Conn;

struct Manager;

impl r2d2::ManageConnection for Manager {
    type Connection = Conn;
    type Error = io::Error;
    fn connect(&self) -> io::Result<Conn> {
        Ok(Conn)
    }
    fn is_valid(&self, _: &mut Conn) -> io::Result<()> {
        Ok(())
    }
    fn has_broken(&self, _: &mut Conn) -> bool {
        false
    }
}

impl bb8::ManageConnection for Manager {
    type Connection = Conn;
    type Error = Infallible;
    async fn connect(&self) -> Result<Conn, Infallible> {
        Ok(Conn)
    }
    async fn is_valid(&self, _: &mut Conn) -> Result<(), Infallible> {
        Ok(())
    }
    fn has_broken(&self, _: &mut Conn) -> bool {
        false
    }
}

impl deadpool::managed::Manager for Manager {
    type Type = Conn;
    type Error = Infallible;
    async fn create(&self) -> Result<Conn, Infallible> {
        Ok(Conn)
    }
    async fn recycle(&self, _: &mut Conn, _: &Metrics) -> RecycleResult<Infallible> {
        Ok(())
    }
}

/// A repository's own trait, with the name that such traits have.
trait Executor: Send {}
impl<E: Send> Executor for E {}

#[cached(key = "x:<id>", ttl_only = "a test", hard_ttl = "1m", skip(db, cache), cache = cache)]
async fn find(db: impl Executor, cache: &Cache, id: u64) -> u64 {
    drop(db);
    id
}

#[tokio::test]
async fn pools_are_cached_and_what_is_taken_from_them_is_not() {
    let (cache, _) = cache();
    let bypasses = || cache.stats().function("find").map_or(0, |stats| stats.bypasses);
    let r2d2 = r2d2::Pool::builder().max_size(1).build(Manager).expect("a pool");
    let bb8 = bb8::Pool::builder().max_size(1).build(Manager).await.expect("a pool");
    let deadpool = deadpool::managed::Pool::<Manager>::builder(Manager).max_size(1).build().expect("a pool");
    for _ in 0..2 {
        find(&r2d2, &cache, 1).await;
        find(r2d2.clone(), &cache, 1).await;
        find(&bb8, &cache, 1).await;
        find(bb8.clone(), &cache, 1).await;
        find(&deadpool, &cache, 1).await;
        find(std::sync::Arc::new(deadpool.clone()), &cache, 1).await;
    }
    assert_eq!(bypasses(), 0);
    assert_eq!(cache.stats().function("find").expect("it was called").loads, 6, "one for each type");
    find(r2d2.get().expect("a connection"), &cache, 1).await;
    assert_eq!(bypasses(), 1);
    find(bb8.get().await.expect("a connection"), &cache, 1).await;
    assert_eq!(bypasses(), 2);
    find(deadpool.get().await.expect("a connection"), &cache, 1).await;
    assert_eq!(bypasses(), 3);
    find(&mut Conn, &cache, 1).await;
    assert_eq!(bypasses(), 4);
}
