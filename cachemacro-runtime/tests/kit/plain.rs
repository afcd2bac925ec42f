//! A store of bytes in two hash maps, written from docs/protocol.md alone: what the suite and the model hold the real one
//! against. Any one rule can be left out of it, to see who notices.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use cachemacro_runtime::store::{
    Aggregate, Announcement, Answer, Applied, Entered, Entry, EntryKey, Fence, FenceKind, Fill, Followed,
    InvalidationChannel, Lease, Lookup, Move, Position, Query, Refused, Snapshot,
};
use cachemacro_runtime::{Clock, Generation, Moment, RemoteStore, Token};

/// A rule that can be left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rule {
    /// R1, R8: a fill is refused when its generation moved.
    GenerationFence,
    /// R9: a value without a version is refused when the floor moved.
    FloorFence,
    /// R2: a new record has a new generation.
    NewGeneration,
    /// R3: the floor is max-merged.
    MaxMerge,
    /// R4: a row below the floor is refused.
    RowFence,
    /// R5: a unverified record serves no row.
    UnverifiedServesNothing,
    /// R5: a unverified record takes primary rows only.
    UnverifiedNeedsPrimary,
    /// For as long as a replica may lag, a record takes primary rows only.
    ReplicaLagNeedsPrimary,
    /// Values without a version come from the primary.
    UnversionedNeedsPrimary,
    /// R6: an event creates no record.
    AbsentStaysAbsent,
    /// R7: an unreachable floor is reset.
    Detect,
    /// DETECT compares with the snapshot.
    DetectCompares,
    /// G7: a rollback adds a mark.
    RollbackMarks,
    /// A rollback is unverified.
    RollbackIsUnverified,
    /// A value without a version ends with a rollback.
    StillEndsWithMark,
    /// An absence confirms no floor.
    UnversionedConfirmsNothing,
    /// In a reused database every event ends what carries no version.
    EveryEventTurns,
    /// In a reused database RESTORE acts as BUMP.
    RestoreIsBump,
    /// An alias reaches rows only.
    AliasReachesRowsOnly,
    /// The next event ends an alias.
    AliasEnds,
    /// R20: an entry is checked against all its aggregates.
    AllAreChecked,
    /// R20: a fill is fenced by all its aggregates.
    AllFence,
    /// G1: nothing is served past its hard deadline.
    HardDeadline,
}

/// All of them.
pub(crate) const RULES: [Rule; 23] = [
    Rule::GenerationFence,
    Rule::FloorFence,
    Rule::NewGeneration,
    Rule::MaxMerge,
    Rule::RowFence,
    Rule::UnverifiedServesNothing,
    Rule::UnverifiedNeedsPrimary,
    Rule::ReplicaLagNeedsPrimary,
    Rule::UnversionedNeedsPrimary,
    Rule::AbsentStaysAbsent,
    Rule::Detect,
    Rule::DetectCompares,
    Rule::RollbackMarks,
    Rule::RollbackIsUnverified,
    Rule::StillEndsWithMark,
    Rule::UnversionedConfirmsNothing,
    Rule::EveryEventTurns,
    Rule::RestoreIsBump,
    Rule::AliasReachesRowsOnly,
    Rule::AliasEnds,
    Rule::AllAreChecked,
    Rule::AllFence,
    Rule::HardDeadline,
];

struct Record {
    floor: u64,
    marks: Vec<(u64, Generation)>,
    alias: Option<u64>,
    unverified: bool,
    primary_only_until: Moment,
    rotates: bool,
    fence_generation: Generation,
}

/// A versioned key: never holds two contents, but for refreshes of one version.
type Versioned = (EntryKey, Token, bool);

#[derive(Default)]
struct Maps {
    records: HashMap<Aggregate, Record>,
    /// With the tokens of the further aggregates.
    entries: HashMap<Versioned, (Entry, Vec<Token>)>,
}

/// The store.
pub(crate) struct PlainStore {
    clock: Arc<dyn Clock>,
    source_lag: Duration,
    without: Option<Rule>,
    maps: Mutex<Maps>,
}

impl PlainStore {
    pub(crate) fn new(clock: Arc<dyn Clock>, source_lag: Duration) -> Self {
        Self { clock, source_lag, without: None, maps: Mutex::default() }
    }

    /// The same store without one of its rules.
    pub(crate) fn without(self, rule: Rule) -> Self {
        Self { without: Some(rule), ..self }
    }

    /// Forgets records, and keeps the entries that depend on them.
    pub(crate) fn lose(&self, aggregates: &[Aggregate]) {
        let mut maps = self.maps();
        for aggregate in aggregates {
            maps.records.remove(aggregate);
        }
    }

    fn keeps(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    fn maps(&self) -> MutexGuard<'_, Maps> {
        self.maps.lock().expect("no operation panics")
    }

    fn generation(&self) -> Generation {
        if self.keeps(Rule::NewGeneration) { Generation::random() } else { Generation::from_bits(1) }
    }

    fn new_record(&self) -> Record {
        let fence_generation = self.generation();
        Record {
            fence_generation,
            floor: 0,
            marks: vec![(0, fence_generation)],
            alias: None,
            unverified: true,
            primary_only_until: self.clock.now().after(self.source_lag),
            rotates: false,
        }
    }

