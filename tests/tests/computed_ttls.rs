//! TTLs that a load computes, from the value, from an error, or from what the annotation can name; and `max_ttl`, which bounds them (R26).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use async_trait::async_trait;
use cachemacro::store::Redis;
use cachemacro::testing::Fault;
use cachemacro::{Cache, CacheMode, CallOutcome, ManualClock, Memory, OnOutage, WhyStale, cached, strategy, traced};
use cachemacro_servers::{Options, Standalone};
use cachemacro_tests::{builder, remote};
use serde::{Deserialize, Serialize};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Token {
    number: u64,
    expires_in: Duration,
}

#[derive(Clone, Copy)]
struct Times {
    soft: Duration,
    hard: Duration,
    negative: Option<Duration>,
}

#[derive(Debug, PartialEq)]
enum IssueError {
    Locked(Duration),
    Gone,
    Down,
}

/// Issues tokens with numbers, which expire as it is told.
#[derive(Clone)]
struct Issuer {
    cache: Cache,
    clock: ManualClock,
    issued: Arc<AtomicU64>,
    expires_in: Arc<AtomicU64>,
    /// For so many milliseconds a load lasts.
    takes: Arc<AtomicU64>,
    is_down: Arc<AtomicBool>,
    times: Times,
}

impl Issuer {
    fn new(cache: Cache, clock: ManualClock) -> Self {
        let times = Times { soft: 10 * SECOND, hard: 60 * SECOND, negative: Some(5 * SECOND) };
        let (issued, takes, is_down) = Default::default();
        Self { cache, clock, issued, expires_in: Arc::new(AtomicU64::new(30_000)), takes, is_down, times }
    }

    fn local() -> Self {
        let (builder, clock) = builder();
        Self::new(builder.build(), clock)
    }

    /// In the process, in a shared store, and there with copies in the process.
    fn everywhere() -> [Self; 3] {
        let shared = |has_copies: bool| {
            let (builder, clock) = builder();
            let builder = builder.shared(remote(clock.clone()));
            let builder = if has_copies { builder.memory(Memory::entries(100)) } else { builder };
            Self::new(builder.build(), clock)
        };
        [Self::local(), shared(false), shared(true)]
    }

    fn expire_in(&self, ttl: Duration) {
        self.expires_in.store(ttl.as_millis().try_into().unwrap(), SeqCst);
    }

    fn issue(&self) -> Token {
        let number = self.issued.fetch_add(1, SeqCst) + 1;
        self.clock.advance(Duration::from_millis(self.takes.load(SeqCst)));
        Token { number, expires_in: Duration::from_millis(self.expires_in.load(SeqCst)) }
    }

    fn refuse(&self) -> IssueError {
        let Token { expires_in, .. } = self.issue();
        if self.is_down.load(SeqCst) {
            IssueError::Down
        } else if expires_in.is_zero() {
            IssueError::Gone
        } else {
            IssueError::Locked(expires_in)
        }
    }

    #[cached(key = "token:<_id>", ttl_only = "a test", hard_ttl = |token| token.expires_in, max_ttl = "1h", jitter = "0%", cache = self.cache)]
    async fn token(&self, _id: u64) -> Token {
        self.issue()
    }

