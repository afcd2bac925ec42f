//! How long a browser may keep a value: a text, a constant, and a constant of a type.

use std::time::Duration;

use cachemacro::cached;

const BROWSER: Duration = Duration::from_secs(30);

#[cached(key = "one:<id>", ttl_only = "x", hard_ttl = "1m", browser_ttl = "30s")]
async fn one(id: u64) -> u64 {
    id
}

#[cached(key = "two:<id>", ttl_only = "x", hard_ttl = "1m", browser_ttl = BROWSER, public)]
async fn two(id: u64) -> u64 {
    id
}

trait Kept {
    const TTL: Duration;
}

struct Page;

impl Kept for Page {
    const TTL: Duration = Duration::from_secs(20);
}

#[cached(key = "three:<id>", ttl_only = "x", hard_ttl = "1m", browser_ttl = K::TTL, public)]
async fn three<K: Kept>(id: u64) -> u64 {
    id
}

#[cached(key = "four:<id>", ttl_only = "x", hard_ttl = |_| BROWSER, max_ttl = "1m", browser_ttl = "1m", local, cache_if = |id| *id > 1)]
fn four(id: u64) -> u64 {
    id
}

#[tokio::main]
async fn main() {
    tokio::spawn(async {
        assert_eq!((one(1).await, two(2).await, three::<Page>(3).await, four(4)), (1, 2, 3, 4));
    })
    .await
    .unwrap();
}
