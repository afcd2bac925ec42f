//! The counters for users: [`Cache::stats`](crate::Cache::stats).

use crate::util::serialize::serialize;
use std::time::Duration;

/// The counters of one [`Cache`](crate::Cache) since it was built, with one part for each cached function it has
/// served.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Functions in the order of their first call.
    pub functions: Vec<FunctionStats>,
    /// The number of entries in the local tier.
    pub entries: u64,
    /// Their weight: one each, or bytes when the store is bounded by bytes.
    pub weight: u64,
    /// The number of entries that were freed because they were past their hard TTL, or were not read for their `time_to_idle`.
    pub expired: u64,
    /// Invalidations that a store did not accept and that wait for a retry.
    pub pending_invalidations: u64,
    /// Invalidations that were dropped: with `on_error = bounded`, or because the retry queue was full.
    pub dropped_invalidations: u64,
    /// Clears and switches of functions that the shared store was not told yet.
    pub pending_clears: u64,
    /// Events that handlers of this process did not get, as they are slower than the publishers: see
    /// [`Cache::subscribe`](crate::Cache::subscribe).
    pub missed_events: u64,
    /// Events that waited for a commit in a [`PendingEvents`](crate::PendingEvents), and were dropped with it.
    pub dropped_pending_events: u64,
    /// The state of the connection to a shared store; `None` if there is no shared store, or it does not report one.
    pub connection: Option<Connection>,
}

serialize!(struct Stats {
    functions, entries, weight, expired, pending_invalidations, dropped_invalidations, pending_clears,
    missed_events, dropped_pending_events, connection,
});

/// The state of the connection to a shared store.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Connection {
    /// Whether operations fail at once, because the server has not answered recently.
    pub breaker_open: bool,
    /// Operations without an answer in time.
    pub timeouts: u64,
    /// Connections made.
    pub connects: u64,
    /// How many times the breaker opened.
    pub openings: u64,
}

serialize!(struct Connection { breaker_open, timeouts, connects, openings });

impl Stats {
    /// The counters of the function with this name, as written after `fn`. If several have it, those of the one called
    /// first.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<&FunctionStats> {
        self.functions.iter().find(|function| function.name == name)
    }
}

/// The counters of one cached function.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct FunctionStats {
    /// The function's name, as written after `fn`.
    pub name: &'static str,
    /// Its module.
    pub module: &'static str,
    /// Whether it is switched off: [`Cache::disable_function`](crate::Cache::disable_function).
    pub is_off: bool,
    /// Calls answered with a value before its soft TTL.
    pub hits_fresh: u64,
    /// Calls answered with a value between soft and hard TTL.
    pub hits_stale: u64,
    /// Calls answered with a cached absence.
    pub hits_negative: u64,
    /// Calls that found nothing to serve.
    pub misses: u64,
    /// Misses that waited for another caller's load.
    pub waits: u64,
    /// Loads that were started, including refreshes.
    pub loads: u64,
    /// Loads that ended in the loader's error.
    pub load_errors: u64,
    /// Loads cancelled by `timeout`.
    pub load_timeouts: u64,
    /// Calls that found `max_loads` loads running: they were served a stale value, or waited.
    pub limited_loads: u64,
    /// Values that the store refused, by reason. The caller still got them, if they were correct.
    pub refused: RefusedFills,
    /// Refreshes that were started, for a stale entry or early.
    pub refreshes: u64,
    /// Entries that the local tier evicted.
    pub evictions: u64,
    /// Aggregates whose floor was above the database's version, and whose record was reset (rule R7).
    pub detected: u64,
    /// Operations that failed in a store.
    pub store_errors: u64,
    /// Values that could not be decoded. Each counts as a miss.
    pub decode_errors: u64,
    /// Calls that went past the cache: of a function that is switched off, under `CacheMode::Bypass`, with `bypass_if`, in a transaction, on a connection that
    /// may be in one, or in the body of a writer whose events end the entry.
    pub bypasses: u64,
    /// The load times.
    pub load_times: LoadTimes,
}

serialize!(struct FunctionStats {
    name, module, is_off, hits_fresh, hits_stale, hits_negative, misses, waits, loads, load_errors, load_timeouts, limited_loads,
    refused, refreshes, evictions, detected, store_errors, decode_errors, bypasses, load_times,
});

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedFills {
    /// The index record was lost, so events during the load may be unknown.
    pub lost: u64,
    /// An event, a rollback or a rotation came while the load ran.
    pub moved: u64,
    /// The row is older than the version that the cache knows.
    pub old: u64,
    /// The index is unconfirmed and the row may come from a replica.
    pub replica: u64,
    /// The value has more bytes than the store accepts: `Redis::max_entry`.
    pub too_large: u64,
    /// Another function of the binary, or another instance of a generic function, has the same name: set `name = "…"`.
    pub shared_name: u64,
}

serialize!(struct RefusedFills { lost, moved, old, replica, too_large, shared_name });

impl RefusedFills {
    /// The sum of all reasons.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.lost + self.moved + self.old + self.replica + self.too_large + self.shared_name
    }
}

/// Load times in buckets of powers of two.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LoadTimes {
    /// Upper bound (exclusive) and count of each bucket that is not empty; bounds double from 1 µs.
    pub buckets: Vec<(Duration, u64)>,
    /// The sum of all load times.
    pub total: Duration,
}

serialize!(struct LoadTimes { buckets, total });

impl LoadTimes {
    /// The number of loads.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }

    /// A quantile: the upper bound of the bucket in which this share (0 to 1) of the loads is reached. `None` before
    /// the first load.
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