    #[cached(
        key = "stale:<_id>", ttl_only = "a test", soft_ttl = |token| token.expires_in / 3, hard_ttl = |token| token.expires_in,
        max_ttl = "1h", jitter = "0%", cache = self.cache
    )]
    async fn aging(&self, _id: u64) -> Result<Token, IssueError> {
        if self.is_down.load(SeqCst) { Err(IssueError::Down) } else { Ok(self.issue()) }
    }

    #[cached(
        key = "stale:<_id>", ttl_only = "a test", soft_ttl = self.times.soft, hard_ttl = "1m", jitter = "0%", refresh = inline,
        cache = self.cache
    )]
    async fn aging_inline(&self, _id: u64) -> Token {
        self.issue()
    }

    #[cached(
        key = "by-self:<_id>", ttl_only = "a test", soft_ttl = self.times.soft, hard_ttl = self.times.hard, negative_ttl = self.times.negative,
        max_ttl = "1h", jitter = "0%", refresh = inline, cache = self.cache
    )]
    async fn by_self(&self, _id: u64) -> Option<Token> {
        let token = self.issue();
        (!self.is_down.load(SeqCst)).then_some(token)
    }

    #[cached(
        key = "sync:<name>", ttl_only = "a test", soft_ttl = self.times.soft, hard_ttl = |token| token.expires_in.max(self.times.soft * 2),
        max_ttl = "1h", jitter = "0%", local, cache = self.cache, cache_if = |_| name.len() < 9
    )]
    fn sync(&self, name: String) -> Token {
        drop(name);
        self.issue()
    }

    #[cached(
        key = "locked:<_id>", ttl_only = "a test", hard_ttl = "10m", jitter = "0%",
        negative_ttl = |error| match error { IssueError::Locked(ttl) => *ttl, _ => Duration::ZERO },
        not_found = |error| !matches!(error, IssueError::Down), absent_as = IssueError::Gone, cache = self.cache
    )]
    async fn refused(&self, _id: u64) -> Result<Token, IssueError> {
        Err(self.refuse())
    }

    #[cached(
        key = "outage:<_id>", ttl_only = "a test", hard_ttl = |token| token.expires_in, max_ttl = "1h", jitter = "0%", cache = self.cache
    )]
    async fn nested(&self, _id: u64) -> Token {
        self.token(_id).await
    }

    /// Lives as long as the token, however long that is.
    #[cached(key = "outer:<_id>", ttl_only = "a test", hard_ttl = "10h", jitter = "0%", cache = self.cache)]
    async fn outer(&self, _id: u64) -> Token {
        self.token(_id).await
    }
}

/// For how many seconds the first value is served, at most so many.
async fn lives<T: PartialEq>(issuer: &Issuer, most: u64, read: impl AsyncFn() -> T) -> u64 {
    let first = read().await;
    let begin = issuer.clock.clone();
    for second in 0..most {
        if read().await != first {
            return second;
        }
        begin.advance(SECOND);
    }
    most
}

#[tokio::test]
async fn a_value_lives_as_long_as_it_says_and_no_longer_than_max_ttl() {
    for issuer in Issuer::everywhere() {
        issuer.expire_in(30 * SECOND);
        assert_eq!(lives(&issuer, 100, async || issuer.token(1).await).await, 30);
        issuer.expire_in(2 * HOUR);
        assert_eq!(lives(&issuer, 8000, async || issuer.token(2).await).await, 3600, "max_ttl");
        issuer.expire_in(Duration::from_millis(1500));
        assert_eq!(lives(&issuer, 100, async || issuer.token(3).await).await, 2, "1.5 s");
    }
}

