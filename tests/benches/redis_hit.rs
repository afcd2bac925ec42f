//! A hit in Redis beside a plain `GET` of the client with a decode behind it: 64 callers, turn by turn in one run.
//!
//! `cargo bench -p cachemacro-tests --bench redis_hit`. Prints reads per second of both and their ratio, round by round.
//! `CACHEMACRO_BENCH_ROUNDS` (9) and `CACHEMACRO_BENCH_READS` (40,000 a round) say how much.

use std::sync::Arc;
use std::time::Instant;

use cachemacro::store::Redis;
use cachemacro::{Cache, CacheEvent, cached};
use cachemacro_servers::{Options, Standalone};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};

const CALLERS: u64 = 64;
const KEYS: u64 = 1_000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    version: u64,
    name: String,
    email: String,
    about: String,
}

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated {
    id: u64,
    version: u64,
}

fn user(id: u64) -> User {
    User {
        id,
        version: 1,
        name: format!("User {id}"),
        email: format!("user{id}@example.org"),
        about: "Reads much, writes little, and never says the same thing twice. ".repeat(3),
    }
}

#[derive(Clone)]
struct Users {
    cache: Cache,
}

impl Users {
    #[cached(key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }), hard_ttl = "1h", cache = self.cache)]
    async fn find(&self, id: u64) -> Option<User> {
        Some(user(id))
    }
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Reads per second of 64 callers.
async fn measure<F: Future<Output = User> + Send>(reads: u64, read: impl Fn(u64) -> F + Clone + Send + 'static) -> f64 {
    let began = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let read = read.clone();
            tokio::spawn(async move {
                for step in 0..reads / CALLERS {
                    let id = (caller * 7_919 + step * 104_729) % KEYS;
                    assert_eq!(read(id).await.id, id);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("no caller panics");
    }
    reads as f64 / began.elapsed().as_secs_f64()
}

async fn get(mut connection: MultiplexedConnection, id: u64) -> User {
    let bytes: Vec<u8> = connection.get(format!("raw:{id}")).await.expect("the server answers");
    postcard::from_bytes(&bytes).expect("a user")
}

#[tokio::main]
async fn main() {
    let server = Standalone::start(Options::default());
    let client = redis::Client::open(server.url()).expect("a url");
    let mut connection = client.get_multiplexed_async_connection().await.expect("the server is there");
    let users = Users { cache: Cache::builder().namespace("bench").redis(Redis::from(client)).build() };
    for id in 0..KEYS {
        let bytes = postcard::to_stdvec(&user(id)).expect("encodes");
        let _: () = connection.set(format!("raw:{id}"), bytes).await.expect("the server answers");
        users.find(id).await;
    }

    let users = Arc::new(users);
    let reads = setting("CACHEMACRO_BENCH_READS", 40_000);
    let mut ratios = Vec::new();
    for round in 0..setting("CACHEMACRO_BENCH_ROUNDS", 9) {
        let raw_connection = connection.clone();
        let raw = measure(reads, move |id| get(raw_connection.clone(), id)).await;
        let cached = Arc::clone(&users);
        let hit = measure(reads, move |id| {
            let users = Arc::clone(&cached);
            async move { users.find(id).await.expect("a user") }
        })
        .await;
        println!("round {round}: GET {raw:.0}/s, hit {hit:.0}/s, ratio {:.2}", hit / raw);
        ratios.push(hit / raw);
    }
    ratios.sort_by(f64::total_cmp);
    let stats = users.cache.stats();
    let find = stats.function("find").expect("called");
    println!("median ratio {:.2}; {} hits, {} loads", ratios[ratios.len() / 2], find.hits(), find.loads);
}
