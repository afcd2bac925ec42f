//! Source mode: each read first asks the source for the current version.

use std::sync::Arc;

use super::closer::{candidate, seen_version};
use super::entered::Entered;
use super::look::Other;
use super::state::{Call, Miss};
use super::try_hit::seen;
use crate::cache::{Cache, Current};
use crate::callsite::Instance;
use crate::entry::{Absence, EntryIdRef};
use crate::event::Aggregates;
use crate::key::KeyWriter;
use crate::local::Candidate;
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
pub struct Source<'k, V: 'static> {
    cache: Current,
    key: EntryIdRef<'k>,
    values: Values<V>,
    /// An entry that may have the version which the source answers. Then no call is needed.
    candidate: Option<Candidate>,
    call: Option<Box<Call>>,
    is_named: bool,
    entered: Option<Entered>,
    /// Whether the record has changed since the source was asked.
    is_outdated: bool,
    questions: u32,
}

/// Begins a read in source mode.
pub fn source<'k, S: Shape>(
    bypasses: bool,
    instance: &'static Instance,
    cache: &Cache,
    key: &'k KeyWriter,
    _: S,
    values: Values<S::Value>,
) -> Source<'k, S::Value> {
    let key = EntryIdRef::of_call(instance, key);
    let candidate = if bypasses { None } else { candidate(cache, &key) };
    let (cache, is_named) = (Current::of(cache), candidate.is_some());
    let (entered, is_outdated, questions) = (None, false, 0);
    let mut source = Source { cache, key, values, candidate, call: None, is_named, entered, is_outdated, questions };
    if bypasses {
        source.call().bypass();
    }
    source
}

impl<V: 'static> Source<'_, V> {
    fn call(&mut self) -> &mut Call {
        let (cache, key, ops) = (&self.cache, &self.key, self.values.ops());
        self.call.get_or_insert_with(|| Box::new(Call::new(cache, ops, Arc::new(key.to_key()))))
    }

    /// Whether the next step needs the names of the aggregates, which are then given with [`Source::depend_on`].
    pub fn wants_names(&mut self) -> bool {
        !std::mem::replace(&mut self.is_named, true)
    }

    /// An empty list, with capacity, for the names of the aggregates that the entry depends on.
    pub fn aggregates(&mut self) -> Aggregates {
        self.call().own_aggregates()
    }

    /// Makes the entry depend on these aggregates.
    pub fn depend_on(&mut self, aggregates: Aggregates) {
        self.call().depend_on(aggregates);
    }

    /// Compares the version that the source answered with that of the entry in this process, if it was there before the question.
    pub fn compare(&mut self, version: u64) -> SourceRead<V> {
        if let Some(Candidate { found, record }) = self.candidate.take() {
            let object = seen_version(&self.cache, &self.key, found, version);
            if let Some(value) = object.and_then(self.values.own) {
                return SourceRead::Value(value);
            }
            self.entered = self.cache.inner.local.unchanged(record).map(Entered::from);
            self.is_named = false;
            self.is_outdated = self.entered.is_none();
        }
        SourceRead::Again
    }

    /// Reads the index before the source is asked. So the index can only be too old, and DETECT finds that.
    pub async fn begin(&mut self) -> SourceRead<V> {
        if self.candidate.is_some() {
            return SourceRead::Again;
        }
        let questions = self.questions;
        let call = self.call();
        call.name_aggregates();
        if call.mode == CacheMode::Bypass || call.forgets() {
            return self.miss();
        }
        if questions >= MAX_QUESTIONS {
            return self.load_alone();
        }
        self.entered = call.enter_alone().await;
        if self.entered.is_some() { SourceRead::Again } else { self.load_alone() }
    }

    /// Goes on with the version that the source answered.
    pub async fn ask(&mut self, version: u64) -> SourceRead<V> {
        self.questions += 1;
        if std::mem::take(&mut self.is_outdated) {
            return SourceRead::Again;
        }
        let Some(entered) = self.entered.take() else { return self.load_alone() };
        let (call, snapshot) = (self.call(), entered.snapshots[0]);
        call.name_aggregates();
        match SourceStep::of(snapshot, entered.needs_primary, version) {
            SourceStep::Detect => {
                call.detect(snapshot, version).await;
                return SourceRead::Again;
            }
            SourceStep::Verify => {
                let verified = call.verify_in_store(&entered.snapshots, version).await;
                match call.or_count(verified) {
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

    fn serve(&mut self) -> SourceRead<V> {
        if self.call().mode == CacheMode::Default {
            let (object, other) = seen(&self.cache, &self.key);
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
        self.call().degrade();
        self.miss()
    }

    fn miss(&mut self) -> SourceRead<V> {
        SourceRead::Miss(Miss(Box::new(self.call().again())))
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
