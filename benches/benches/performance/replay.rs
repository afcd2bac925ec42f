//! Hit ratios: five traces, bounds by entries and by bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use cachemacro::{Cache, Memory, cached};
use cachemacro_benches::effort::Effort;
use cachemacro_benches::executor::block_on;
use cachemacro_benches::findings::Findings;
use cachemacro_benches::machine::cores;
use cachemacro_benches::sieve::Sieve;
use cachemacro_benches::table::Table;
use cachemacro_benches::trace::{self, Trace};

const KEYS: u32 = 100_000;
const ROWS: u64 = 20_000;
const CAPACITIES: [u64; 4] = [500, 2_000, 10_000, 30_000];
/// In thousandths of the bytes of [`KEYS`] values.
const SHARES: [u64; 3] = [5, 50, 150];

/// What bounds a cache.
#[derive(Clone, Copy)]
enum Bound {
    Entries(u64),
    Bytes(u64),
}

impl Bound {
    /// What a key's entry counts.
    fn weight(self, key: u64) -> u64 {
        match self {
            Self::Entries(_) => 1,
            Self::Bytes(_) => trace::size(key).into(),
        }
    }

    fn capacity(self) -> u64 {
        match self {
            Self::Entries(capacity) | Self::Bytes(capacity) => capacity,
        }
    }
}

/// Hits of a hundred requests: ours, `moka`, `quick_cache`, SIEVE.
type Ratios = [f64; 4];

#[derive(Clone)]
struct Ours {
    cache: Cache,
    loads: Arc<AtomicU64>,
}

impl Ours {
    #[cached(key = "key:<id>", ttl_only = "a trace", hard_ttl = "1h", weight = |id| trace::size(*id) as usize, cache = self.cache)]
    async fn find(&self, id: u64) -> u64 {
        self.loads.fetch_add(1, Relaxed);
        id
    }
}

/// Runs the case.
pub(crate) fn run(effort: &Effort) -> Findings {
    let requests = effort.amount(1_000_000, 200_000);
    let traces = [
        ("Zipf", trace::zipf(requests, KEYS)),
        ("scans", trace::with_scans(requests, KEYS)),
        ("loop", trace::in_a_loop(requests, ROWS)),
        ("loop and Zipf", trace::with_a_loop(requests, KEYS, ROWS)),
        ("shifting", trace::shifting(requests, KEYS)),
    ];
    let bytes: u64 = (0..u64::from(KEYS)).map(|key| u64::from(trace::size(key))).sum();
    let by_entries = CAPACITIES.map(Bound::Entries);
    let by_bytes = SHARES.map(|share| Bound::Bytes(bytes * share / 1_000));
    let mut findings = Findings::new(format!(
        "## Hit ratio\n\n{requests} requests. *Zipf*: {KEYS} keys, the n-th in proportion to 1/n^0.9. *Scans*: every other 10,000 requests are \
         for keys that are read once. *Loop*: {ROWS} keys in order, again and again. *Loop and Zipf*: every other 10,000 requests of each. \
         *Shifting*: Zipf, and ten times other keys become the popular ones. `moka` is TinyLFU with LRU; SIEVE is that of its paper. The last column \
         is ours beside the better of `moka` and `quick_cache`, in points.\n\n"
    ));
    let entries = table(&mut findings, "### Bound by entries", &traces, &by_entries);
    findings.figure("replay.entries", entries.0, entries.1.as_str());
    let bytes = table(&mut findings, "### Bound by bytes: values of 100 to 25,000", &traces, &by_bytes);
    findings.figure("replay.bytes", bytes.0, bytes.1.as_str());
    findings.conclusions.push(format!(
        "**The hit ratio** is at worst {:+.1} points beside that of the better of `moka` and `quick_cache` with as many entries ({}), and {:+.1} with \
         as many bytes ({}).",
        entries.0, entries.1, bytes.0, bytes.1
    ));
    findings
}