#[tokio::test]
async fn r26_no_entry_outlives_what_it_says_nor_max_ttl() {
    for issuer in Issuer::everywhere() {
        for id in 0..300 {
            let ttl = Duration::from_millis(fastrand::u64(0..5_400_000));
            issuer.expire_in(ttl);
            issuer.takes.store(fastrand::u64(0..20_000), SeqCst);
            // TTLs count from here.
            let began = cachemacro::Clock::now(&issuer.clock);
            let end = began.after(ttl.min(HOUR));
            let first = if id % 2 == 0 { issuer.token(id).await } else { issuer.aging(id).await.unwrap() };
            loop {
                issuer.clock.advance(Duration::from_millis(fastrand::u64(1..2_000_000)));
                let (answer, trace) = match id % 2 {
                    0 => traced(issuer.token(id)).await,
                    _ => {
                        let (answer, trace) = traced(CacheMode::OnlyIfCached.scope(issuer.aging(id))).await;
                        (answer.unwrap(), trace)
                    }
                };
                if answer != first || trace.outcome == CallOutcome::Loaded {
                    break;
                }
                // It was served at this moment: a load would have moved the clock.
                assert!(cachemacro::Clock::now(&issuer.clock) < end, "{ttl:?}: {trace:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_over_already_is_served_and_not_stored() {
    for issuer in Issuer::everywhere() {
        for (expires_in, takes) in [(0, 0), (2_000, 2_000), (2_000, 3_000)] {
            issuer.expire_in(Duration::from_millis(expires_in));
            issuer.takes.store(takes, SeqCst);
            let before = issuer.issued.load(SeqCst);
            let (token, trace) = traced(issuer.token(takes)).await;
            assert_eq!((token.number, trace.outcome), (before + 1, CallOutcome::LoadedNotStored));
            assert_eq!(issuer.token(takes).await.number, before + 2);
        }
        issuer.takes.store(1_999, SeqCst);
        assert_eq!(traced(issuer.token(9)).await.1.outcome, CallOutcome::Loaded, "a millisecond is left");
        // And it ends what was stored before.
        issuer.takes.store(0, SeqCst);
        issuer.expire_in(HOUR);
        issuer.token(10).await;
        issuer.expire_in(Duration::ZERO);
        let fresh = CacheMode::Refresh.scope(issuer.token(10)).await.number;
        assert_eq!(issuer.token(10).await.number, fresh + 1);
    }
}

#[tokio::test]
async fn callers_that_wait_get_what_is_not_stored() {
    let issuer = Issuer::local();
    issuer.expire_in(Duration::ZERO);
    let (gate, entered) = (Arc::new(tokio::sync::Semaphore::new(0)), Arc::new(tokio::sync::Notify::new()));
    #[cached(key = "gated", ttl_only = "a test", hard_ttl = |token| token.expires_in, max_ttl = "1h", skip(gate, entered, issuer), cache = issuer.cache)]
    async fn gated(issuer: &Issuer, gate: Arc<tokio::sync::Semaphore>, entered: Arc<tokio::sync::Notify>) -> Token {
        entered.notify_one();
        gate.acquire().await.expect("it is never closed").forget();
        issuer.issue()
    }
    let (first, second) = (gated(&issuer, gate.clone(), entered.clone()), async {
        entered.notified().await;
        let waiting = gated(&issuer, gate.clone(), entered.clone());
        gate.add_permits(1);
        waiting.await
    });
    let (first, second) = tokio::join!(biased; first, second);
    assert_eq!((first.number, second.number), (1, 1));
}

#[tokio::test]
async fn a_soft_ttl_is_computed_for_each_value() {
    let issuer = Issuer::local();
    issuer.expire_in(30 * SECOND);
    issuer.aging(1).await.unwrap();
    issuer.clock.advance(9 * SECOND);
    assert_eq!(traced(issuer.aging(1)).await.1.outcome, CallOutcome::Fresh);
    issuer.clock.advance(SECOND);
    // The refresh computes with its own value.
    issuer.expire_in(300 * SECOND);
    let (old, trace) = traced(issuer.aging(1)).await;
    assert_eq!((old.unwrap().number, trace.outcome), (1, CallOutcome::Stale));
    while issuer.aging(1).await.unwrap().number == 1 {
        tokio::task::yield_now().await;
    }
    issuer.clock.advance(99 * SECOND);
    assert_eq!(traced(issuer.aging(1)).await.1.outcome, CallOutcome::Fresh, "100 s, and not 10");
    issuer.clock.advance(SECOND);
    issuer.is_down.store(true, SeqCst);
    assert_eq!(traced(issuer.aging(1)).await.1.outcome, CallOutcome::Stale);
    // The value is served until its own hard TTL while refreshes fail.
    issuer.clock.advance(199 * SECOND);
    assert_eq!(issuer.aging(1).await.unwrap().number, 2);
    issuer.clock.advance(SECOND);
    assert_eq!(issuer.aging(1).await, Err(IssueError::Down));
}

#[tokio::test]
async fn a_refresh_that_is_not_worth_storing_drops_the_stale_value() {
    for issuer in Issuer::everywhere() {
        issuer.expire_in(30 * SECOND);
        issuer.aging(1).await.unwrap();
        issuer.clock.advance(10 * SECOND);
        issuer.expire_in(Duration::ZERO);
        assert_eq!(issuer.aging(1).await.unwrap().number, 1, "stale");
        while issuer.aging(1).await.unwrap().number == 1 {
            tokio::task::yield_now().await;
        }
        let last = issuer.issued.load(SeqCst);
        assert_eq!(issuer.aging(1).await.unwrap().number, last + 1, "nothing is stored");
    }
}

/// Those that are zero: the first refresh that fails is followed by a pause of a second all the same.
#[tokio::test]
async fn the_pause_after_a_failed_refresh_goes_by_the_entrys_own_soft_ttl() {
    for (expires_in, pauses) in [(30, [1, 2, 4]), (9, [1, 2, 3])] {
        let issuer = Issuer::local();
        issuer.expire_in(expires_in * SECOND);
        issuer.aging(1).await.unwrap();
        issuer.clock.advance((expires_in / 3).into_duration());
        issuer.is_down.store(true, SeqCst);
        let mut left = expires_in - expires_in / 3;
        for pause in pauses {
            if left <= pause {
                break;
            }
            let refreshed = traced(issuer.aging(1)).await.1;
            assert_eq!(refreshed.outcome, CallOutcome::Stale);
            tokio::task::yield_now().await;
            let held_off = traced(issuer.aging(1)).await.1;
            assert_eq!(held_off.stale, Some(WhyStale::RefreshFailed), "{expires_in}: {pause}");
            issuer.clock.advance(pause.into_duration() - Duration::from_millis(1));
            assert_eq!(traced(issuer.aging(1)).await.1.stale, Some(WhyStale::RefreshFailed));
            issuer.clock.advance(Duration::from_millis(1));
            left -= pause;
        }
    }
}

trait IntoDuration {
    fn into_duration(self) -> Duration;
}

impl IntoDuration for u32 {
    fn into_duration(self) -> Duration {
        self * SECOND
    }
}

#[tokio::test]
async fn expressions_over_self_are_ttls() {
    for mut issuer in Issuer::everywhere() {
        assert_eq!(lives(&issuer, 100, async || issuer.by_self(1).await).await, 10, "it is refreshed by its reader");
        issuer.times.soft = HOUR;
        assert_eq!(lives(&issuer, 100, async || issuer.by_self(2).await).await, 60, "soft is within hard");
        issuer.times.hard = 2 * HOUR;
        issuer.times.soft = 2 * HOUR;
        assert_eq!(lives(&issuer, 8000, async || issuer.by_self(3).await).await, 3600, "max_ttl");
        assert_eq!(
            lives(&issuer, 100, async || issuer.aging_inline(4).await).await,
            60,
            "a fixed hard TTL is the bound"
        );
        issuer.is_down.store(true, SeqCst);
        let absences = async |issuer: &Issuer, id| {
            let before = issuer.issued.load(SeqCst);
            lives(issuer, 5000, async || {
                issuer.by_self(id).await;
                issuer.issued.load(SeqCst) == before + 1
            })
            .await
        };
        assert_eq!(absences(&issuer, 5).await, 5);
        issuer.times.negative = None;
        assert_eq!(absences(&issuer, 6).await, 3600, "`None` is the longest that is allowed");
        issuer.times.negative = Some(Duration::ZERO);
        assert_eq!(absences(&issuer, 7).await, 0);
        (issuer.times.negative, issuer.times.hard) = (Some(HOUR), 7 * SECOND);
        assert_eq!(absences(&issuer, 8).await, 7, "negative is within hard");
    }
}

#[test]
fn a_sync_function_computes_them_also_on_the_thread_of_a_refresh() {
    let issuer = Issuer::local();
    let name = || "a name".to_owned();
    issuer.expire_in(Duration::ZERO);
    assert_eq!(issuer.sync(name()).number, 1);
    issuer.clock.advance(10 * SECOND);
    assert_eq!(issuer.sync(name()).number, 1, "stale");
    while issuer.sync(name()).number == 1 {
        std::thread::yield_now();
    }
    issuer.clock.advance(9 * SECOND);
    assert_eq!(issuer.sync(name()).number, 2, "fresh");
    issuer.clock.advance(11 * SECOND);
    assert_eq!(issuer.sync(name()).number, 3, "20 s have passed");
    let long = "a longer name";
    assert!(issuer.sync(long.to_owned()).number < issuer.sync(long.to_owned()).number, "it is not kept");
}

#[tokio::test]
async fn an_error_says_how_long_it_is_an_absence() {
    for issuer in Issuer::everywhere() {
        let absences = async |id| {
            let before = issuer.issued.load(SeqCst);
            lives(&issuer, 5000, async || {
                issuer.refused(id).await.unwrap_err();
                issuer.issued.load(SeqCst) == before + 1
            })
            .await
        };
        issuer.expire_in(20 * SECOND);
        assert_eq!(absences(1).await, 20);
        issuer.expire_in(HOUR);
        assert_eq!(absences(2).await, 600, "hard_ttl");
        issuer.expire_in(Duration::ZERO);
        assert_eq!(absences(3).await, 0);
        issuer.is_down.store(true, SeqCst);
        assert_eq!(absences(4).await, 0, "no absence at all");
    }
}

#[tokio::test]
async fn an_absence_without_an_error_is_not_kept_where_the_error_tells_for_how_long() {
    #[derive(Debug)]
    struct Locked(Duration);
    #[cached(
        key = "both:<_id>", ttl_only = "a test", hard_ttl = "1h", negative_ttl = |error| error.0, not_found = Locked(SECOND), jitter = "0%",
        cache = issuer.cache, skip(issuer)
    )]
    async fn both(issuer: &Issuer, _id: u64) -> Result<Option<u64>, Locked> {
        issuer.issue();
        if _id == 0 { Ok(None) } else { Err(Locked(SECOND)) }
    }
    let issuer = Issuer::local();
    for (id, loads) in [(0, 2), (1, 1)] {
        issuer.issued.store(0, SeqCst);
        let _ = (both(&issuer, id).await.is_ok(), both(&issuer, id).await.is_ok());
        assert_eq!(issuer.issued.load(SeqCst), loads, "{id}");
    }
}

#[tokio::test]
async fn an_entry_lives_no_longer_than_what_it_was_loaded_from() {
    for issuer in Issuer::everywhere() {
        issuer.expire_in(30 * SECOND);
        issuer.token(1).await;
        issuer.clock.advance(10 * SECOND);
        assert_eq!(lives(&issuer, 100, async || issuer.outer(1).await).await, 20, "of the token's 30 s 10 have passed");
        issuer.token(2).await;
        issuer.clock.advance(10 * SECOND);
        assert_eq!(lives(&issuer, 100, async || issuer.nested(2).await).await, 20, "it says 30 s");
        issuer.expire_in(Duration::ZERO);
        let before = issuer.issued.load(SeqCst);
        issuer.outer(3).await;
        issuer.outer(3).await;
        assert_eq!(issuer.issued.load(SeqCst), before + 2, "what is not stored is made into no entry");
    }
}

#[tokio::test]
async fn on_redis_an_entry_ends_by_its_computed_ttl() {
    let server = Standalone::start(Options::default());
    for has_copies in [false, true] {
        let redis = Redis::url(server.url()).expect("a url").timeout(Duration::from_secs(5));
        let builder = Cache::builder().namespace(if has_copies { "near" } else { "far" }).shared(redis);
        let builder = if has_copies { builder.memory(Memory::entries(100)) } else { builder };
        let issuer = Issuer::new(builder.build(), ManualClock::default());
        issuer.expire_in(Duration::ZERO);
        assert_eq!((issuer.token(1).await.number, issuer.token(1).await.number), (1, 2));
        issuer.expire_in(HOUR);
        assert_eq!((issuer.token(1).await.number, issuer.token(1).await.number), (3, 3));
        issuer.expire_in(Duration::from_millis(300));
        let fresh = CacheMode::Refresh.scope(issuer.token(1)).await.number;
        tokio::time::sleep(Duration::from_millis(350)).await;
        assert_eq!(issuer.token(1).await.number, fresh + 1);
    }
}

#[tokio::test]
async fn in_an_outage_a_copy_lives_as_long_as_it_says() {
    let (builder, clock) = builder();
    let store = remote(clock.clone());
    let builder = builder.shared(store.clone()).memory(Memory::entries(100)).on_outage(OnOutage::ServeLocal);
    let issuer = Issuer::new(builder.build(), clock);
    store.inject_everywhere(Fault::Error);
    issuer.expire_in(30 * SECOND);
    assert_eq!(lives(&issuer, 100, async || issuer.token(1).await).await, 30);
    issuer.expire_in(Duration::ZERO);
    let before = issuer.issued.load(SeqCst);
    issuer.token(2).await;
    issuer.token(2).await;
    assert_eq!(issuer.issued.load(SeqCst), before + 2);
}

#[tokio::test]
async fn a_closure_that_panics_is_a_load_that_panics() {
    #[cached(
        key = "panics", ttl_only = "a test", hard_ttl = |value| { assert!(*value > 1, "the TTL panics"); SECOND }, max_ttl = "1h", skip(issuer),
        cache = issuer.cache
    )]
    async fn panics(issuer: &Issuer) -> u64 {
        issuer.issue().number
    }
    let issuer = Issuer::local();
    let call = {
        let issuer = issuer.clone();
        tokio::spawn(async move { panics(&issuer).await })
    };
    assert!(call.await.is_err_and(|error| error.is_panic()));
    assert_eq!((panics(&issuer).await, panics(&issuer).await), (2, 2), "nothing is poisoned");
}

