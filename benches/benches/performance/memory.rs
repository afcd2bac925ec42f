//! What an entry takes, with the record of its aggregate.

use std::sync::{Arc, LazyLock};

use cachemacro::{Cache, Memory, cached};
use cachemacro_benches::allocation::bytes_of;
use cachemacro_benches::effort::Effort;
use cachemacro_benches::executor::block_on;
use cachemacro_benches::findings::Findings;
use cachemacro_benches::table::Table;
use cachemacro_benches::user::{User, UserUpdated, user};

const ENTRIES: u64 = 1_000_000;
/// A key of eight bytes, and the pointer to the value.
const KEY_AND_POINTER: f64 = 16.0;

/// The value of all entries: what it takes is not what is measured.
static VALUE: LazyLock<Arc<User>> = LazyLock::new(|| Arc::new(user(0)));

#[derive(Clone)]
struct Ours {
    cache: Cache,
}

impl Ours {
    #[cached(
        key = "user:<id>",
        version_from = |user| user.version,
        invalidated_by(UserUpdated { id }),
        soft_ttl = "10m",
        hard_ttl = "1h",
        cache = self.cache
    )]
    async fn find(&self, id: u64) -> Arc<User> {
        Arc::clone(&VALUE)
    }
}

/// Bytes an entry beside key and pointer, and the entries that are held.
type Bytes = (f64, u64);

/// Runs the case. The figures hardly differ from run to run, so each is taken once.
pub(crate) fn run(_: &Effort) -> Findings {
    // The shards of the bare maps do not fill evenly: with room for a fifth more none of them evicts.
    let (room, bound) = (ENTRIES + ENTRIES / 5, ENTRIES / 2);
    let (growing, full) = (ours(room), ours(bound));
    let rows = [
        ("**cachemacro**", growing, Some(full)),
        ("*floor:* `quick_cache` bare", quick_cache(room), Some(quick_cache(bound))),
        ("*floor:* `papaya` bare", papaya(), None),
        ("*floor:* `scc` bare", scc(), None),
        ("`moka::sync`", moka(room), Some(moka(bound))),
    ];
    let mut table = Table::new(&["", "1,000,000 entries", "in all", "full", "in all", "entries held"]);
    let bytes = |(bytes, _): Bytes| format!("{bytes:.0} bytes");
    let in_all = |(bytes, _): Bytes| format!("{:.0}", bytes + KEY_AND_POINTER);
    for (name, growing, full) in rows {
        let or = |cell: fn(Bytes) -> String| full.map_or_else(|| "–".to_owned(), cell);
        table.row(&[
            name.to_owned(),
            bytes(growing),
            in_all(growing),
            full.map_or_else(|| "–".to_owned(), bytes),
            full.map_or_else(|| "–".to_owned(), in_all),
            or(|(_, held)| held.to_string()),
        ]);
    }
    let mut findings = Findings::new(format!(
        "## What an entry takes\n\nBytes that stay allocated for each entry, as an allocator counts that is asked for them; without and with \
         the {KEY_AND_POINTER} bytes of the key and the pointer to the value, never with the value. Ours with the record of its aggregate, \
         of which every entry has one of its own. First 1,000,000 entries in a cache with room for more; then 1,000,000 are put \
         into a cache with a bound of {bound}.\n\n{}",
        table.markdown()
    ));
    findings.figure("memory.million", growing.0, "");
    findings.figure("memory.full", full.0, "");
    findings.conclusions.push(format!(
        "**An entry takes {:.0} bytes** beside its value, key included ({:.0} in a full cache): a million entries take {:.0} MB and their values.",
        growing.0 + KEY_AND_POINTER,
        full.0 + KEY_AND_POINTER,
        (growing.0 + KEY_AND_POINTER) * ENTRIES as f64 / 1e6
    ));
    findings
}

fn each(bytes: i64, held: u64) -> Bytes {
    (bytes as f64 / held as f64 - KEY_AND_POINTER, held)
}

fn ours(bound: u64) -> Bytes {
    let (ours, bytes) = bytes_of(|| {
        let ours = Ours { cache: Cache::builder().namespace("memory").memory(Memory::entries(bound)).build() };
        block_on(async {
            for id in 0..ENTRIES {
                ours.find(id).await;
            }
        });
        ours
    });
    each(bytes, ours.cache.stats().entries)
}

fn quick_cache(bound: u64) -> Bytes {
    let (bare, bytes) = bytes_of(|| {
        let bare = quick_cache::sync::Cache::new(usize::try_from(bound).expect("it fits"));
        (0..ENTRIES).for_each(|id| bare.insert(id, Arc::clone(&VALUE)));
        bare
    });
    each(bytes, bare.len() as u64)
}

fn papaya() -> Bytes {
    let (map, bytes) = bytes_of(|| {
        let map = papaya::HashMap::new();
        for id in 0..ENTRIES {
            map.pin().insert(id, Arc::clone(&VALUE));
        }
        map
    });
    each(bytes, map.len() as u64)
}

fn scc() -> Bytes {
    let (map, bytes) = bytes_of(|| {
        let map = scc::HashMap::new();
        (0..ENTRIES).for_each(|id| drop(map.upsert_sync(id, Arc::clone(&VALUE))));
        map
    });
    each(bytes, map.len() as u64)
}

fn moka(bound: u64) -> Bytes {
    let (cache, bytes) = bytes_of(|| {
        let cache =
            moka::sync::Cache::builder().max_capacity(bound).time_to_live(cachemacro_benches::peers::TTL).build();
        for id in 0..ENTRIES {
            cache.insert(id, Arc::clone(&VALUE));
        }
        cache.run_pending_tasks();
        cache
    });
    each(bytes, cache.entry_count())
}
