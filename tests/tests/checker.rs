//! Reads of annotated functions on all threads at once, while writers commit, roll back and use version numbers
//! again, events come late, twice, in any order or never, replicas lag, callers give up, and the cache is far too small.
//!
//! Values carry the number of their content, so each read is held against the row's history: it must have been current
//! after the newest commit that was acknowledged before the read began (G2, G6, G7), and no longer ago than its TTL and
//! the source's lag (G1).
//!
//! `CACHEMACRO_CHECK_READS` sets how many reads there are: a hundred thousand, and a million in `cargo xtask soak`.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachemacro::{Cache, CacheEvent, Clock, ManualClock, Memory, Moment, cached, load_hint};
use serde::{Deserialize, Serialize};

const ROWS: usize = 24;
const READERS: u64 = 8;
const WRITERS: u64 = 2;
/// Half of what is read, so that entries and index records come and go.
const ENTRIES: u64 = 70;
const TTL: Duration = Duration::from_secs(10);
/// How far replicas lag.
const LAG: Duration = Duration::from_millis(500);
/// Rising rows that only one function reads, and whose events never arrive: only the TTL ends what is cached of them (G1).
const SILENT: usize = 2;
/// How many reads share one tick of the clock.
const READS_PER_TICK: u64 = 64;
const TICK: Duration = Duration::from_millis(5);
/// Events that may be under way before one must arrive.
const UNDER_WAY: usize = 32;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Value {
    version: u64,
    content: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "rising.moved", key = "rising:<id>", version = version)]
struct RisingMoved {
    id: u64,
    version: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "rising.restored", key = "rising:<id>", version = version, restores = of)]
struct RisingRestored {
    id: u64,
    version: u64,
    of: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "reused.moved", key = "reused:<id>", version = version)]
struct ReusedMoved {
    id: u64,
    version: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "reused.rolled-back", key = "reused:<id>", rollback_to = to)]
struct ReusedRolledBack {
    id: u64,
    to: u64,
}

/// In `Rising` rows versions only rise; in `Reused` ones a rollback lets them be used again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Rising,
    Reused,
}

#[derive(Clone, Copy, Debug)]
struct State {
    version: u64,
    /// `None` while the row is deleted.
    content: Option<u64>,
    since: Moment,
    rolled_back: bool,
    acknowledged: bool,
}

/// A row, with every state it was ever in. A state's place is called its position.
struct Row {
    history: Mutex<Vec<State>>,
    /// The positions that a rollback or restore can still reach.
    timeline: Mutex<Vec<usize>>,
    /// What a read that begins now may not fall behind.
    promised: AtomicUsize,
}

#[derive(Clone, Copy)]
enum Announcement {
    Moved,
    Restored { of: u64 },
    RolledBack,
}

/// An event under way.
#[derive(Clone, Copy)]
struct UnderWay {
    kind: Kind,
    id: usize,
    version: u64,
    position: usize,
    announcement: Announcement,
}

#[derive(Default)]
struct Faults {
    duplicates: AtomicU64,
    lost: AtomicU64,
    rollbacks: AtomicU64,
    restores: AtomicU64,
    cancelled: AtomicU64,
    from_replicas: AtomicU64,
}

impl Faults {
    fn sum(&self) -> u64 {
        let Self { duplicates, lost, rollbacks, restores, cancelled, from_replicas } = self;
        let all = [duplicates, lost, rollbacks, restores, cancelled, from_replicas];
        all.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Default)]
struct Violations {
    count: u64,
    first: Option<String>,
}

struct World {
    rising: Vec<Row>,
    reused: Vec<Row>,
    clock: ManualClock,
    next_content: AtomicU64,
    under_way: Mutex<Vec<UnderWay>>,
    faults: Faults,
    reads: AtomicU64,
    /// The reads that writers wait for, so that there are so many of them to each write.
    target: u64,
    violations: Mutex<Violations>,
}

/// What the application holds: its tables, and its cache.
#[derive(Clone)]
struct Repository {
    world: Arc<World>,
    cache: Cache,
}

