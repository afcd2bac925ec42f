//! The examples of cachemacro/src/guide/testing.md, as a suite with a fresh database for each test.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachemacro::{Cache, CacheEvent, ManualClock, Memory, WithCache, cached, invalidates};

#[derive(Clone, Debug, CacheEvent)]
#[event(name = "user.renamed", key = "user:<id>")]
struct UserRenamed {
    id: u64,
}

/// Stands for a database that is made anew for each test.
#[derive(Clone)]
struct Db(Arc<Mutex<String>>);

impl Db {
    async fn fresh() -> Self {
        Self(Arc::new(Mutex::new("Ada".to_owned())))
    }

    async fn name(&self, id: u64) -> String {
        let _ = id;
        self.0.lock().expect("no panic").clone()
    }

    async fn rename(&self, id: u64, name: &str) {
        let _ = id;
        name.clone_into(&mut self.0.lock().expect("no panic"));
    }
}

#[cached(key = "user:<id>", invalidated_by(UserRenamed { id }), hard_ttl = "10m", skip(db))]
async fn user_name(id: u64, db: Db) -> String {
    db.name(id).await
}

#[invalidates(UserRenamed { id })]
async fn rename(id: u64, name: &str, db: Db) {
    db.rename(id, name).await;
}

async fn isolated<T>(test: impl Future<Output = T>) -> T {
    let cache = Cache::builder().clock(ManualClock::default()).build();
    let output = cache.scope(test).await;
    cache.assert_no_findings();
    output
}

#[tokio::test]
async fn a_user_has_a_name() {
    let db = Db::fresh().await;
    let cache = Cache::builder().build();
    cache
        .scope(async {
            assert_eq!(user_name(1, db.clone()).await, "Ada");
        })
        .await;
}

#[tokio::test]
async fn a_renamed_user_has_the_new_name() {
    let db = Db::fresh().await;
    isolated(async {
        assert_eq!(user_name(1, db.clone()).await, "Ada");
        rename(1, "Grace", db.clone()).await;
        assert_eq!(user_name(1, db.clone()).await, "Grace");
        let task = { async move { user_name(1, db).await } }.with_cache(&Cache::current());
        assert_eq!(tokio::spawn(task).await.expect("it ends"), "Grace");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_kept_and_everything_is_right() {
    let db = Db::fresh().await;
    let cache = Cache::builder().memory(Memory::entries(0)).build();
    cache
        .scope(async {
            assert_eq!(user_name(1, db.clone()).await, "Ada");
            db.rename(1, "Grace").await;
            assert_eq!(user_name(1, db.clone()).await, "Grace");
        })
        .await;
}

#[tokio::test]
async fn an_entry_ends_when_the_clock_says_so() {
    let db = Db::fresh().await;
    let clock = ManualClock::default();
    let cache = Cache::builder().clock(clock.clone()).build();
    cache
        .scope(async {
            assert_eq!(user_name(1, db.clone()).await, "Ada");
            db.rename(1, "Grace").await;
            assert_eq!(user_name(1, db.clone()).await, "Ada");
            clock.advance(Duration::from_secs(601));
            assert_eq!(user_name(1, db.clone()).await, "Grace");
        })
        .await;
}

/// `axum` spawns a task for each connection, which no scope around the server reaches.
#[tokio::test]
async fn a_middleware_gives_handlers_the_scope() {
    use axum::extract::Request;
    use axum::middleware::{Next, from_fn};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let (db, cache, around) = (Db::fresh().await, Cache::builder().build(), Cache::builder().build());
    let handler = move || async move { user_name(1, db).await };
    let app = axum::Router::new().route("/", axum::routing::get(handler));
    let scoped = cache.clone();
    let app = app.layer(from_fn(move |request: Request, next: Next| {
        let cache = scoped.clone();
        async move { next.run(request).with_cache(&cache).await }
    }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move { axum::serve(listener, app).await }.with_cache(&around));
    let mut client = tokio::net::TcpStream::connect(address).await.expect("a server");
    client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.expect("a request");
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("an answer");
    server.abort();
    assert!(answer.ends_with("Ada"), "{answer}");
    let loads = |cache: &Cache| cache.stats().function("user_name").map_or(0, |stats| stats.loads);
    assert_eq!((loads(&cache), loads(&around)), (1, 0));
}
