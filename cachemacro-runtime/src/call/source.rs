//! Source mode: each read first asks the source for the current version.

use std::sync::Arc;

use super::entered::Entered;
use super::state::{Call, Miss};
use super::try_hit::{Other, Seen, seen};
use crate::cache::Cache;
use crate::callsite::Instance;
use crate::entry::{Absence, EntryIdRef};
use crate::event::Aggregates;
use crate::key::KeyWriter;
use crate::observe::CacheMode;
use crate::protocol::SourceStep;
use crate::util::block_on::block_on;
use crate::value::{Shape, Values};

/// After this many contradictions between source and index a call loads, and stores nothing.
const MAX_QUESTIONS: u32 = 4;

/// What to do after a step.
pub enum SourceRead<V> {
    /// Ask the source (after [`Source::begin`]), or begin again (after [`Source::ask`]).
    Again,
    /// A value of the version that was asked for, or newer.
    Value(V),
    /// A remembered absence.
    Absent(Absence),
    /// Nothing to serve.
    Miss(Miss),
}

/// A read in source mode, between its questions to the source.
pub struct Source<V> {
    call: Call,
    values: Values<V>,
    entered: Option<Entered>,
    questions: u32,
}

/// Begins a read in source mode.
pub fn source<S: Shape>(
    instance: &'static Instance,
    cache: &Cache,
    key: &mut KeyWriter,
    _: S,
    values: Values<S::Value>,
) -> Source<S::Value> {
    let key = EntryIdRef::of_call(instance, key).to_key();
    Source { call: Call::new(cache, instance.site, values.ops, Arc::new(key)), values, entered: None, questions: 0 }
}

impl<V: 'static> Source<V> {
    /// An empty list, with capacity, for the names of the aggregates that the entry depends on.
    pub fn aggregates(&self) -> Aggregates {
        self.call.own_aggregates()
    }

    /// Makes the entry depend on these aggregates.
    pub fn depend_on(&mut self, aggregates: Aggregates) {
        self.call.depend_on(aggregates);
    }

    /// A call that goes past the cache asks for no version.
    pub fn bypass_if(&mut self, bypasses: bool) {
        if bypasses {
            self.call.mode = CacheMode::Bypass;
        }
    }

    /// Reads the index before the source is asked. So the index can only be too old, and DETECT finds that.
    pub async fn begin(&mut self) -> SourceRead<V> {
        self.call.name_aggregates();
        if self.call.mode == CacheMode::Bypass {
            return self.miss();
        }
        if self.questions >= MAX_QUESTIONS {
            return self.load_alone();
        }
        self.entered = self.call.enter_alone().await;
        if self.entered.is_some() { SourceRead::Again } else { self.load_alone() }
    }

    /// Goes on with the version that the source answered.
    pub async fn ask(&mut self, version: u64) -> SourceRead<V> {
        let Some(entered) = self.entered.take() else { return self.load_alone() };
        self.questions += 1;
        let snapshot = entered.snapshots[0];
        match SourceStep::of(snapshot, entered.needs_primary, version) {
            SourceStep::Detect => {
                self.call.detect(snapshot, version).await;
                return SourceRead::Again;
            }
            SourceStep::Verify => {
                let verified = self.call.verify_in_store(&entered.snapshots, version).await;
                match self.call.or_count(verified) {
                    None => return self.load_alone(),
                    Some(Err(_)) => return SourceRead::Again,
                    Some(Ok(())) => {}
                }
            }
            SourceStep::Serve => {}
        }
        // Held until the call has entered the records itself.
        self.entered = Some(entered);
        self.serve()
    }

    fn serve(&self) -> SourceRead<V> {
        if self.call.mode == CacheMode::Default {
            let Seen { object, other } = seen(&self.call.cache, &self.call.key.id().by_ref());
            if let Some(value) = object.and_then(self.values.own) {
                return SourceRead::Value(value);
            }
            if let Other::Absent(kind) = other {
                return SourceRead::Absent(kind);
            }
        }
        self.miss()
    }

    /// The source gave no version to compare with, so no cached entry may be served.
    fn load_alone(&mut self) -> SourceRead<V> {
        self.call.degrade();
        self.miss()
    }

    fn miss(&self) -> SourceRead<V> {
        SourceRead::Miss(Miss(Box::new(self.call.again())))
    }

    /// As [`Source::begin`], for a sync function.
    pub fn begin_sync(&mut self) -> SourceRead<V> {
        block_on(self.begin())
    }

    /// As [`Source::ask`], for a sync function.
    pub fn ask_sync(&mut self, version: u64) -> SourceRead<V> {
        block_on(self.ask(version))
    }
}