// What an annotation can name.

static GLOBAL: AtomicU64 = AtomicU64::new(5);

fn config() -> Times {
    let ttl = Duration::from_secs(GLOBAL.load(SeqCst));
    Times { soft: ttl, hard: ttl, negative: None }
}

mod arguments {
    use super::*;

    #[cached(key = "global:<id>", ttl_only = "a test", hard_ttl = config().hard, max_ttl = "1m", jitter = "0%", skip(now), cache = cache)]
    pub(super) async fn global(cache: &Cache, id: u64, now: u64) -> u64 {
        id + now
    }

    #[cached(
        key = "argument:<tenant>", ttl_only = "a test", hard_ttl = Duration::from_secs(tenant.len() as u64), max_ttl = "1m", jitter = "0%", local,
        skip(now), cache = cache
    )]
    pub(super) fn of_an_argument(cache: &Cache, tenant: String, now: u64) -> (String, u64) {
        (tenant, now)
    }

    /// The body takes what the closures name.
    #[cached(
        key = "both:<tenant>", ttl_only = "a test", hard_ttl = |now| SECOND * (tenant.len() as u32) + SECOND * (*now as u32), max_ttl = "1m",
        jitter = "0%", skip(now), cache = cache, cache_if = |_| !tenant.is_empty()
    )]
    pub(super) async fn of_both(cache: &Cache, tenant: String, now: u64) -> u64 {
        drop(tenant);
        now
    }

    #[cached(
        key = "mut:<id>", ttl_only = "a test", hard_ttl = *ttl, max_ttl = "1m", jitter = "0%", local, skip(ttl, now), cache = cache
    )]
    pub(super) fn of_a_unique_borrow(cache: &Cache, id: u64, ttl: &mut Duration, now: u64) -> u64 {
        *ttl += SECOND;
        id + now
    }

    #[cached(
        key = "pattern:<id>", ttl_only = "a test", hard_ttl = |_| Duration::from_secs(id), max_ttl = "1m", jitter = "0%",
        skip(now), cache = cache
    )]
    pub(super) async fn of_a_pattern(cache: &Cache, (id, now): (u64, u64)) -> u64 {
        id + now
    }

    #[cached(key = "generic:<id>", ttl_only = "a test", hard_ttl = ttl.clone().into(), max_ttl = "1m", jitter = "0%", skip(ttl, now), cache = cache)]
    pub(super) async fn generic<T: Into<Duration> + Clone + Send + Sync + 'static>(
        cache: &Cache,
        id: u64,
        ttl: T,
        now: u64,
    ) -> u64 {
        let _ = ttl;
        id + now
    }
}