/// Adds the table, and returns the worst difference and where it is.
fn table(findings: &mut Findings, title: &str, traces: &[(&str, Trace)], bounds: &[Bound]) -> (f64, String) {
    let jobs: Vec<(&str, &Trace, Bound)> =
        traces.iter().flat_map(|(name, trace)| bounds.iter().map(move |bound| (*name, trace, *bound))).collect();
    let mut table =
        Table::new(&["trace", "bound", "cachemacro", "`moka`", "`quick_cache`", "SIEVE", "beside the better"]);
    let mut worst = (f64::INFINITY, String::new());
    for ((name, _, bound), ratios) in jobs.iter().zip(replay(&jobs)) {
        let [ours, moka, bare, sieve] = ratios;
        let capacity = bound.capacity();
        let difference = ours - moka.max(bare);
        if difference < worst.0 {
            worst = (difference, format!("{name}, {capacity}"));
        }
        let percent = |ratio: f64| format!("{ratio:.1} %");
        table.row(&[
            (*name).to_owned(),
            capacity.to_string(),
            percent(ours),
            percent(moka),
            percent(bare),
            percent(sieve),
            format!("{difference:+.1}"),
        ]);
    }
    findings.text += &format!("{title}\n\n{}", table.markdown());
    worst
}

/// All of them, on every core: it is not time that is measured.
fn replay(jobs: &[(&str, &Trace, Bound)]) -> Vec<Ratios> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((place, (_, trace, bound))) = {
            let place = next.fetch_add(1, Relaxed);
            jobs.get(place).map(|job| (place, job))
        } {
            let misses = [ours, moka, quick_cache, sieve].map(|misses| misses(trace, *bound));
            done.push((place, misses.map(|misses| 100.0 * (1.0 - misses as f64 / trace.len() as f64))));
        }
        done
    };
    let mut all: Vec<(usize, Ratios)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores()).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no replay panics")).collect()
    });
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, ratios)| ratios).collect()
}

fn ours(trace: &Trace, bound: Bound) -> u64 {
    let memory = match bound {
        Bound::Entries(entries) => Memory::entries(entries),
        Bound::Bytes(bytes) => Memory::bytes(bytes),
    };
    let ours = Ours { cache: Cache::builder().namespace("replay").memory(memory).build(), loads: Arc::default() };
    block_on(async {
        for id in trace {
            ours.find(*id).await;
        }
    });
    ours.loads.load(Relaxed)
}

/// With what is pending done at every miss, so that the bound holds at every request as it does for the others.
fn moka(trace: &Trace, bound: Bound) -> u64 {
    let weigh = move |key: &u64, _: &u64| u32::try_from(bound.weight(*key)).expect("a small value");
    let cache = moka::sync::Cache::builder().max_capacity(bound.capacity()).weigher(weigh).build();
    let missed = |id: &&u64| cache.get(*id).is_none();
    let insert = |id: &&u64| {
        cache.insert(**id, **id);
        cache.run_pending_tasks();
    };
    trace.iter().filter(missed).inspect(insert).count() as u64
}

/// Weighs entries for `quick_cache`.
#[derive(Clone)]
struct Weigh(Bound);

impl quick_cache::Weighter<u64, u64> for Weigh {
    fn weight(&self, key: &u64, _: &u64) -> u64 {
        self.0.weight(*key)
    }
}

fn quick_cache(trace: &Trace, bound: Bound) -> u64 {
    let entries = match bound {
        Bound::Entries(entries) => entries,
        // What they weigh in the middle.
        Bound::Bytes(bytes) => bytes / 4_500,
    };
    let cache = quick_cache::sync::Cache::with_weighter(
        usize::try_from(entries).expect("it fits"),
        bound.capacity(),
        Weigh(bound),
    );
    trace.iter().filter(|id| cache.get(*id).is_none()).inspect(|id| cache.insert(**id, **id)).count() as u64
}

fn sieve(trace: &Trace, bound: Bound) -> u64 {
    let mut cache = Sieve::new(bound.capacity());
    trace.iter().filter(|id| !cache.ask(**id, bound.weight(**id))).count() as u64
}