impl Repository {
    #[cached(
        key = "rising:<id>",
        version_from = |value| value.version,
        invalidated_by(RisingMoved { id }, RisingRestored { id }),
        hard_ttl = "10s",
        negative_ttl = "5s",
        cache = self.cache
    )]
    async fn rising_row(&self, id: u64) -> Option<Value> {
        self.world.load(Kind::Rising, id).await
    }

    #[cached(key = "rising:<id>", invalidated_by(RisingMoved { id }, RisingRestored { id }), hard_ttl = "10s", cache = self.cache)]
    async fn rising_opaque(&self, id: u64) -> Option<Value> {
        self.world.load(Kind::Rising, id).await
    }

    #[cached(
        key = "rising:<id>",
        version_from = self.world.version(Kind::Rising, id).await,
        invalidated_by(RisingMoved { id }, RisingRestored { id }),
        hard_ttl = "10s",
        cache = self.cache
    )]
    async fn rising_source(&self, id: u64) -> Option<Value> {
        self.world.load(Kind::Rising, id).await
    }

    #[cached(
        key = "reused:<id>",
        version_from = |value| value.version,
        invalidated_by(ReusedMoved { id }, ReusedRolledBack { id }),
        hard_ttl = "10s",
        negative_ttl = "5s",
        cache = self.cache
    )]
    async fn reused_row(&self, id: u64) -> Option<Value> {
        self.world.load(Kind::Reused, id).await
    }

    #[cached(key = "reused:<id>", invalidated_by(ReusedMoved { id }, ReusedRolledBack { id }), hard_ttl = "10s", cache = self.cache)]
    async fn reused_opaque(&self, id: u64) -> Option<Value> {
        self.world.load(Kind::Reused, id).await
    }

    #[cached(
        key = "reused:<id>",
        version_from = self.world.version(Kind::Reused, id).await,
        invalidated_by(ReusedMoved { id }, ReusedRolledBack { id }),
        hard_ttl = "10s",
        cache = self.cache
    )]
    async fn reused_source(&self, id: u64) -> Option<Value> {
        self.world.load(Kind::Reused, id).await
    }

    async fn call(&self, kind: Kind, function: u64, id: u64) -> Option<Value> {
        match (kind, function) {
            (Kind::Rising, 0..6) => self.rising_row(id).await,
            (Kind::Rising, 6..9) => self.rising_opaque(id).await,
            (Kind::Rising, _) => self.rising_source(id).await,
            (Kind::Reused, 0..6) => self.reused_row(id).await,
            (Kind::Reused, 6..9) => self.reused_opaque(id).await,
            (Kind::Reused, _) => self.reused_source(id).await,
        }
    }
}

/// A small generator of its own (SplitMix64, Steele, Lea, Flood 2014), so that a run's choices follow from its seeds.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).expect("below a usize")
    }
}

impl Row {
    fn new(content: u64) -> Self {
        let first = State {
            version: 1,
            content: Some(content),
            since: Moment::default(),
            rolled_back: false,
            acknowledged: true,
        };
        Self { history: Mutex::new(vec![first]), timeline: Mutex::new(vec![0]), promised: AtomicUsize::new(0) }
    }

    /// While a rollback is not acknowledged nothing is promised of what came after it.
    fn acknowledge(&self, position: usize) {
        let mut history = lock(&self.history);
        history[position].acknowledged = true;
        let known = self.promised.load(Ordering::SeqCst);
        let open = history[known..].iter().position(|state| state.rolled_back && !state.acknowledged);
        let end = open.map_or(history.len(), |open| known + open);
        let promised =
            history[known..end].iter().rposition(|state| state.acknowledged).map_or(known, |new| known + new);
        self.promised.store(promised, Ordering::SeqCst);
    }
}

impl World {
    fn new(target: u64) -> Self {
        let rows = |from: u64| (from..from + ROWS as u64).map(Row::new).collect();
        Self {
            rising: rows(0),
            reused: rows(ROWS as u64),
            clock: ManualClock::default(),
            next_content: AtomicU64::new(1_000),
            under_way: Mutex::default(),
            faults: Faults::default(),
            reads: AtomicU64::new(0),
            target,
            violations: Mutex::default(),
        }
    }

    fn row(&self, kind: Kind, id: usize) -> &Row {
        match kind {
            Kind::Rising => &self.rising[id],
            Kind::Reused => &self.reused[id],
        }
    }

    /// A load: one statement, on a replica unless the cache asks for the primary.
    async fn load(&self, kind: Kind, id: u64) -> Option<Value> {
        let row = self.row(kind, usize::try_from(id).expect("a row"));
        let mut chance = Chance(self.clock.now().since(Moment::default()).as_nanos() as u64 ^ id);
        tokio::task::yield_now().await;
        let state = if load_hint().primary_required {
            *lock(&row.history).last().expect("there is a first")
        } else {
            count(&self.faults.from_replicas);
            let age = LAG.mul_f64(chance.below(1_000) as f64 / 1_000.0);
            let now = self.clock.now();
            let history = lock(&row.history);
            // Whatever ended longer ago than the lag has reached the replica.
            let ended = |position: usize| history.get(position + 1).is_some_and(|next| now.since(next.since) >= age);
            let position = (0..history.len()).rev().find(|position| *position == 0 || ended(*position - 1));
            history[position.expect("the first at least")]
        };
        if chance.one_in(4) {
            tokio::task::yield_now().await;
        }
        state.content.map(|content| Value { version: state.version, content })
    }

