//! What a world may do, and which rule it lacks.

/// A cached function.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Function {
    /// Its row carries the version.
    #[default]
    Row,
    /// Nothing tells which version it loaded.
    Opaque,
    /// The version is asked for before each read.
    Source,
}

/// How far replicas lag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lag {
    /// Every load reads the primary.
    None,
    /// By so many ticks at most, which the builder's `source_lag` says.
    Bounded(u8),
    /// By any time, and `source_lag` says that they do not.
    Unbounded,
}

/// A rule that can be switched off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// R1, R12: a fill is fenced.
    FillIsFenced,
    /// R8: a refresh is fenced as any fill.
    RefreshIsFenced,
    /// R2: a new record has a new generation.
    NewGeneration,
    /// R3: the floor is max-merged.
    MaxMerge,
    /// R4: a row below the floor is refused.
    RowFence,
    /// R5: an unverified record serves no row.
    UnverifiedServesNothing,
    /// R5: an unverified record takes primary rows only.
    UnverifiedNeedsPrimary,
    /// R6: an event creates no record.
    EventCreatesNothing,
    /// R7: an unreachable floor is reset.
    Detect,
    /// R8: a refresh knows whether the record needs a primary row.
    RefreshKnowsTheRecord,
    /// R9: what carries no version is refused when the floor moved.
    FloorFence,
    /// R10: a caller joins a load only under the same snapshot.
    FlightsHaveTokens,
    /// R20: an entry is served when all its aggregates serve it.
    AllServe,
    /// R20: a fill is fenced by all its aggregates.
    AllFence,
    /// R21: a record that another server has confirmed is unverified.
    RecordNamesItsServer,
    /// R22: versions go on across deletion.
    VersionsGoOn,
    /// A load begins after ENTER.
    EnterFirst,
    /// A load takes the row's version and content in one statement.
    OneStatement,
    /// A row that FILL refused because it came from a replica is not returned.
    ReplicaIsNotReturned,
    /// A record takes primary rows only for as long as replicas lag behind what made it unverified.
    LagIsWaitedOut,
    /// DETECT leaves an unverified record.
    DetectIsUnverified,
    /// DETECT rotates: a floor above the database is no rollback.
    DetectRotates,
    /// A value without a version comes from the primary.
    UnversionedNeedsPrimary,
    /// Decision 0009: an event without a version leaves an unverified record.
    NextIsUnverified,
    /// An alias reaches rows only.
    AliasReachesRowsOnly,
    /// The next event ends an alias.
    AliasEnds,
    /// G7: a rollback adds a mark.
    RollbackMarks,
    /// A rollback leaves an unverified record.
    RollbackIsUnverified,
    /// Decision 0001: what carries no version is bound to the last mark.
    UnversionedEndsWithMark,
    /// An absence, or an opaque value, confirms no floor.
    UnversionedConfirmsNothing,
    /// Decision 0010: where numbers are used again, every event ends what carries no version.
    EveryEventRotates,
    /// Where numbers are used again, RESTORE acts as BUMP.
    RestoreIsBump,
    /// Source mode reads the record before it asks.
    RecordBeforeSource,
    /// DETECT compares with the whole snapshot.
    DetectCompares,
    /// Source mode serves no floor that is above the source.
    SourceServesNoFloor,
    /// R13: a local tier checks at insert that nothing was announced since the fetch began.
    InsertIsFenced,
    /// R13: a copy without a version is as new as the local records.
    CopyIsNotBehind,
    /// R14: what was announced unheard ends every copy.
    GapEndsCopies,
}

/// The bounds of a world.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub name: &'static str,
    pub functions: &'static [Function],
    /// Rows that an entry is made of, each an aggregate.
    pub rows: usize,
    /// Writes beside each row's first.
    pub writes: usize,
    /// Events may carry no version.
    pub unversioned: bool,
    pub restores: bool,
    pub deletes: bool,
    /// The database goes back, and uses version numbers again.
    pub rolls_back: bool,
    pub lag: Lag,
    pub readers: usize,
    /// Events that come once more.
    pub duplicates: u8,
    /// Records that are lost.
    pub losses: u8,
    /// Entries that are evicted.
    pub evictions: u8,
    /// Events of transactions that are rolled back.
    pub aborted: u8,
    /// Servers that fail, so that their replica takes over.
    pub failovers: u8,
    /// Loads that an entry in its early refresh starts.
    pub refreshes: bool,
    /// What this world lacks.
    pub without: Option<Rule>,
}

impl Plan {
    pub fn has(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    #[must_use]
    pub fn without(self, rule: Rule) -> Self {
        Self { without: Some(rule), ..self }
    }

    /// What the builder was told, in ticks.
    pub fn source_lag(&self) -> u8 {
        match self.lag {
            Lag::Bounded(lag) => lag,
            Lag::None | Lag::Unbounded => 0,
        }
    }
}
