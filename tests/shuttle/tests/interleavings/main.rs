//! Interleavings that no scheduler of a real machine can be made to try, explored by shuttle: this package compiles the runtime's
//! source with locks that let any other thread go first. Run it with `cargo test -p cachemacro-shuttle --release`.

/// The source below the runtime's path, under the runtime's name.
extern crate cachemacro_shuttle as cachemacro_runtime;

mod refusing;
#[allow(dead_code, reason = "the model calls functions that these tests do not")]
#[path = "../../../../cachemacro-runtime/tests/kit/sites.rs"]
mod sites;
mod together;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::{Context, Waker};

use cachemacro_runtime::store::Move;
use cachemacro_runtime::tier_stores::LocalStore;
use cachemacro_runtime::{Cache, Clock, ManualClock, Memory};
use refusing::Refusing;
use shuttle::future::block_on;
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicU64, Ordering::SeqCst};
use shuttle::thread;
use sites::{Function, MONOTONE_SITES, REUSED_SITES, RowMoved, Sites, Value};

/// Per test, half by chance and half with few but well-placed switches (probabilistic concurrency testing).
const ITERATIONS: usize = 20_000;

fn explore(test: impl Fn() + Send + Sync + 'static) {
    let test = Arc::new(test);
    let again = Arc::clone(&test);
    shuttle::check_random(move || test(), ITERATIONS / 2);
    shuttle::check_pct(move || again(), ITERATIONS / 2, 3);
}

/// A row that is written while it is read.
#[derive(Default)]
struct Row {
    number: usize,
    /// Every state it was ever in: version and content.
    history: shuttle::sync::Mutex<Vec<(u64, u64)>>,
    /// The newest position whose event was acknowledged.
    acknowledged: AtomicU64,
    /// Loads in progress, and all.
    loading: AtomicU64,
    loads: AtomicU64,
}

/// Counts a load for as long as it runs, be it cancelled or not.
struct Loading<'a>(&'a Row);

impl Drop for Loading<'_> {
    fn drop(&mut self) {
        self.0.loading.fetch_sub(1, SeqCst);
    }
}

impl Row {
    fn new() -> Arc<Self> {
        Arc::new(Self::of(1, 1))
    }

    fn of(number: usize, content: u64) -> Self {
        let row = Self { number, ..Self::default() };
        row.history.lock().expect("no thread panics here").push((1, content));
        row
    }

    fn write(&self, cache: &Cache, sites: &Sites, version: u64, content: u64, moved: Move) {
        let position = {
            let mut history = self.history.lock().expect("no thread panics here");
            history.push((version, content));
            history.len() as u64 - 1
        };
        block_on(cache.publish_or_retry(RowMoved { row: sites.aggregate(self.number), moved }));
        self.acknowledged.store(position, SeqCst);
    }

    /// Writes without an event, and clears the cache.
    fn write_and_clear(&self, cache: &Cache, version: u64, content: u64) {
        let position = {
            let mut history = self.history.lock().expect("no thread panics here");
            history.push((version, content));
            history.len() as u64 - 1
        };
        cache.clear();
        self.acknowledged.store(position, SeqCst);
    }

    /// Writes through a cache whose store may refuse events: they count as told once none is pending.
    fn write_and_settle(&self, cache: &Cache, sites: &Sites, moves: [Move; 4]) {
        let mut position = 0;
        for moved in moves {
            position = {
                let mut history = self.history.lock().expect("no thread panics here");
                let number = history.len() as u64 + 1;
                history.push((number, number));
                number - 1
            };
            block_on(cache.publish_or_retry(RowMoved { row: sites.aggregate(1), moved }));
        }
        while cache.stats().pending_invalidations > 0 {
            thread::yield_now();
        }
        self.acknowledged.store(position, SeqCst);
    }