    async fn version(&self, kind: Kind, id: u64) -> u64 {
        let row = self.row(kind, usize::try_from(id).expect("a row"));
        let version = lock(&row.history).last().expect("there is a first").version;
        tokio::task::yield_now().await;
        version
    }

    /// Commits something, and sends its event on its way.
    fn write(&self, chance: &mut Chance) {
        let kind = if chance.one_in(2) { Kind::Rising } else { Kind::Reused };
        let id = chance.index(ROWS).min(chance.index(ROWS));
        let row = self.row(kind, id);
        let mut history = lock(&row.history);
        let mut timeline = lock(&row.timeline);
        let current = history[history.len() - 1];
        let content = Some(self.next_content.fetch_add(1, Ordering::Relaxed));
        let since = self.clock.now();
        let next = State { version: current.version + 1, content, since, rolled_back: false, acknowledged: false };
        let older = (timeline.len() > 2).then(|| timeline.len() - 2 - chance.index(2));
        let (state, announcement) = match (chance.below(10), kind, older) {
            (0, ..) => (State { content: None, ..next }, Announcement::Moved),
            (1..4, Kind::Rising, Some(older)) => {
                count(&self.faults.restores);
                let of = history[timeline[older]];
                (State { content: of.content, ..next }, Announcement::Restored { of: of.version })
            }
            (1..4, Kind::Reused, Some(older)) => {
                count(&self.faults.rollbacks);
                let to = history[timeline[older]];
                timeline.truncate(older);
                let state = State { version: to.version, content: to.content, rolled_back: true, ..next };
                (state, Announcement::RolledBack)
            }
            _ => (next, Announcement::Moved),
        };
        let position = history.len();
        timeline.push(position);
        history.push(state);
        drop((history, timeline));
        if kind == Kind::Rising && id < SILENT {
            return count(&self.faults.lost);
        }
        lock(&self.under_way).push(UnderWay { kind, id, version: state.version, position, announcement });
    }

    /// Takes any event off its way, sometimes only a copy of it.
    fn next_event(&self, chance: &mut Chance) -> Option<UnderWay> {
        let mut under_way = lock(&self.under_way);
        if under_way.is_empty() {
            return None;
        }
        let index = chance.index(under_way.len());
        if chance.one_in(4) {
            count(&self.faults.duplicates);
            return Some(under_way[index]);
        }
        Some(under_way.swap_remove(index))
    }

    fn check(&self, kind: Kind, function: u64, id: usize, promised: usize, began: Moment, read: Option<&Value>) {
        let history = lock(&self.row(kind, id).history);
        let content = read.map(|value| value.content);
        let is_right = was_current(&history, promised, content) || is_confused(&history, promised, content);
        if !is_right || !is_in_time(&history, began, content) {
            let mut violations = lock(&self.violations);
            violations.count += 1;
            violations.first.get_or_insert_with(|| {
                format!(
                    "{kind:?} row {id}, function {function}, began at {began:?}: read {content:?}, promised position {promised}\n{}",
                    told(&history, promised, content)
                )
            });
        }
    }
}

/// G2, G6, G7: the content was current at this position or later.
fn was_current(history: &[State], promised: usize, content: Option<u64>) -> bool {
    history[promised..].iter().any(|state| state.content == content)
}

/// A rollback that was not acknowledged when the read began lets a number be used again, and until it is acknowledged
/// that number's two contents cannot be told apart (docs/protocol.md).
fn is_confused(history: &[State], promised: usize, content: Option<u64>) -> bool {
    let later = history.iter().skip(promised + 1);
    let used_again: Vec<_> = later.skip_while(|state| !state.rolled_back).map(|state| state.version).collect();
    history.iter().any(|state| state.content == content && used_again.contains(&state.version))
}

/// G1: the content was current no longer ago than a TTL and the source's lag.
fn is_in_time(history: &[State], began: Moment, content: Option<u64>) -> bool {
    let ended = |position: usize| history.get(position + 1).map_or(Moment::NEVER, |next| next.since);
    let mut positions = (0..history.len()).rev().filter(|position| history[*position].content == content);
    positions.any(|position| began.since(ended(position)) <= TTL + LAG)
}

/// The history around a violation: from the last time that the content was current.
fn told(history: &[State], promised: usize, content: Option<u64>) -> String {
    let last = history.iter().rposition(|state| state.content == content).unwrap_or(0);
    let around = last.min(promised).saturating_sub(3);
    let states = history.iter().enumerate().skip(around);
    states.map(|(position, state)| format!("  {position}: {state:?}\n")).collect()
}

