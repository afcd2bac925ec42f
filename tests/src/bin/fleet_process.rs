//! One process of a fleet, for tests that kill processes: waits for a line on its input, calls one cold key from many tasks
//! at once, and says how that went.
//!
//! Arguments: the Redis url, the namespace, a file that takes one line per load, how many callers, and how long a load takes
//! in milliseconds. Every caller that got the row counts as answered.

use std::fs::OpenOptions;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use cachemacro::store::Redis;
use cachemacro::{Cache, cached};
use cachemacro_tests::{Row, RowUpdated};

#[derive(Clone)]
struct Repository {
    cache: Cache,
    loads: String,
    load: Duration,
}

impl Repository {
    #[cached(key = "row:<id>", version_from = |row| row.version, invalidated_by(RowUpdated { id }), hard_ttl = "10m", cache = self.cache)]
    async fn row(&self, id: u64) -> Option<Row> {
        let mut loads = OpenOptions::new().append(true).create(true).open(&self.loads).expect("the file of loads");
        writeln!(loads, "{}", std::process::id()).expect("the file of loads takes a line");
        tokio::time::sleep(self.load).await;
        Some(Row { id, version: 1 })
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what| arguments.next().unwrap_or_else(|| panic!("the argument `{what}` is missing"));
    let redis = Redis::url(next("url")).expect("a Redis url");
    // The machine may be so busy that it is not the server that is slow.
    let redis = redis.timeout(Duration::from_secs(5));
    let namespace = next("namespace");
    let loads = next("file of loads");
    let callers: u64 = next("callers").parse().expect("a number of callers");
    let load = Duration::from_millis(next("load").parse().expect("milliseconds"));
    let repository = Repository { cache: Cache::builder().namespace(namespace).shared(redis).build(), loads, load };

    println!("ready");
    std::io::stdin().lock().read_line(&mut String::new()).expect("a line to begin with");
    let began = Instant::now();
    let calls: Vec<_> = (0..callers)
        .map(|_| {
            let repository = repository.clone();
            tokio::spawn(async move { repository.row(1).await.is_some() })
        })
        .collect();
    let mut answered = 0;
    for call in calls {
        answered += u64::from(call.await.expect("no caller panics"));
    }
    println!("answered {answered} in {} ms", began.elapsed().as_millis());
}
