//! The live counters behind [`FunctionStats`].

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};

use super::function_log::FunctionLog;
use super::histogram::Histogram;
use super::stats::{FunctionStats, RefusedFills};
use super::striped_counter::StripedCounter;
use crate::protocol::Refused;
use crate::util::clock::Clock;

/// What a counter counts. The order is that of the counters in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    HitFresh,
    HitStale,
    HitNegative,
    Miss,
    Wait,
    Load,
    LoadError,
    LoadTimeout,
    LoadLimited,
    Refresh,
    Eviction,
    Detected,
    StoreError,
    DecodeError,
    Bypass,
    Refused(Refused),
}

impl Event {
    const COUNT: usize = 21;

    const fn index(self) -> usize {
        match self {
            Self::HitFresh => 0,
            Self::HitStale => 1,
            Self::HitNegative => 2,
            Self::Miss => 3,
            Self::Wait => 4,
            Self::Load => 5,
            Self::LoadError => 6,
            Self::LoadTimeout => 7,
            Self::Refresh => 8,
            Self::Eviction => 9,
            Self::Detected => 10,
            Self::StoreError => 11,
            Self::DecodeError => 12,
            Self::Bypass => 13,
            Self::Refused(Refused::Lost) => 14,
            Self::Refused(Refused::Moved) => 15,
            Self::Refused(Refused::Old) => 16,
            Self::Refused(Refused::Replica) => 17,
            Self::Refused(Refused::TooLarge) => 18,
            Self::Refused(Refused::SharedName) => 19,
            Self::LoadLimited => 20,
        }
    }

    #[cfg(feature = "metrics")]
    const fn label(self) -> &'static str {
        match self {
            Self::HitFresh => "hit_fresh",
            Self::HitStale => "hit_stale",
            Self::HitNegative => "hit_negative",
            Self::Miss => "miss",
            Self::Wait => "wait",
            Self::Load => "load",
            Self::LoadError => "load_error",
            Self::LoadTimeout => "load_timeout",
            Self::LoadLimited => "load_limited",
            Self::Refresh => "refresh",
            Self::Eviction => "eviction",
            Self::Detected => "detected",
            Self::StoreError => "store_error",
            Self::DecodeError => "decode_error",
            Self::Bypass => "bypass",
            Self::Refused(Refused::Lost) => "refused_lost",
            Self::Refused(Refused::Moved) => "refused_moved",
            Self::Refused(Refused::Old) => "refused_old",
            Self::Refused(Refused::Replica) => "refused_replica",
            Self::Refused(Refused::TooLarge) => "refused_too_large",
            Self::Refused(Refused::SharedName) => "refused_shared_name",
        }
    }
}

/// The counters of one function in one cache.
pub(crate) struct Counters {
    name: &'static str,
    module: &'static str,
    /// Fresh hits; `counts` has all other events.
    hits: StripedCounter,
    counts: [AtomicU64; Event::COUNT],
    loads: Histogram,
    log: FunctionLog,
    /// The metrics, looked up once: to build their labels allocates, and a hit must not allocate.
    #[cfg(feature = "metrics")]
    metrics: [std::sync::OnceLock<metrics::Counter>; Event::COUNT],
}

impl Counters {
    pub(crate) fn new(name: &'static str, module: &'static str) -> Self {
        Self {
            name,
            module,
            hits: StripedCounter::new(),
            counts: [const { AtomicU64::new(0) }; Event::COUNT],
            loads: Histogram::default(),
            log: FunctionLog::default(),
            #[cfg(feature = "metrics")]
            metrics: [const { std::sync::OnceLock::new() }; Event::COUNT],
        }
    }

    #[inline]
    pub(crate) fn add(&self, event: Event) {
        match event {
            Event::HitFresh => self.hits.add(),
            _ => _ = self.counts[event.index()].fetch_add(1, Ordering::Relaxed),
        }
        #[cfg(feature = "metrics")]
        self.metrics[event.index()].get_or_init(|| self.metric(event)).increment(1);
    }

    #[cfg(feature = "metrics")]
    fn metric(&self, event: Event) -> metrics::Counter {
        metrics::counter!("cachemacro_events_total", "function" => self.name, "event" => event.label())
    }

    pub(crate) fn loaded(&self, took: std::time::Duration) {
        self.loads.record(took);
        #[cfg(feature = "metrics")]
        metrics::histogram!("cachemacro_load_seconds", "function" => self.name).record(took.as_secs_f64());
    }

    /// Counts a load that ended in the loader's error.
    pub(crate) fn load_failed(&self, clock: &dyn Clock) {
        self.add(Event::LoadError);
        self.log.load_failed(self.name, clock);
    }

    pub(crate) fn load_succeeded(&self, clock: &dyn Clock) {
        self.log.load_succeeded(self.name, clock);
    }

    /// Counts a fill that the store refused.
    pub(crate) fn fill_refused(&self, refused: Refused, clock: &dyn Clock) {
        self.add(Event::Refused(refused));
        self.log.fill_refused(self.name, &refused, clock);
    }

    /// Counts a record that was reset.
    pub(crate) fn record_reset(&self, aggregate: &dyn Display, version: u64, floor: u64, clock: &dyn Clock) {
        self.add(Event::Detected);
        self.log.record_reset(aggregate, version, floor, clock);
    }

    pub(crate) fn read(&self) -> FunctionStats {
        let count = |event: Event| self.counts[event.index()].load(Ordering::Relaxed);
        FunctionStats {
            name: self.name,
            module: self.module,
            is_off: false,
            hits_fresh: self.hits.read(),
            hits_stale: count(Event::HitStale),
            hits_negative: count(Event::HitNegative),
            misses: count(Event::Miss),
            waits: count(Event::Wait),
            loads: count(Event::Load),
            load_errors: count(Event::LoadError),
            load_timeouts: count(Event::LoadTimeout),
            limited_loads: count(Event::LoadLimited),
            refused: RefusedFills {
                lost: count(Event::Refused(Refused::Lost)),
                moved: count(Event::Refused(Refused::Moved)),
                old: count(Event::Refused(Refused::Old)),
                replica: count(Event::Refused(Refused::Replica)),
                too_large: count(Event::Refused(Refused::TooLarge)),
                shared_name: count(Event::Refused(Refused::SharedName)),
            },
            refreshes: count(Event::Refresh),
            evictions: count(Event::Eviction),
            detected: count(Event::Detected),
            store_errors: count(Event::StoreError),
            decode_errors: count(Event::DecodeError),
            bypasses: count(Event::Bypass),
            load_times: self.loads.read(),
        }
    }
}
