//! TTLs that are constants of a type: each instance of a function has its own, and the strategy tells what is known of them.

use std::time::Duration;

use cachemacro::{Cache, cached, strategy};
use cachemacro_tests::cache;

trait Kind {
    const TTL: Duration;
}

struct Short;
impl Kind for Short {
    const TTL: Duration = Duration::from_secs(2);
}

struct Long;
impl Kind for Long {
    const TTL: Duration = Duration::from_secs(8);
}

struct Rows<K>(K);
impl<K: Kind> Rows<K> {
    #[cached(key = "row", ttl_only = "a test", hard_ttl = K::TTL, jitter = "0%", local, skip(now), cache = cache)]
    fn read(cache: &Cache, now: u64) -> u64 {
        now
    }

    #[cached(key = "stale", ttl_only = "a test", hard_ttl = "1h", soft_ttl = K::TTL, jitter = "0%", local, skip(now), refresh = inline, cache = cache)]
    fn stale(cache: &Cache, now: u64) -> u64 {
        now
    }

    #[cached(key = "absent", ttl_only = "a test", hard_ttl = "1h", negative_ttl = <K as Kind>::TTL, jitter = "0%", local, skip(loads), cache = cache)]
    fn absent(cache: &Cache, loads: &mut u64) -> Option<u64> {
        *loads += 1;
        None
    }
}

impl Short {
    #[cached(key = "never", ttl_only = "a test", hard_ttl = Self::TTL, soft_ttl = "1s", local)]
    fn never() -> u64 {
        7
    }

    #[cached(key = "once", ttl_only = "a test", hard_ttl = Self::TTL, local)]
    fn once() -> u64 {
        7
    }
}

#[test]
fn each_instance_has_the_ttl_of_its_type() {
    let (cache, clock) = cache();
    let (mut short, mut long) = (0, 0);
    for now in 0..10 {
        let expected = (now / 2 * 2, now / 8 * 8);
        assert_eq!((Rows::<Short>::read(&cache, now), Rows::<Long>::read(&cache, now)), expected, "{now} s: hard");
        assert_eq!((Rows::<Short>::stale(&cache, now), Rows::<Long>::stale(&cache, now)), expected, "{now} s: soft");
        Rows::<Short>::absent(&cache, &mut short);
        Rows::<Long>::absent(&cache, &mut long);
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!((short, long), (5, 2), "absences");
}

#[test]
fn the_strategy_tells_what_is_known() {
    let told = |name: &str| {
        let strategy = strategy();
        let function = strategy.function(name).expect("it is registered");
        (function.max_staleness, function.staleness.iter().find(|told| told.contains("Self::TTL")).cloned())
    };
    let (bound, unknown) = told("never");
    assert_eq!(bound, Duration::from_secs(36_500 * 86_400));
    assert!(unknown.is_some_and(|told| told.starts_with("`hard_ttl = Self::TTL`: the times are known when")));
    assert_eq!(Short::once(), 7);
    let (bound, known) = told("once");
    assert_eq!(bound, Short::TTL);
    assert!(known.is_some_and(|told| told.contains("first called with")));
    let _ = Short::never;
}
