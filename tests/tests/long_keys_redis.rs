//! What a process remembers of the entries on a server is bounded by bytes. A process of its own: the test measures its memory.

use std::fs;
use std::time::Duration;

use cachemacro::store::Redis;
use cachemacro::{Cache, cached};
use cachemacro_servers::{Options, Standalone};

const KEYS: usize = 1_000;
const LENGTH: usize = 20_000;

#[cached(key = "text:<text>", hard_ttl = "10m", ttl_only = "a test", consistency = strict, cache = cache, skip(cache))]
async fn length(cache: &Cache, text: &str) -> u64 {
    text.len() as u64
}

/// The resident memory of this process, in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("a Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is there");
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kilobytes << 10
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn long_keys_do_not_fill_the_memory_of_the_process() {
    let server = Standalone::start(Options::default());
    let redis = Redis::url(server.url()).expect("an address").timeout(Duration::from_secs(5));
    let cache = Cache::builder().shared(redis).build();
    let text = |id: usize| format!("{id:0LENGTH$}");
    length(&cache, &text(0)).await;
    let before = resident();
    for id in 0..KEYS {
        // The second call finds the entry, and remembers where.
        length(&cache, &text(id)).await;
        length(&cache, &text(id)).await;
    }
    let grown = resident().saturating_sub(before) >> 20;
    println!("{KEYS} keys of {LENGTH} bytes: {grown} MiB");
    assert_eq!(cache.stats().function("length").expect("called").loads, KEYS as u64);
    assert!(grown < 80, "{grown} MiB for {KEYS} keys of {LENGTH} bytes");
}
