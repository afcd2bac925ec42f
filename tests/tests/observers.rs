//! Observers: told of every cached call in a scope or of a cache, also where it is a plain hit.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachemacro::{
    AnsweredCall, Cache, CacheEvent, CacheMode, CallOutcome, Observer, Tier, WhyStale, cached, invalidates, observed,
    observed_sync, traced,
};
use cachemacro_tests::{builder, cache};

#[derive(Clone, Debug, CacheEvent)]
#[event(name = "renamed", key = "user:<id>", version = version)]
struct Renamed {
    id: u64,
    version: u64,
}

#[derive(Clone, Debug, CacheEvent)]
#[event(name = "moved", key = "team:<team>")]
struct Moved {
    team: u64,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct User {
    id: u64,
    version: u64,
}

#[cached(
    key = "user:<id>",
    version_from = |user| user.version,
    invalidated_by(Renamed { id }),
    soft_ttl = "1m",
    hard_ttl = "10m",
    negative_ttl = "30s",
    jitter = "0%",
)]
async fn user(id: u64) -> Option<User> {
    (id < 100).then_some(User { id, version: 7 })
}

#[cached(
    key = "member:<id>:<team>",
    version_from = |user| user.version,
    invalidated_by(Renamed { id }, Moved { team }),
    soft_ttl = "2m",
    hard_ttl = "20m",
    jitter = "0%",
)]
async fn member(id: u64, team: u64) -> User {
    let _ = team;
    User { id, version: 7 }
}

#[cached(key = "page:<id>", invalidated_by(Renamed { id }), soft_ttl = "5m", hard_ttl = "1h", jitter = "0%")]
async fn page(id: u64) -> String {
    format!("{:?}", user(id).await)
}

#[cached(key = "square:<of>", ttl_only = "a test", hard_ttl = "1m", jitter = "0%", local)]
fn square(of: u64) -> u64 {
    of * of
}

#[cached(key = "failing:<of>", ttl_only = "a test", hard_ttl = "1m", jitter = "0%")]
async fn failing(of: u64) -> Result<u64, String> {
    Err(format!("no {of}"))
}

struct Transaction;

#[cached(key = "in:<id>", invalidated_by(Renamed { id }), hard_ttl = "1h", jitter = "0%", bypass_if = tx.is_some(), skip(tx))]
async fn in_transaction(id: u64, tx: Option<&mut Transaction>) -> String {
    let _ = tx;
    format!("{:?}", user(id).await)
}

#[invalidates(Renamed { id, version: 8 })]
async fn rename(id: u64) {}

/// One answered call, in words.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    function: &'static str,
    outcome: CallOutcome,
    tier: Option<Tier>,
    version: Option<u64>,
    ttls: Option<(u64, u64)>,
    is_absent: bool,
    is_inside_load: bool,
    aggregates: Vec<(String, Option<u64>)>,
}

#[derive(Default)]
struct Log {
    told: Mutex<Vec<Told>>,
    wants_aggregates: bool,
}

impl Log {
    fn with_aggregates() -> Arc<Self> {
        Arc::new(Self { wants_aggregates: true, ..Self::default() })
    }

    fn take(&self) -> Vec<Told> {
        std::mem::take(&mut self.told.lock().unwrap())
    }

    fn outcomes(&self) -> Vec<CallOutcome> {
        self.take().into_iter().map(|told| told.outcome).collect()
    }
}

impl Observer for Log {
    fn answered(&self, call: &AnsweredCall<'_>) {
        let function = call.function().rsplit("::").next().unwrap();
        let ttls = call.soft_ttl().map(|soft| (soft.as_secs(), call.hard_ttl().unwrap().as_secs()));
        self.told.lock().unwrap().push(Told {
            function,
            outcome: call.outcome(),
            tier: call.tier(),
            version: call.version(),
            ttls,
            is_absent: call.is_absent(),
            is_inside_load: call.is_inside_load(),
            aggregates: call.aggregates().map(|(name, version)| (name.to_owned(), version)).collect(),
        });
    }

    fn wants_aggregates(&self) -> bool {
        self.wants_aggregates
    }
}