    fn begin_load(&self) -> Loading<'_> {
        self.loads.fetch_add(1, SeqCst);
        self.loading.fetch_add(1, SeqCst);
        Loading(self)
    }

    /// The state now; others may go first before the caller gets it.
    async fn load(&self) -> Option<Value> {
        let _loading = self.begin_load();
        let (version, content) = *self.history.lock().expect("no thread panics here").last().expect("there is a first");
        shuttle::future::yield_now().await;
        Some(Value { version, contents: vec![Some(content)] })
    }

    /// Reads, and checks that no acknowledged commit was missed (G2, G7).
    fn read(&self, cache: &Cache, sites: &'static Sites, function: Function) {
        let promised = self.promised();
        let read = block_on(sites.read(cache, function, &[self.number], async || 0, || self.load()));
        self.is_as_new_as(promised, read.expect("the row is there").contents[0].expect("the row is there"));
    }

    /// The newest position that was acknowledged.
    fn promised(&self) -> usize {
        usize::try_from(self.acknowledged.load(SeqCst)).expect("a position")
    }

    fn is_as_new_as(&self, promised: usize, content: u64) {
        let history = self.history.lock().expect("no thread panics here");
        let states = &history[promised..];
        assert!(states.iter().any(|state| state.1 == content), "read {content}, promised one of {states:?}");
    }
}

fn cache(entries: u64) -> Cache {
    Cache::builder().clock(ManualClock::default()).memory(Memory::entries(entries)).build()
}

/// The same store behind the process: it is asked in rounds.
fn fleet_cache() -> Cache {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let store = LocalStore::new(Memory::default(), Arc::clone(&clock), std::time::Duration::ZERO);
    Cache::builder().clock(ManualClock::default()).shared(Arc::new(store)).build()
}

/// Reads another row of the same cache, to push the first one out.
fn crowd(cache: &Cache, sites: &'static Sites) {
    for row in 2..4 {
        let load = async || Some(Value { version: 1, contents: vec![Some(1)] });
        block_on(sites.read(cache, Function::Row, &[row], async || 0, load));
    }
}

/// Readers, a writer and evictions at once.
fn read_and_write(sites: &'static Sites, function: Function, entries: u64, write: fn(&Row, &Cache)) {
    read_and_write_in(cache(entries), sites, function, entries, write);
}

fn read_and_write_in(cache: Cache, sites: &'static Sites, function: Function, entries: u64, write: fn(&Row, &Cache)) {
    let row = Row::new();
    let mut threads = vec![thread::spawn({
        let (row, cache) = (Arc::clone(&row), cache.clone());
        move || write(&row, &cache)
    })];
    for _ in 0..2 {
        let (row, cache) = (Arc::clone(&row), cache.clone());
        threads.push(thread::spawn(move || {
            row.read(&cache, sites, function);
            row.read(&cache, sites, function);
        }));
    }
    if entries == 1 {
        let cache = cache.clone();
        threads.push(thread::spawn(move || crowd(&cache, sites)));
    }
    for thread in threads {
        thread.join().expect("no thread panics");
    }
    row.read(&cache, sites, function);
}

fn update_twice(row: &Row, cache: &Cache) {
    for version in 2..=3 {
        row.write(cache, &MONOTONE_SITES, version, version, Move::Bump(version));
    }
}

fn update_and_restore(row: &Row, cache: &Cache) {
    row.write(cache, &MONOTONE_SITES, 2, 2, Move::Bump(2));
    row.write(cache, &MONOTONE_SITES, 3, 1, Move::Restore { version: 3, of: 1 });
}

/// Version 2 is rolled back, and its number used again.
fn roll_back(row: &Row, cache: &Cache) {
    row.write(cache, &REUSED_SITES, 2, 2, Move::Bump(2));
    row.write(cache, &REUSED_SITES, 1, 1, Move::Rollback { to: 1 });
    row.write(cache, &REUSED_SITES, 2, 3, Move::Bump(2));
}

