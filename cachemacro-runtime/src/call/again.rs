//! An entry that was served, looked for again without a call.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::served::Found;
use super::state::Call;
use crate::cache::{Cache, Store};
use crate::callsite::Instance;
use crate::entry::{EntryId, EntryKey, LocalEntry, Made, Probe};
use crate::event::Aggregate;
use crate::observe::{Again, CacheMode, ServedEntry};
use crate::policy::{Deadlines, Mode};
use crate::util::few::Few;
use crate::value::ValueOps;

/// An entry, and the load that made it.
struct Remembered {
    cache: Cache,
    key: Arc<EntryKey>,
    load: u64,
    /// What a shared store is asked with, if it can be.
    there: Option<(Few<Aggregate>, ValueOps)>,
}

/// Of an entry that the local tier has served. Without the names of its aggregates a shared store cannot be asked for it.
pub(super) fn of_hit(cache: &Cache, instance: &'static Instance, probe: Probe<'_>, load: u64) -> Option<ServedEntry> {
    if instance.site.info().mode == Mode::Source {
        return None;
    }
    let key = Arc::new(EntryId::of_probe(instance, probe, instance.texts_around()).by_ref().to_key());
    Some(ServedEntry(Arc::new(Remembered { cache: cache.clone(), key, load, there: None })))
}

impl Call {
    /// The entry of this call. In source mode only its source knows whether it would be served again.
    pub(super) fn remember(&self, load: u64) -> Option<ServedEntry> {
        if self.site().info().mode == Mode::Source {
            return None;
        }
        let (cache, key) = (self.cache.clone(), Arc::clone(&self.key));
        let there = (!self.is_local()).then(|| (self.aggregates.clone(), self.ops));
        Some(ServedEntry(Arc::new(Remembered { cache, key, load, there })))
    }
}

impl Remembered {
    /// What is left of the hard TTL of an entry, if it is this one and fresh.
    fn left_of(&self, made: &Made, deadlines: Deadlines) -> Option<Duration> {
        let now = self.cache.inner.clock.now();
        (made.load() == Some(self.load) && now < deadlines.soft).then(|| deadlines.hard.since(now))
    }

    fn left_of_entry(&self, entry: &LocalEntry) -> Option<Duration> {
        self.left_of(&entry.made, Deadlines { soft: entry.soft, hard: entry.hard })
    }
}

impl Again for Remembered {
    fn left_here(&self) -> Option<Option<Duration>> {
        if !matches!(CacheMode::current(), CacheMode::Default | CacheMode::OnlyIfCached) {
            return Some(None);
        }
        match self.cache.store(self.key.site()) {
            Store::Local(local) => Some(local.look_up(&self.key).and_then(|(entry, _)| self.left_of_entry(&entry))),
            Store::Near(near) => near.kept(&self.key).map(|entry| self.left_of_entry(&entry)),
            Store::Shared(_) => None,
        }
    }

    fn is_here(&self) -> bool {
        matches!(self.cache.store(self.key.site()), Store::Local(_))
    }

    fn left(&self, is_strict: bool) -> Pin<Box<dyn Future<Output = Option<Duration>> + Send + '_>> {
        Box::pin(async move {
            let (aggregates, ops) = self.there.as_ref()?;
            let mut call = Call::new(&self.cache, *ops, Arc::clone(&self.key));
            call.aggregates = aggregates.clone();
            // As a call does that may refresh early: it asks past the copies of this process.
            call.is_early = is_strict;
            if !call.asks_store().await {
                return None;
            }
            let Found { stored, .. } = call.look_up().await?;
            self.left_of(&stored.made, stored.deadlines)
        })
    }
}
