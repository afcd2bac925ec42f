//! A load in progress, and what it depends on: each cached function that is called inside it reports what it served.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;

use crate::callsite::Callsite;
use crate::entry::{EntryKey, PartList};
use crate::event::Aggregate;
use crate::policy::Deadlines;
use crate::util::clock::{Clock, Moment};
use crate::util::context;
use crate::util::context::{Entered, LOAD, Part, Within};
use crate::util::sync::{LocalKey, Mutex, lock, thread_local};

/// What the cache asks of a loader. Read it with [`load_hint`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct LoadHint {
    /// The row must be read from the primary: a replica's would be refused.
    pub primary_required: bool,
}

/// What the cache asks of the load in progress; the default outside of a load.
///
/// A repository with replicas asks it before it picks a pool. Tell the cache how far the replicas may lag with
/// [`CacheBuilder::source_lag`](crate::CacheBuilder::source_lag).
#[must_use]
pub fn load_hint() -> LoadHint {
    context::read(|load: &Current| load.0.hint).unwrap_or_default()
}

/// What a load has used. Deadlines are moments of the clock of the load's cache.
#[derive(Default)]
pub(crate) struct Dependencies {
    /// The earliest deadlines of all that was served; `None` where nothing with a deadline was.
    pub(crate) bound: Option<Deadlines>,
    /// The aggregates that the served entries depend on.
    pub(crate) aggregates: Option<HashMap<Aggregate, SeenAggregate>>,
    /// Whether an absence was served.
    pub(crate) has_absence: bool,
    /// Whether a call inside got the answer that nothing is cached, because `CacheMode::OnlyIfCached` forbade it to
    /// load. A result that uses this answer is returned to the caller only.
    pub(crate) is_incomplete: bool,
    /// The entries that were served.
    pub(crate) parts: PartList,
}

/// An aggregate that a served entry depends on.
pub(crate) struct SeenAggregate {
    /// A function whose entries depend on it.
    pub(crate) site: &'static Callsite,
    /// The newest version seen; 0 where it is unknown.
    pub(crate) version: u64,
}

/// What a call inside a load served, as reported to that load.
pub(crate) struct Served<'a> {
    pub(crate) site: &'static Callsite,
    /// `None` for a value that was loaded past the cache.
    pub(crate) deadlines: Option<Deadlines>,
    /// The clock of the deadlines.
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) is_absent: bool,
}

/// A load in progress.
pub(crate) struct Load {
    hint: LoadHint,
    clock: Arc<dyn Clock>,
    /// The entry, and the cache that it is loaded for, which is known by its address.
    key: Arc<EntryKey>,
    cache: usize,
    /// The load that this one runs inside of.
    outer: Option<Arc<Load>>,
    dependencies: Mutex<Dependencies>,
}

/// The load that this thread works on.
pub(crate) struct Current(Arc<Load>);

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

impl Part for Current {
    const FLAG: u8 = LOAD;

    fn local() -> &'static LocalKey<RefCell<Option<Self>>> {
        &CURRENT
    }
}

/// Whether a load is told the names of the aggregates that it depends on: where missing bindings are detected, and where a response
/// says what it was made of.
pub(crate) const WANTS_NAMES: bool = cfg!(any(debug_assertions, feature = "http"));

/// Whether this runs inside of a load.
pub(crate) fn is_loading() -> bool {
    context::flags() & LOAD != 0
}

/// Whether this runs inside of a load of the same entry. A call that waited for that load would wait for itself.
pub(crate) fn is_loading_this(key: &EntryKey, cache: usize) -> bool {
    let is_this = |current: &Current| {
        let mut load = Some(&current.0);
        while let Some(this) = load {
            if this.cache == cache && *this.key == *key {
                return true;
            }
            load = this.outer.as_ref();
        }
        false
    };
    context::read(is_this).unwrap_or(false)
}

/// Reports what was served to the load that this runs inside of.
pub(crate) fn served(served: &Served<'_>, aggregates: impl IntoIterator<Item = (Aggregate, u64)>, parts: PartList) {
    if let Some(load) = context::read(|current: &Current| Arc::clone(&current.0)) {
        load.add(served, aggregates, parts);
    }
}

/// Reports to the load that this runs inside of that a call was not allowed to load.
pub(crate) fn not_cached() {
    if let Some(load) = context::read(|current: &Current| Arc::clone(&current.0)) {
        lock(&load.dependencies).is_incomplete = true;
    }
}

impl Load {
    pub(crate) fn new(hint: LoadHint, clock: &Arc<dyn Clock>, key: &Arc<EntryKey>, cache: usize) -> Arc<Self> {
        Arc::new(Self {
            hint,
            clock: Arc::clone(clock),
            key: Arc::clone(key),
            cache,
            outer: context::read(|current: &Current| Arc::clone(&current.0)),
            dependencies: Mutex::default(),
        })
    }

    /// Runs a future as this load.
    pub(crate) fn run<F: Future>(self: &Arc<Self>, future: F) -> Within<Current, F> {
        context::within(Some(Current(Arc::clone(self))), future)
    }

    /// Runs a closure as this load.
    pub(crate) fn run_sync<T>(self: &Arc<Self>, run: impl FnOnce() -> T) -> T {
        let mut current = Some(Current(Arc::clone(self)));
        let _entered = Entered::new(&mut current);
        run()
    }

    /// Takes what was served inside so far.
    pub(crate) fn take(&self) -> Dependencies {
        std::mem::take(&mut lock(&self.dependencies))
    }

    fn add(&self, served: &Served<'_>, aggregates: impl IntoIterator<Item = (Aggregate, u64)>, parts: PartList) {
        // Before the lock: a clock is the user's code and may block.
        let deadlines = served.deadlines.map(|deadlines| self.translated(deadlines, served.clock));
        let mut all = lock(&self.dependencies);
        all.bound = match (all.bound, deadlines) {
            (Some(known), Some(new)) => Some(known.min(new)),
            (known, new) => known.or(new),
        };
        for (aggregate, version) in aggregates {
            let seen = all
                .aggregates
                .get_or_insert_default()
                .entry(aggregate)
                .or_insert(SeenAggregate { site: served.site, version });
            seen.version = version.max(seen.version);
            if seen.site.info().events.is_empty() {
                seen.site = served.site;
            }
        }
        all.has_absence |= served.is_absent;
        all.parts.append(parts);
    }

    /// Deadlines as moments of this load's clock. Another cache's clock may differ, so only the remaining time carries
    /// over.
    fn translated(&self, deadlines: Deadlines, clock: &Arc<dyn Clock>) -> Deadlines {
        if Arc::ptr_eq(&self.clock, clock) {
            return deadlines;
        }
        let (here, there) = (self.clock.now(), clock.now());
        let translate = |deadline: Moment| here.after(deadline.since(there));
        Deadlines { soft: translate(deadlines.soft), hard: translate(deadlines.hard) }
    }
}