    fn rotate(&self, record: &mut Record, floor: u64) {
        *record = Record { floor, rotates: record.rotates, ..self.new_record() };
    }

    fn needs_primary(&self, record: &Record) -> bool {
        let is_young = self.clock.now() < record.primary_only_until;
        record.unverified && self.keeps(Rule::UnverifiedNeedsPrimary)
            || is_young && self.keeps(Rule::ReplicaLagNeedsPrimary)
    }

    fn unversioned_token(&self, record: &Record) -> Token {
        if self.keeps(Rule::StillEndsWithMark) {
            Token { version: record.floor, generation: record.fence_generation }
        } else {
            record.token(record.floor)
        }
    }

    /// The versioned keys that serve, with the further aggregates' tokens.
    fn candidates(&self, record: &Record) -> Vec<(Token, bool)> {
        let mut tokens = vec![(self.unversioned_token(record), false)];
        if !record.unverified || !self.keeps(Rule::UnverifiedServesNothing) {
            tokens.push((record.token(record.floor), true));
            if let Some(of) = record.alias {
                tokens.push((record.token(of), true));
                if !self.keeps(Rule::AliasReachesRowsOnly) {
                    tokens.push((record.token(of), false));
                }
            }
        }
        tokens
    }

    fn look_up(&self, query: Query<'_>) -> Option<(Entry, Vec<Snapshot>)> {
        let maps = self.maps();
        let records: Vec<_> = query.aggregates.iter().map(|name| maps.records.get(name)).collect::<Option<_>>()?;
        let now = self.clock.now();
        let serves = |(entry, further): &&(Entry, Vec<Token>)| {
            let in_time = now < entry.hard || !self.keeps(Rule::HardDeadline);
            let all_serve =
                further.iter().zip(&records[1..]).all(|(token, record)| *token == self.unversioned_token(record));
            in_time && (all_serve || !self.keeps(Rule::AllAreChecked))
        };
        let candidates = self.candidates(records[0]).into_iter();
        let mut found = candidates.filter_map(|(token, is_row)| maps.entries.get(&(query.key.clone(), token, is_row)));
        let (entry, _) = found.find(serves)?;
        Some((entry.clone(), records.iter().map(|record| record.snapshot()).collect()))
    }

    fn admit(
        &self,
        record: &mut Record,
        snapshot: Snapshot,
        fence: Fence,
        from_primary: bool,
    ) -> Result<Token, Refused> {
        if snapshot.generation != record.snapshot().generation && self.keeps(Rule::GenerationFence) {
            return Err(Refused::Moved);
        }
        if self.needs_primary(record) && !from_primary {
            return Err(Refused::Replica);
        }
        match fence {
            Fence::Row(version) if version < record.floor && self.keeps(Rule::RowFence) => Err(Refused::Old),
            Fence::Row(version) => {
                record.floor = version;
                record.alias = None;
                record.unverified = false;
                Ok(record.token(version))
            }
            Fence::Unversioned if !from_primary && self.keeps(Rule::UnversionedNeedsPrimary) => Err(Refused::Replica),
            Fence::Unversioned if snapshot.floor != record.floor && self.keeps(Rule::FloorFence) => Err(Refused::Moved),
            Fence::Unversioned => {
                record.unverified &= self.keeps(Rule::UnversionedConfirmsNothing);
                Ok(self.unversioned_token(record))
            }
        }
    }

    fn try_fill(&self, query: Query<'_>, fill: &Fill) -> Result<(), Refused> {
        let maps = &mut *self.maps();
        let mut fence = fill.fence;
        let mut tokens = Vec::new();
        for (name, snapshot) in query.aggregates.iter().zip(&fill.snapshots) {
            let record = maps.records.get_mut(name).ok_or(Refused::Lost)?;
            let is_fenced = tokens.is_empty() || self.keeps(Rule::AllFence);
            tokens.push(match self.admit(record, *snapshot, fence, fill.from_primary) {
                Err(_) if !is_fenced => self.unversioned_token(record),
                admitted => admitted?,
            });
            fence = Fence::Unversioned;
        }
        let is_row = fill.fence.kind() == FenceKind::Row;
        let first = tokens.remove(0);
        let entry = Entry { version: first.version, kind: fill.fence.kind(), ..fill.entry.clone() };
        maps.entries.insert((query.key.clone(), first, is_row), (entry, tokens));
        Ok(())
    }

    fn moved(&self, record: &mut Record, moved: Move) -> Applied {
        let applied = match moved {
            Move::Bump(version) => self.raise(record, version, None),
            Move::Next => {
                self.rotate(record, record.floor);
                Applied::Moved
            }
            Move::Restore { version, of } => {
                let is_bump = record.rotates && self.keeps(Rule::RestoreIsBump);
                self.raise(record, version, (!is_bump).then_some(of))
            }
            Move::Rollback { to } => {
                self.roll_back(record, to);
                Applied::Moved
            }
        };
        if record.rotates && self.keeps(Rule::EveryEventTurns) {
            record.fence_generation = self.generation();
            return Applied::Moved;
        }
        applied
    }