fn told(function: &'static str, outcome: CallOutcome, tier: Tier, ttls: (u64, u64)) -> Told {
    Told {
        function,
        outcome,
        tier: Some(tier),
        version: Some(7),
        ttls: Some(ttls),
        is_absent: false,
        is_inside_load: false,
        aggregates: Vec::new(),
    }
}

#[tokio::test]
async fn a_load_and_a_hit_are_told_with_what_is_left_of_their_ttls() {
    let (cache, clock) = cache();
    cache
        .scope(async {
            let log = Arc::new(Log::default());
            observed(Arc::clone(&log), user(1)).await;
            assert_eq!(log.take(), [told("user", CallOutcome::Loaded, Tier::Loader, (60, 600))]);
            clock.advance(Duration::from_secs(20));
            observed(Arc::clone(&log), user(1)).await;
            assert_eq!(log.take(), [told("user", CallOutcome::Fresh, Tier::Local, (40, 580))]);
            user(1).await;
            assert_eq!(log.take(), [], "outside of the scope");
        })
        .await;
}

#[tokio::test]
async fn an_absence_is_told_as_one() {
    let (cache, _) = cache();
    cache
        .scope(async {
            let log = Arc::new(Log::default());
            let calls = async {
                user(100).await;
                user(100).await;
            };
            observed(Arc::clone(&log), calls).await;
            let all = log.take();
            let outcomes: Vec<_> = all.iter().map(|told| (told.outcome, told.is_absent, told.ttls)).collect();
            let ttls = Some((30, 30));
            assert_eq!(outcomes, [(CallOutcome::Loaded, true, ttls), (CallOutcome::Negative, true, ttls)]);
        })
        .await;
}

#[tokio::test]
async fn the_aggregates_are_told_to_an_observer_that_wants_them() {
    let (cache, _) = cache();
    cache
        .scope(async {
            let log = Log::with_aggregates();
            let calls = async {
                member(1, 2).await;
                member(1, 2).await;
                user(1).await;
            };
            observed(Arc::clone(&log), calls).await;
            let named = |name: &str, version| (name.to_owned(), Some(version));
            let all = log.take();
            assert_eq!(all[0].aggregates, [named("user:1", 7), named("team:2", 0)]);
            assert_eq!(all[1].aggregates, all[0].aggregates, "a hit depends on what its load depended on");
            assert_eq!(all[1].outcome, CallOutcome::Fresh);
            assert_eq!(all[2].aggregates, [named("user:1", 7)]);
        })
        .await;
}

#[tokio::test]
async fn what_a_stored_value_is_made_of_bounds_it_and_is_not_told() {
    let (cache, _) = cache();
    cache
        .scope(async {
            // Its first row moves the record that both depend on, so it comes before.
            user(1).await;
            let log = Arc::new(Log::default());
            let calls = async {
                page(1).await;
                page(1).await;
            };
            observed(Arc::clone(&log), calls).await;
            let all = log.take();
            let seen: Vec<_> = all.iter().map(|told| (told.function, told.outcome, told.ttls)).collect();
            let ttls = Some((60, 600));
            assert_eq!(seen, [("page", CallOutcome::Loaded, ttls), ("page", CallOutcome::Fresh, ttls)]);
        })
        .await;
}

#[tokio::test]
async fn what_a_bypassed_call_is_made_of_is_told() {
    let (cache, _) = cache();
    cache
        .scope(async {
            user(1).await;
            let log = Arc::new(Log::default());
            observed(Arc::clone(&log), in_transaction(1, Some(&mut Transaction))).await;
            let all = log.take();
            let seen: Vec<_> = all.iter().map(|told| (told.function, told.outcome, told.is_inside_load)).collect();
            assert_eq!(seen, [("user", CallOutcome::Fresh, true), ("in_transaction", CallOutcome::Bypassed, false)]);
            assert_eq!((all[0].ttls, all[1].ttls), (Some((60, 600)), None));
            let (_, trace) = traced(in_transaction(1, Some(&mut Transaction))).await;
            assert_eq!(trace.outcome, CallOutcome::Bypassed, "the trace is that of the call, not of one inside");
        })
        .await;
}