impl Repository {
    async fn deliver(&self, event: UnderWay) {
        let UnderWay { kind, id, version, position, announcement } = event;
        let key = id as u64;
        match (kind, announcement) {
            (Kind::Rising, Announcement::Restored { of }) => {
                self.cache.publish_or_retry(RisingRestored { id: key, version, of }).await;
            }
            (Kind::Rising, _) => self.cache.publish_or_retry(RisingMoved { id: key, version }).await,
            (Kind::Reused, Announcement::RolledBack) => {
                self.cache.publish_or_retry(ReusedRolledBack { id: key, to: version }).await;
            }
            (Kind::Reused, _) => self.cache.publish_or_retry(ReusedMoved { id: key, version }).await,
        }
        self.world.row(kind, id).acknowledge(position);
    }

    async fn read(&self, chance: &mut Chance) {
        let world = &self.world;
        if world.reads.fetch_add(1, Ordering::Relaxed).is_multiple_of(READS_PER_TICK) {
            world.clock.advance(TICK);
        }
        let kind = if chance.one_in(2) { Kind::Rising } else { Kind::Reused };
        let id = chance.index(ROWS).min(chance.index(ROWS));
        let is_silent = kind == Kind::Rising && id < SILENT;
        let function = if is_silent { 0 } else { chance.below(10) };
        let promised = world.row(kind, id).promised.load(Ordering::SeqCst);
        let began = world.clock.now();
        let call = self.call(kind, function, id as u64);
        if chance.one_in(200) {
            tokio::select! {
                biased;
                _ = call => {}
                () = tokio::task::yield_now() => count(&world.faults.cancelled),
            }
            return;
        }
        let read = call.await;
        world.check(kind, function, id, promised, began, read.as_ref());
    }

    /// Writes and delivers until the readers are done, two times for each hundred reads.
    async fn write_on(&self, mut chance: Chance) {
        let mut writes = 0;
        while self.world.reads.load(Ordering::Relaxed) < self.world.target {
            if writes * 100 > self.world.reads.load(Ordering::Relaxed) {
                tokio::task::yield_now().await;
                continue;
            }
            writes += 1;
            self.world.write(&mut chance);
            while lock(&self.world.under_way).len() > UNDER_WAY || chance.one_in(2) {
                let Some(event) = self.world.next_event(&mut chance) else { break };
                // A lost rollback would end all promises about its row.
                if chance.one_in(50) && matches!(event.announcement, Announcement::Moved) {
                    count(&self.world.faults.lost);
                    continue;
                }
                self.deliver(event).await;
            }
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn g1_g2_g6_g7_no_read_is_stale_under_faults() {
    let reads = std::env::var("CACHEMACRO_CHECK_READS").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let world = Arc::new(World::new(reads));
    let cache = Cache::builder().clock(world.clock.clone()).source_lag(LAG).memory(Memory::entries(ENTRIES)).build();
    let repository = Repository { world: Arc::clone(&world), cache: cache.clone() };
    let writers: Vec<_> = (0..WRITERS)
        .map(|seed| {
            let repository = repository.clone();
            tokio::spawn(async move { repository.write_on(Chance(1_000 + seed)).await })
        })
        .collect();
    let readers: Vec<_> = (0..READERS)
        .map(|seed| {
            let repository = repository.clone();
            tokio::spawn(async move {
                let mut chance = Chance(seed);
                for _ in 0..reads / READERS {
                    repository.read(&mut chance).await;
                }
            })
        })
        .collect();
    for reader in readers {
        reader.await.expect("no reader panics");
    }
    world.reads.fetch_add(reads, Ordering::Relaxed);
    for writer in writers {
        writer.await.expect("no writer panics");
    }
    report(&world, &cache, reads);
}

fn report(world: &World, cache: &Cache, reads: u64) {
    let functions = cache.stats().functions;
    let sum = |count: fn(&cachemacro::FunctionStats) -> u64| functions.iter().map(count).sum::<u64>();
    let (hits, loads, evictions) =
        (sum(|stats| stats.hits_fresh), sum(|stats| stats.loads), sum(|stats| stats.evictions));
    let violations = lock(&world.violations);
    println!(
        "{reads} reads, {} faults and {evictions} evictions, {} violations ({hits} hits, {loads} loads)",
        world.faults.sum(),
        violations.count
    );
    assert!(violations.first.is_none(), "{}", violations.first.as_deref().unwrap_or_default());
    assert!(hits > reads / 10, "a cache that never hits proves nothing");
}