#[tokio::test]
async fn arguments_and_functions_are_ttls() {
    let Issuer { cache, clock, .. } = Issuer::local();
    let mut seen: [Vec<u64>; 6] = Default::default();
    for now in 0..8 {
        let mut ttl = 3 * SECOND;
        let served = [
            arguments::global(&cache, 0, now).await,
            arguments::of_an_argument(&cache, "four".to_owned(), now).1,
            arguments::of_both(&cache, "ab".to_owned(), now).await,
            arguments::of_a_unique_borrow(&cache, 0, &mut ttl, now),
            arguments::of_a_pattern(&cache, (2, now)).await - 2,
            arguments::generic(&cache, 0, 6 * SECOND, now).await,
        ];
        seen.iter_mut().zip(served).for_each(|(seen, served)| seen.push(served));
        clock.advance(SECOND);
        tokio::task::yield_now().await;
    }
    assert_eq!(seen[0], [0, 0, 0, 0, 0, 5, 5, 5], "a function");
    assert_eq!(seen[1], [0, 0, 0, 0, 4, 4, 4, 4], "an argument");
    assert_eq!(seen[2], [0, 0, 2, 2, 2, 2, 6, 6], "the value and an argument");
    assert_eq!(seen[3], [0, 0, 0, 3, 3, 3, 6, 6], "a unique borrow, before the body has changed it");
    assert_eq!(seen[4], [0, 0, 2, 2, 4, 4, 6, 6], "a name of a pattern");
    assert_eq!(seen[5], [0, 0, 0, 0, 0, 0, 6, 6], "in a generic function");
}