#[tokio::test]
async fn scopes_inside_one_another_are_all_told() {
    let (cache, _) = cache();
    cache
        .scope(async {
            let (outer, inner) = (Arc::new(Log::default()), Arc::new(Log::default()));
            let calls = async {
                user(1).await;
                observed(Arc::clone(&inner), user(1)).await;
                let (_, trace) = traced(user(1)).await;
                assert_eq!(trace.outcome, CallOutcome::Fresh);
            };
            observed(Arc::clone(&outer), calls).await;
            assert_eq!(outer.outcomes(), [CallOutcome::Loaded, CallOutcome::Fresh, CallOutcome::Fresh]);
            assert_eq!(inner.outcomes(), [CallOutcome::Fresh]);
        })
        .await;
}

#[tokio::test]
async fn a_stale_answer_says_why() {
    let (cache, clock) = cache();
    cache
        .scope(async {
            user(1).await;
            clock.advance(Duration::from_secs(61));
            let (_, trace) = traced(CacheMode::OnlyIfCached.scope(user(1))).await;
            assert_eq!((trace.outcome, trace.stale), (CallOutcome::Stale, Some(WhyStale::OnlyIfCached)));
            let (_, trace) = traced(user(1)).await;
            assert_eq!((trace.outcome, trace.stale), (CallOutcome::Stale, Some(WhyStale::Refreshing)));
        })
        .await;
}

#[tokio::test]
async fn a_mode_and_an_observer_work_together() {
    let (cache, _) = cache();
    cache
        .scope(async {
            let log = Arc::new(Log::default());
            let calls = async {
                CacheMode::OnlyIfCached.scope(user(1)).await;
                CacheMode::Refresh.scope(user(1)).await;
                CacheMode::OnlyIfCached.scope(user(1)).await;
                CacheMode::Bypass.scope(user(1)).await;
                let _ = failing(1).await;
            };
            observed(Arc::clone(&log), calls).await;
            use CallOutcome::*;
            assert_eq!(log.outcomes(), [Refused, Loaded, Fresh, Bypassed, Failed]);
        })
        .await;
}

#[tokio::test]
async fn an_event_is_followed_by_a_load() {
    let (cache, _) = cache();
    cache
        .scope(async {
            let log = Arc::new(Log::default());
            let calls = async {
                user(1).await;
                rename(1).await;
                user(1).await;
            };
            observed(Arc::clone(&log), calls).await;
            assert_eq!(log.outcomes()[..1], [CallOutcome::Loaded]);
        })
        .await;
}

#[tokio::test]
async fn the_observer_of_a_cache_is_told_of_all_calls() {
    let log = Log::with_aggregates();
    let cache = builder().0.observer(Arc::clone(&log)).build();
    cache
        .scope(async {
            user(1).await;
            page(1).await;
            let (_, trace) = traced(page(1)).await;
            assert_eq!(trace.outcome, CallOutcome::Fresh);
        })
        .await;
    let all = log.take();
    let seen: Vec<_> = all.iter().map(|told| (told.function, told.outcome, told.is_inside_load)).collect();
    assert_eq!(
        seen,
        [
            ("user", CallOutcome::Loaded, false),
            ("user", CallOutcome::Fresh, true),
            ("page", CallOutcome::Loaded, false),
            ("page", CallOutcome::Fresh, false)
        ]
    );
    assert_eq!(all[3].aggregates, [("user:1".to_owned(), Some(7))]);
}

#[test]
fn sync_calls_are_told() {
    let (cache, _) = cache();
    cache.scope_sync(|| {
        let log = Arc::new(Log::default());
        observed_sync(Arc::clone(&log), || {
            square(3);
            square(3);
        });
        assert_eq!(log.outcomes(), [CallOutcome::Loaded, CallOutcome::Fresh]);
    });
}

/// An observer whose own calls are cached.
struct Asking(AtomicU64);

impl Observer for Asking {
    fn answered(&self, _: &AnsweredCall<'_>) {
        self.0.fetch_add(square(2), SeqCst);
    }
}

#[test]
fn the_calls_of_an_observer_are_not_observed() {
    let asking = Arc::new(Asking(AtomicU64::new(0)));
    let cache = Cache::builder().observer(Arc::clone(&asking)).build();
    cache.scope_sync(|| {
        observed_sync(Arc::clone(&asking), || square(3));
    });
    assert_eq!(asking.0.load(SeqCst), 8, "told once for the scope, and once for the cache");
}
