//! What a user reads: [`Cache::stats`](crate::Cache::stats).

use std::time::Duration;

use serde::Serialize;

/// The counts of one [`Cache`](crate::Cache) since it was built, one part per cached function it has served.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Functions in the order of their first call.
    pub functions: Vec<FunctionStats>,
    /// Entries now in the in-process store.
    pub entries: u64,
    /// Their weight: one each, or bytes when the store is bounded by bytes.
    pub weight: u64,
    /// Invalidations that a store refused and that wait for their retry.
    pub pending_invalidations: u64,
    /// Invalidations given up: `on_error = bounded`, or the retry queue was full.
    pub dropped_invalidations: u64,
    /// Events that waited for a commit in a [`PendingEvents`](crate::PendingEvents), and were dropped with it.
    pub dropped_pending_events: u64,
    /// How the connection to a shared store fares, where there is one that knows.
    pub connection: Option<Connection>,
}

/// How the connection to a shared store fares.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Connection {
    /// Whether operations fail at once, as the server has not answered lately.
    pub breaker_open: bool,
    /// Operations that had no answer in time.
    pub timeouts: u64,
    /// Connections made.
    pub connects: u64,
    /// How often the breaker opened.
    pub openings: u64,
}

impl Stats {
    /// The counts of the function with this name, as written after `fn`. With several of one name, the first called.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<&FunctionStats> {
        self.functions.iter().find(|function| function.name == name)
    }
}

/// The counts of one cached function.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct FunctionStats {
    /// The function's name, as written after `fn`.
    pub name: &'static str,
    /// The module it stands in.
    pub module: &'static str,
    /// Calls answered with a value before its soft TTL.
    pub hits_fresh: u64,
    /// Calls answered with a value between soft and hard TTL.
    pub hits_stale: u64,
    /// Calls answered with a remembered absence.
    pub hits_negative: u64,
    /// Calls that found nothing to serve.
    pub misses: u64,
    /// Misses that waited for another caller's load.
    pub waits: u64,
    /// Loads begun, refreshes among them.
    pub loads: u64,
    /// Loads that ended in the loader's error.
    pub load_errors: u64,
    /// Loads cancelled by `timeout`.
    pub load_timeouts: u64,
    /// Values that the store refused to take, by reason. The caller got them all the same, where they were right.
    pub refused: RefusedFills,
    /// Refreshes begun for a stale entry, or early.
    pub refreshes: u64,
    /// Entries that the bounded store dropped to make room.
    pub evictions: u64,
    /// Aggregates found with a floor that the database does not reach, and healed (rule R7).
    pub detected: u64,
    /// Operations that a store failed.
    pub store_errors: u64,
    /// Values that did not decode, each a miss.
    pub decode_errors: u64,
    /// Calls that went past the cache: under `CacheMode::Bypass`, with `bypass_if`, in a transaction, or on a connection that
    /// may be in one.
    pub bypasses: u64,
    /// How long loads took.
    pub load_times: LoadTimes,
}

impl FunctionStats {
    /// Calls answered from the cache, of any kind.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits_fresh + self.hits_stale + self.hits_negative
    }

    /// Hits per call, from 0 to 1; 0 before the first call.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
    pub fn hit_rate(&self) -> f64 {
        let calls = self.hits() + self.misses;
        if calls == 0 { 0.0 } else { self.hits() as f64 / calls as f64 }
    }
}

/// Fills that the store refused, by the reason that FILL gave (docs/protocol.md).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RefusedFills {
    /// The index record was gone: nothing is known of what happened meanwhile.
    pub lost: u64,
    /// An event, a rollback or a rotation passed while the load ran.
    pub moved: u64,
    /// The row is older than the version the cache knows of.
    pub old: u64,
    /// The index is unconfirmed and the row may come from a replica.
    pub replica: u64,
    /// The value has more bytes than the store takes: `Redis::max_entry`.
    pub too_large: u64,
    /// Another function, or instance of a generic function, of the binary has the same name: `name = "…"`.
    pub shared_name: u64,
}

impl RefusedFills {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.lost + self.moved + self.old + self.replica + self.too_large + self.shared_name
    }
}

/// Load times in buckets of powers of two.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct LoadTimes {
    /// Upper bound (exclusive) and count of each bucket that is not empty; bounds double from 1 µs.
    pub buckets: Vec<(Duration, u64)>,
    /// All load times added up.
    pub total: Duration,
}

impl LoadTimes {
    /// How many loads were timed.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }

    /// The bound below which this share (0 to 1) of the loads ended; `None` before the first load.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share of a count, for people")]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let wanted = self.count() as f64 * share;
        let mut seen = 0;
        self.buckets.iter().find_map(|(bound, count)| {
            seen += count;
            (seen as f64 >= wanted).then_some(*bound)
        })
    }
}