#[test]
fn r1_r8_a_row_is_never_read_below_an_acknowledged_event() {
    explore(|| read_and_write(&MONOTONE_SITES, Function::Row, 100, update_twice));
}

#[test]
fn r10_an_opaque_value_is_never_read_from_before_an_acknowledged_event() {
    explore(|| read_and_write(&MONOTONE_SITES, Function::Opaque, 100, update_twice));
}

/// Callers who ask a shared store together get no answer from before they came.
#[test]
fn r10_an_answer_of_a_round_is_never_older_than_who_asks() {
    explore(|| read_and_write_in(fleet_cache(), &MONOTONE_SITES, Function::Row, 0, update_twice));
    explore(|| read_and_write_in(fleet_cache(), &MONOTONE_SITES, Function::Opaque, 0, update_twice));
}

#[test]
fn r2_r13_evictions_make_no_read_stale() {
    explore(|| read_and_write(&MONOTONE_SITES, Function::Row, 1, update_twice));
    explore(|| read_and_write(&MONOTONE_SITES, Function::Opaque, 1, update_twice));
}

#[test]
fn a_restored_row_is_read_as_restored() {
    explore(|| read_and_write(&MONOTONE_SITES, Function::Row, 100, update_and_restore));
}

#[test]
fn g7_what_was_rolled_back_is_not_read_again() {
    explore(|| read_and_write(&REUSED_SITES, Function::Row, 100, roll_back));
    explore(|| read_and_write(&REUSED_SITES, Function::Opaque, 100, roll_back));
}

/// A writer whose store refuses half of its events, and a reader in another process.
fn retry_and_read(moves: [Move; 4]) {
    let store: Arc<Refusing> = Arc::new(Refusing::new());
    let process = || Cache::builder().clock(ManualClock::default()).shared(store.clone()).build();
    let (row, one, other) = (Row::new(), process(), process());
    let writer = thread::spawn({
        let row = Arc::clone(&row);
        move || row.write_and_settle(&one, &MONOTONE_SITES, moves)
    });
    let reader = thread::spawn({
        let (row, other) = (Arc::clone(&row), other.clone());
        move || (0..4).for_each(|_| row.read(&other, &MONOTONE_SITES, Function::Opaque))
    });
    writer.join().expect("no thread panics");
    row.read(&other, &MONOTONE_SITES, Function::Opaque);
    reader.join().expect("no thread panics");
}

/// Other events come while one is sent again: once nothing is pending, no read returns an earlier state.
#[test]
fn r20_a_retried_event_swallows_no_other() {
    explore(|| retry_and_read([Move::Next; 4]));
    explore(|| retry_and_read([Move::Next, Move::Bump(3), Move::Next, Move::Bump(5)]));
}

/// Calls of one cold key at once, each with a loader that checks that it is alone. `lead` is the first caller, who may not
/// live to see the end.
fn call_at_once(lead: impl FnOnce(Arc<Row>, Cache) + Send + 'static) -> u64 {
    let (row, cache) = (Row::new(), cache(100));
    let mut threads = vec![thread::spawn({
        let (row, cache) = (Arc::clone(&row), cache.clone());
        move || lead(row, cache)
    })];
    for _ in 0..3 {
        let (row, cache) = (Arc::clone(&row), cache.clone());
        threads.push(thread::spawn(move || {
            assert_eq!(block_on(call_alone(&row, &cache)), 1);
        }));
    }
    for thread in threads {
        thread.join().expect("no thread panics");
    }
    row.loads.load(SeqCst)
}

async fn call_alone(row: &Row, cache: &Cache) -> u64 {
    call(row, cache, false).await
}

/// All callers have the same loader: another closure is another function.
async fn call(row: &Row, cache: &Cache, panics: bool) -> u64 {
    let load = || async {
        if panics {
            let _loading = row.begin_load();
            shuttle::future::yield_now().await;
            // Without the hook, whose message is of no use twenty thousand times.
            std::panic::resume_unwind(Box::new("the loader panics"))
        }
        let value = row.load();
        let value = pin!(value);
        alone(row, value).await
    };
    let read = MONOTONE_SITES.read(cache, Function::Row, &[1], async || 0, load).await;
    read.expect("the row is there").version
}