#[async_trait]
trait Repository: Send + Sync {
    async fn find(&self, id: u64) -> Result<u64, Box<dyn std::error::Error + Send + Sync>>;
}

#[async_trait]
impl Repository for Issuer {
    #[cached(
        key = "row:<id>", ttl_only = "a test", soft_ttl = self.times.soft / 2, hard_ttl = |row| self.times.hard.min(Duration::from_secs(*row)),
        max_ttl = "1h", jitter = "0%", cache = self.cache
    )]
    async fn find(&self, id: u64) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
        let _ = id;
        Ok(self.issue().number + 7)
    }
}

#[tokio::test]
async fn a_method_of_a_trait_object_reads_them_from_self_also_in_the_background() {
    let issuer = Issuer::local();
    let repository: Arc<dyn Repository> = Arc::new(issuer.clone());
    let find = async || {
        tokio::spawn({
            let repository = repository.clone();
            async move { repository.find(1).await.unwrap() }
        })
        .await
        .unwrap()
    };
    assert_eq!(find().await, 8);
    issuer.clock.advance(4 * SECOND);
    assert_eq!(find().await, 8);
    issuer.clock.advance(SECOND);
    assert_eq!(find().await, 8, "stale");
    while find().await == 8 {
        tokio::task::yield_now().await;
    }
    issuer.is_down.store(true, SeqCst);
    issuer.clock.advance(4 * SECOND);
    assert_eq!(find().await, 9, "fresh for 5 s");
    issuer.clock.advance(5 * SECOND);
    assert_eq!(find().await, 10, "9 s have passed");
}