    fn raise(&self, record: &mut Record, version: u64, alias: Option<u64>) -> Applied {
        if version == 0 && record.floor == 0 {
            record.fence_generation = self.generation();
            return Applied::Moved;
        }
        if version <= record.floor && self.keeps(Rule::MaxMerge) {
            return Applied::Duplicate;
        }
        record.floor = version;
        if alias.is_some() || self.keeps(Rule::AliasEnds) {
            record.alias = alias;
        }
        Applied::Moved
    }

    fn roll_back(&self, record: &mut Record, to: u64) {
        record.floor = to;
        record.alias = None;
        record.unverified |= self.keeps(Rule::RollbackIsUnverified);
        record.primary_only_until = self.clock.now().after(self.source_lag);
        if self.keeps(Rule::RollbackMarks) {
            record.fence_generation = self.generation();
            record.marks.retain(|(from, _)| *from <= to);
            record.marks.push((to + 1, record.fence_generation));
        }
    }

    fn try_detect(&self, aggregate: &Aggregate, snapshot: Snapshot, version: u64) -> bool {
        let maps = &mut *self.maps();
        let Some(record) = maps.records.get_mut(aggregate) else { return false };
        let is_unmoved = record.snapshot() == snapshot || !self.keeps(Rule::DetectCompares);
        let detected = is_unmoved && version < snapshot.floor && self.keeps(Rule::Detect);
        if detected {
            self.rotate(record, 0);
        }
        detected
    }
}

impl Record {
    fn snapshot(&self) -> Snapshot {
        Snapshot { generation: self.fence_generation, floor: self.floor }
    }

    fn token(&self, version: u64) -> Token {
        let mark = self.marks.iter().rev().find(|(from, _)| *from <= version).expect("the first mark is from 0");
        Token { version, generation: mark.1 }
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> Answer<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

impl RemoteStore for PlainStore {
    fn lookup<'a>(&'a self, query: Query<'a>) -> Answer<'a, Lookup> {
        ready(self.look_up(query).map_or(Lookup::Miss, |(entry, snapshots)| Lookup::Hit(entry, snapshots)))
    }

    fn enter<'a>(&'a self, query: Query<'a>, rotates: bool) -> Answer<'a, Entered> {
        let maps = &mut *self.maps();
        let mut entered = Entered { snapshots: Vec::new(), needs_primary: false, hold: None, lease: Lease::Free };
        for name in query.aggregates {
            let record = maps.records.entry(name.clone()).or_insert_with(|| self.new_record());
            record.rotates |= rotates;
            entered.needs_primary |= self.needs_primary(record);
            entered.snapshots.push(record.snapshot());
        }
        ready(entered)
    }

    fn fill<'a>(&'a self, query: Query<'a>, fill: Fill) -> Answer<'a, Result<(), Refused>> {
        ready(self.try_fill(query, &fill))
    }

    fn verify<'a>(
        &'a self,
        query: Query<'a>,
        snapshots: &'a [Snapshot],
        version: u64,
    ) -> Answer<'a, Result<Vec<Snapshot>, Refused>> {
        let maps = &mut *self.maps();
        let verified = match maps.records.get_mut(&query.aggregates[0]) {
            Some(record) => self.admit(record, snapshots[0], Fence::Row(version), true).map(|_| {
                let mut in_force = snapshots.to_vec();
                in_force[0].floor = version;
                in_force
            }),
            None => Err(Refused::Lost),
        };
        ready(verified)
    }

    fn apply<'a>(&'a self, aggregate: &'a Aggregate, moved: Move) -> Answer<'a, Applied> {
        let maps = &mut *self.maps();
        if let Some(record) = maps.records.get_mut(aggregate) {
            return ready(self.moved(record, moved));
        }
        if !self.keeps(Rule::AbsentStaysAbsent) {
            let mut record = self.new_record();
            record.unverified = false;
            self.moved(&mut record, moved);
            maps.records.insert(aggregate.clone(), record);
        }
        ready(Applied::Absent)
    }

    fn detect<'a>(&'a self, aggregate: &'a Aggregate, snapshot: Snapshot, version: u64) -> Answer<'a, bool> {
        ready(self.try_detect(aggregate, snapshot, version))
    }

    fn discard<'a>(&'a self, query: Query<'a>) -> Answer<'a, ()> {
        self.maps().entries.retain(|(key, ..), _| key != query.key);
        ready(())
    }

    fn source_lag(&self) -> Duration {
        self.source_lag
    }
}

/// A channel on which nothing is ever said.
impl InvalidationChannel for PlainStore {
    fn announce<'a>(&'a self, _: &'a [Announcement]) -> Answer<'a, ()> {
        ready(())
    }

    fn follow<'a>(&'a self, from: Option<&'a Position>, wait: Duration) -> Answer<'a, Followed> {
        Box::pin(async move {
            if from.is_some() {
                tokio::time::sleep(wait).await;
            }
            Ok(Followed { position: Position(String::new()), notices: Vec::new(), has_gap: false })
        })
    }
}