/// Asserts at every step of a load that no other is in progress.
async fn alone<F: Future>(row: &Row, load: std::pin::Pin<&mut F>) -> F::Output {
    let mut load = load;
    std::future::poll_fn(move |context| {
        let polled = load.as_mut().poll(context);
        assert!(row.loading.load(SeqCst) <= 1, "one load at a time");
        polled
    })
    .await
}

#[test]
fn g4_callers_of_one_missing_key_share_one_load() {
    explore(|| {
        let loads = call_at_once(|row, cache| {
            assert_eq!(block_on(call_alone(&row, &cache)), 1);
        });
        assert_eq!(loads, 1);
    });
}

#[test]
fn r11_a_leader_that_is_dropped_strands_no_waiter() {
    explore(|| {
        let loads = call_at_once(|row, cache| {
            let call = pin!(call_alone(&row, &cache));
            // One poll takes it into its load, or into a wait for another's; then it is dropped.
            let _ = call.poll(&mut Context::from_waker(Waker::noop()));
        });
        assert!((1..=2).contains(&loads), "the dropped load and one more, not {loads}");
    });
}

#[test]
fn r11_a_leader_that_panics_strands_no_waiter() {
    explore(|| {
        let loads = call_at_once(|row, cache| {
            let read = call(&row, &cache, true);
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| block_on(read)));
        });
        assert!((1..=2).contains(&loads), "the load that panicked and one more, not {loads}");
    });
}

/// An error that cannot be shared.
struct Broken;

/// How many callers of the function may load at once after a failure.
const MOST: u64 = 2;

async fn call_broken(row: &Row, cache: &Cache) -> Result<u64, Broken> {
    use cachemacro_runtime::__private as p;
    let shape = p::shape!(Result<u64, Broken>);
    let values = p::SharedValue::shared(p::value_of(shape));
    let mut key = p::KeyWriter::new();
    key.literal("broken");
    let site = MONOTONE_SITES.site(Function::Opaque);
    let p::TryHit::Miss(miss) = p::try_hit(site.instance(|| ()), cache, &mut key, p::Look::default(), shape, values)
    else {
        panic!("an error is never stored");
    };
    let fail = p::error_adapter!(Result<u64, Broken>);
    let mut reading = p::read_inline(miss, shape, values, fail);
    loop {
        match reading.step().await {
            p::ReadStep::Answer(answer) => return answer.returned(p::absent(shape)),
            p::ReadStep::Load => reading.supply_loader(|| async {
                let loading = row.begin_load();
                shuttle::future::yield_now().await;
                assert!(row.loading.load(SeqCst) <= MOST, "this many loads at a time");
                drop(loading);
                p::classify(shape, Err(Broken))
            }),
        }
    }
}

#[test]
fn r11_a_failing_loader_runs_twice_at_a_time_and_every_caller_gets_its_own_error() {
    explore(|| {
        let (row, cache) = (Row::new(), cache(100));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (row, cache) = (Arc::clone(&row), cache.clone());
                thread::spawn(move || assert!(block_on(call_broken(&row, &cache)).is_err()))
            })
            .collect();
        for thread in threads {
            thread.join().expect("no thread panics");
        }
        assert_eq!(row.loads.load(SeqCst), 4);
    });
}

/// By hand: the version stays.
fn update_and_clear(row: &Row, cache: &Cache) {
    for content in 2..=4 {
        row.write_and_clear(cache, 1, content);
    }
}

#[test]
fn r27_no_read_is_from_before_a_clear() {
    for entries in [1, 100, 5000] {
        for function in [Function::Row, Function::Opaque] {
            explore(move || read_and_write(&MONOTONE_SITES, function, entries, update_and_clear));
        }
    }
}