#[test]
fn the_strategy_tells_the_bound_and_what_is_computed() {
    let strategy = strategy();
    let told = |name: &str| strategy.function(name).expect("it is registered");
    let token = told("token");
    assert_eq!((token.max_staleness, token.timing.hard_ttl, token.timing.soft_ttl), (HOUR, HOUR, HOUR));
    let computed: Vec<_> =
        token.timing.computed.iter().map(|ttl| (ttl.attribute.as_str(), ttl.expression.as_str())).collect();
    assert_eq!(computed, [("hard_ttl", "|token| token.expires_in")]);
    let sentences = token.staleness.join("\n");
    assert!(sentences.contains("At most: 1h = max_ttl 1h (always fresh) + source lag."), "{sentences}");
    assert!(
        sentences.contains("`hard_ttl = |token| token.expires_in`: computed in each load, at most 1h (`max_ttl`)."),
        "{sentences}"
    );
    let document = strategy.to_markdown();
    assert!(
        document.contains("`soft_ttl = self.times.soft`: computed in each load, at most 1m (`hard_ttl`)."),
        "{document}"
    );
    assert!(strategy.to_json().contains("\"attribute\": \"negative_ttl\""));
    assert_eq!(told("by_self").max_staleness_of_absence, Some(HOUR));
    assert_eq!(told("aging_inline").max_staleness, 60 * SECOND);
    assert!(strategy.to_markdown().contains("keeps `Token`; it has no version (opaque mode); shared where the cache has a shared store, refreshed in the background"));
}
