//! What functions and their instances are called on a real server.

mod golden;
mod processes;
mod random;
mod shared;

use std::cell::RefCell;
use std::time::Duration;

use cachemacro::Cache;
use cachemacro::store::Redis;
use cachemacro_servers::{Options, Standalone};

thread_local! {
    static CACHE: RefCell<Option<Cache>> = const { RefCell::new(None) };
}

/// The cache of this test, or of this process.
fn cache() -> Cache {
    CACHE.with_borrow(|cache| cache.clone()).expect("the test has opened one")
}

/// Another process of the fleet, from now on.
fn open(url: &str) -> Cache {
    let redis = Redis::url(url).expect("a url").timeout(Duration::from_secs(5));
    let cache = Cache::builder().namespace("shop").shared(redis).build();
    CACHE.set(Some(cache.clone()));
    cache
}

fn server() -> Standalone {
    let server = Standalone::start(Options::default());
    open(&server.url());
    server
}

/// The names of functions in the keys of entries, sorted.
fn names(server: &Standalone) -> Vec<String> {
    let keys = server.command(&["KEYS", "*"]).expect("it answers");
    let entries = keys.lines().filter_map(|key| {
        let (_, rest) = key.split_once("}:")?;
        let (name, token) = rest.rsplit_once(':')?;
        token.starts_with(['s', 'v']).then(|| name.to_owned())
    });
    let mut names: Vec<_> = entries.collect();
    names.sort();
    names
}
