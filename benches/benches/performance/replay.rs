//! Hit ratios of two traces.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use cachemacro::{Cache, Memory, cached};
use cachemacro_benches::effort::Effort;
use cachemacro_benches::executor::block_on;
use cachemacro_benches::promise::Findings;
use cachemacro_benches::table::Table;
use cachemacro_benches::trace::{self, Trace};

const KEYS: u32 = 100_000;
const CAPACITIES: [u64; 4] = [500, 2_000, 10_000, 30_000];

#[derive(Clone)]
struct Ours {
    cache: Cache,
    loads: Arc<AtomicU64>,
}

impl Ours {
    #[cached(key = "key:<id>", ttl_only = "a trace", hard_ttl = "1h", cache = self.cache)]
    async fn find(&self, id: u64) -> u64 {
        self.loads.fetch_add(1, Relaxed);
        id
    }
}

/// Runs the case.
pub(crate) fn run(effort: &Effort) -> Findings {
    let requests = effort.amount(1_000_000, 200_000);
    let mut table = Table::new(&["trace", "capacity", "cachemacro", "`moka`", "`quick_cache`"]);
    for (name, trace) in [("Zipf", trace::zipf(requests, KEYS)), ("scan-heavy", trace::with_scans(requests, KEYS))] {
        for capacity in CAPACITIES {
            let misses = [ours(&trace, capacity), moka(&trace, capacity), quick_cache(&trace, capacity)];
            let [ours, moka, bare] = misses.map(|misses| 100.0 * (1.0 - misses as f64 / trace.len() as f64));
            table.row(&[
                name.to_owned(),
                capacity.to_string(),
                format!("{ours:.1} %"),
                format!("{moka:.1} %"),
                format!("{bare:.1} %"),
            ]);
        }
    }
    let text = format!(
        "## Hit ratio\n\n{requests} requests for {KEYS} keys, the n-th in proportion to 1/n^0.9. In the scan-heavy trace every other 10,000 requests \
         are for keys that are read once.\n\n{}",
        table.markdown()
    );
    Findings { text, promises: Vec::new() }
}

fn ours(trace: &Trace, capacity: u64) -> u64 {
    let cache = Cache::builder().namespace("replay").memory(Memory::entries(capacity)).build();
    let ours = Ours { cache, loads: Arc::default() };
    block_on(async {
        for id in trace {
            ours.find(*id).await;
        }
    });
    ours.loads.load(Relaxed)
}

fn moka(trace: &Trace, capacity: u64) -> u64 {
    let cache = moka::sync::Cache::new(capacity);
    trace.iter().filter(|id| cache.get(*id).is_none()).inspect(|id| cache.insert(**id, **id)).count() as u64
}

fn quick_cache(trace: &Trace, capacity: u64) -> u64 {
    let cache = quick_cache::sync::Cache::new(usize::try_from(capacity).expect("it fits"));
    trace.iter().filter(|id| cache.get(*id).is_none()).inspect(|id| cache.insert(**id, **id)).count() as u64
}
