//! A small world: a database and its replicas, a shared store, readers between their steps, and events under way.

use cachemacro_runtime::protocol::{
    Fence, FenceKind, Index, LoadOrigin, Refused, Snapshot, SourceStep, Token, Verdict,
};

use crate::database::{Row, Write};
use crate::list::List;
use crate::plan::{Function, Lag, Plan, Rule};
use crate::record;

/// The most rows that an entry is made of.
pub(crate) const MAX_ROWS: usize = 2;
pub(crate) const MAX_READERS: usize = 4;
pub(crate) const MAX_ENTRIES: usize = 16;

pub(crate) type Contents = [u8; MAX_ROWS];

/// An entry under its versioned key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    /// One for each aggregate.
    pub(crate) tokens: [Token; MAX_ROWS],
    pub(crate) kind: FenceKind,
    pub(crate) contents: Contents,
}

/// Between which steps a reader is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Phase {
    /// It has loaded, and is to ENTER only now. Without the rule alone.
    Early,
    /// ENTER has answered; the load has not read yet.
    #[default]
    Entered,
    /// The load has read, and FILL is to come.
    Loaded,
    /// ENTER has answered; the source is to be asked.
    Asking,
    /// The source has answered.
    Answered,
    /// The record is at the source's version.
    Verified,
}

/// A reader that found nothing, between ENTER and the end of its load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader {
    pub(crate) function: Function,
    pub(crate) phase: Phase,
    /// The positions that it may not fall behind, and that all who wait for this load may not.
    pub(crate) promised: [u8; MAX_ROWS],
    pub(crate) snapshots: [Snapshot; MAX_ROWS],
    pub(crate) needs_primary: bool,
    pub(crate) asked_primary: bool,
    pub(crate) is_refresh: bool,
    /// What the source answered, or the loaded row's version.
    pub(crate) version: u8,
    pub(crate) contents: Contents,
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) rows: [Row; MAX_ROWS],
    pub(crate) records: [Option<Index>; MAX_ROWS],
    pub(crate) entries: List<Option<Entry>, MAX_ENTRIES>,
    pub(crate) readers: List<Option<Reader>, MAX_READERS>,
    pub(crate) writes: u8,
    pub(crate) duplicates: u8,
    pub(crate) losses: u8,
    pub(crate) evictions: u8,
    pub(crate) aborted: u8,
}

/// What may happen next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Write {
        row: usize,
        write: Write,
    },
    /// An event reaches the store, and is acknowledged.
    Deliver {
        row: usize,
        position: usize,
    },
    /// A transaction publishes its event, and is rolled back.
    Abort {
        row: usize,
    },
    Tick,
    LoseRecord {
        row: usize,
    },
    Evict {
        entry: usize,
    },
    /// A call finds nothing, and ENTERs.
    Enter {
        function: Function,
    },
    /// An entry is served, and its early refresh begins.
    Refresh {
        function: Function,
    },
    /// Another call finds nothing, and waits for this load.
    Join {
        reader: usize,
    },
    /// A load reads the state of each row at a position.
    Load {
        reader: usize,
        positions: [usize; MAX_ROWS],
    },
    /// The version is read apart from the content. Without the rule alone.
    ReadVersion {
        reader: usize,
    },
    Fill {
        reader: usize,
    },
    AskSource {
        reader: usize,
    },
    /// What follows from the source's answer: DETECT, VERIFY or nothing.
    Decide {
        reader: usize,
    },
    /// What is served now, or ENTER.
    ServeOrEnter {
        reader: usize,
    },
}

impl World {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            rows: [Row::new(); MAX_ROWS],
            records: [None, None],
            entries: List::default(),
            readers: List::default(),
            writes: 0,
            duplicates: plan.duplicates,
            losses: plan.losses,
            evictions: plan.evictions,
            aborted: plan.aborted,
        }
    }

    fn reader(&self, at: usize) -> Reader {
        self.readers[at].expect("lists are full to their end")
    }

    /// The entries that may be served now.
    pub(crate) fn served(&self, plan: &Plan) -> impl Iterator<Item = Entry> {
        let entries = self.entries.iter().flatten();
        entries.copied().filter(move |entry| {
            let checked = if plan.has(Rule::AllServe) { plan.rows } else { 1 };
            (0..checked).all(|row| {
                let kind = if row == 0 { entry.kind } else { FenceKind::Still };
                let record = self.records[row].as_ref();
                record.is_some_and(|record| record::serves(record, plan, entry.tokens[row], kind))
            })
        })
    }

    pub(crate) fn promised(&self) -> [u8; MAX_ROWS] {
        [self.rows[0].promised(), self.rows[1].promised()]
    }

    /// G2, G6 and G7 in one: what is returned was current after the newest acknowledged commit.
    pub(crate) fn judge(&self, plan: &Plan, contents: Contents, promised: [u8; MAX_ROWS]) -> Result<(), String> {
        for row in 0..plan.rows {
            if !self.rows[row].allows(contents[row], promised[row]) {
                return Err(format!(
                    "content {} of row {row} is returned, which is older than the promised position {}",
                    contents[row], promised[row]
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn steps(&self, plan: &Plan, steps: &mut Vec<Step>) {
        for row in 0..plan.rows {
            self.writes(plan, row, steps);
            let history = &self.rows[row].history;
            let deliverable = |position: &usize| !history[*position].acknowledged || self.duplicates > 0;
            steps.extend((1..history.len()).filter(deliverable).map(|position| Step::Deliver { row, position }));
            if self.aborted > 0 && self.records[row].is_some() {
                steps.push(Step::Abort { row });
            }
            if self.losses > 0 && self.records[row].is_some() {
                steps.push(Step::LoseRecord { row });
            }
        }
        if self.evictions > 0 {
            steps.extend((0..self.entries.len()).map(|entry| Step::Evict { entry }));
        }
        if self.can_tick(plan) {
            steps.push(Step::Tick);
        }
        for function in plan.functions.iter().copied().filter(|_| self.readers.len() < plan.readers) {
            steps.push(Step::Enter { function });
            if plan.refreshes && self.served(plan).next().is_some() {
                steps.push(Step::Refresh { function });
            }
        }
        (0..self.readers.len()).for_each(|reader| self.reader_steps(plan, reader, steps));
    }

    fn writes(&self, plan: &Plan, row: usize, steps: &mut Vec<Step>) {
        if usize::from(self.writes) >= plan.writes {
            return;
        }
        let mut push = |write| steps.push(Step::Write { row, write });
        push(Write::Update);
        if plan.unversioned {
            push(Write::UpdateUnversioned);
        }
        if plan.deletes && self.rows[row].current().content != 0 {
            push(Write::Delete);
        }
        for ago in (0..2).filter(|ago| self.rows[row].ago(*ago).is_some()) {
            if plan.restores {
                push(Write::Restore(ago));
            }
            if plan.rolls_back {
                push(Write::RollBack(ago));
            }
        }
    }

    fn can_tick(&self, plan: &Plan) -> bool {
        plan.source_lag() > 0
            && (self.rows.iter().any(|row| row.history.iter().any(|commit| commit.readable > 0))
                || self.records.iter().flatten().any(record::is_young))
    }

    fn reader_steps(&self, plan: &Plan, at: usize, steps: &mut Vec<Step>) {
        let reader = self.reader(at);
        if matches!(reader.phase, Phase::Entered | Phase::Loaded) && self.can_join(plan, &reader) {
            steps.push(Step::Join { reader: at });
        }
        match reader.phase {
            Phase::Entered => self.loads(plan, at, steps),
            Phase::Loaded => {
                steps.push(Step::Fill { reader: at });
                if !plan.has(Rule::OneStatement) && reader.version != self.rows[0].current().version {
                    steps.push(Step::ReadVersion { reader: at });
                }
            }
            Phase::Asking => steps.push(Step::AskSource { reader: at }),
            Phase::Answered => steps.push(Step::Decide { reader: at }),
            Phase::Early | Phase::Verified => steps.push(Step::ServeOrEnter { reader: at }),
        }
    }

    /// A waiter of this load does not come back with less than a read that begins now may.
    fn can_join(&self, plan: &Plan, reader: &Reader) -> bool {
        // In source mode the waiter has asked, too, and has brought the record to the answer.
        let floor = self.records[0].as_ref().map(|record| record.snapshot().floor);
        let has_asked = floor == Some(self.rows[0].current().version.into());
        if reader.function == Function::Source && !has_asked {
            return false;
        }
        let is_same = (0..plan.rows).all(|row| {
            let snapshot = self.records[row].as_ref().map(Index::snapshot);
            snapshot == Some(reader.snapshots[row])
        });
        (is_same || !plan.has(Rule::FlightsHaveTokens)) && reader.promised != self.promises(plan, reader.function)
    }

    /// Source mode asks before each read, so in a monotone database it owes even what is not acknowledged. Where numbers are used
    /// again, nothing is owed of a rollback before its event (G7).
    fn promises(&self, plan: &Plan, function: Function) -> [u8; MAX_ROWS] {
        let mut promised = self.promised();
        if function == Function::Source && !plan.rolls_back {
            promised[0] = self.rows[0].position() as u8;
        }
        promised
    }

    fn loads(&self, plan: &Plan, reader: usize, steps: &mut Vec<Step>) {
        let at = |row: usize| self.positions(plan, row, self.reader(reader).asked_primary);
        for first in at(0) {
            for second in at(1).filter(|second| plan.rows > 1 || *second == 0) {
                steps.push(Step::Load { reader, positions: [first, second] });
            }
        }
    }

    /// The states that a load may read.
    fn positions(&self, plan: &Plan, row: usize, asked_primary: bool) -> impl Iterator<Item = usize> {
        let history = self.rows[row].history;
        let last = history.len() - 1;
        let is_readable = move |position: &usize| match plan.lag {
            _ if *position == last => true,
            _ if asked_primary => false,
            Lag::None => false,
            Lag::Bounded(_) => history[*position].readable > 0,
            Lag::Unbounded => true,
        };
        (0..history.len()).filter(is_readable)
    }

    pub(crate) fn take(&self, plan: &Plan, step: Step) -> Result<Self, String> {
        let mut next = self.clone();
        match step {
            Step::Write { row, write } => {
                let lag = plan.source_lag();
                next.rows[row].write(write, lag, !plan.has(Rule::VersionsGoOn));
                next.writes += 1;
            }
            Step::Deliver { row, position } => next.deliver(plan, row, position),
            Step::Abort { row } => {
                next.aborted -= 1;
                let version = u64::from(self.rows[row].current().version) + 1;
                if let Some(record) = &mut next.records[row] {
                    record::apply(record, plan, cachemacro_runtime::protocol::Move::Bump(version));
                }
            }
            Step::Tick => next.tick(),
            Step::LoseRecord { row } => {
                next.losses -= 1;
                next.records[row] = None;
            }
            Step::Evict { entry } => {
                next.evictions -= 1;
                next.entries.swap_remove(entry);
            }
            Step::Enter { function } => next.begin(plan, function),
            Step::Refresh { function } => next.refresh(plan, function),
            Step::Join { reader } => {
                let promised = self.promises(plan, self.reader(reader).function);
                next.reader_mut(reader).promised = promised;
            }
            Step::Load { reader, positions } => next.load(plan, reader, positions),
            Step::ReadVersion { reader } => next.reader_mut(reader).version = self.rows[0].current().version,
            Step::Fill { reader } => next.fill(plan, reader)?,
            Step::AskSource { reader } => {
                let version = self.rows[0].current().version;
                let reader = next.reader_mut(reader);
                (reader.version, reader.phase) = (version, Phase::Answered);
                if !plan.has(Rule::RecordBeforeSource) {
                    reader.phase = Phase::Early;
                }
            }
            Step::Decide { reader } => next.decide(plan, reader),
            Step::ServeOrEnter { reader } => next.serve_or_enter(plan, reader)?,
        }
        Ok(next)
    }

    fn reader_mut(&mut self, at: usize) -> &mut Reader {
        self.readers[at].as_mut().expect("lists are full to their end")
    }

    fn deliver(&mut self, plan: &Plan, row: usize, position: usize) {
        let moved = self.rows[row].moved(position);
        let commit = &mut self.rows[row].history[position];
        if std::mem::replace(&mut commit.acknowledged, true) {
            self.duplicates -= 1;
        }
        match &mut self.records[row] {
            Some(record) => record::apply(record, plan, moved),
            None if plan.has(Rule::EventCreatesNothing) => {}
            absent => {
                let mut record = record::new(plan);
                record::apply(&mut record, plan, moved);
                *absent = Some(record::confirmed(&record));
            }
        }
    }

    fn tick(&mut self) {
        for row in &mut self.rows {
            row.history.iter_mut().for_each(|commit| commit.readable = commit.readable.saturating_sub(1));
        }
        self.records.iter_mut().flatten().for_each(record::tick);
    }

    /// ENTER.
    fn enter(&mut self, plan: &Plan) -> ([Snapshot; MAX_ROWS], bool) {
        let mut needs_primary = false;
        let mut enter = |row: usize| {
            if row >= plan.rows {
                return None;
            }
            let record = self.records[row].get_or_insert_with(|| record::new(plan));
            let (snapshot, needs) = record::enter(record, plan);
            needs_primary |= needs;
            Some(snapshot)
        };
        let first = enter(0).expect("there is a row");
        (([first, enter(1).unwrap_or(first)]), needs_primary)
    }

    fn begin(&mut self, plan: &Plan, function: Function) {
        let promised = self.promises(plan, function);
        let (snapshots, needs_primary) = self.enter(plan);
        let mut reader = Reader {
            function,
            phase: if function == Function::Source { Phase::Asking } else { Phase::Entered },
            promised,
            snapshots,
            needs_primary,
            asked_primary: needs_primary || function != Function::Row || plan.rows > 1,
            is_refresh: false,
            version: 0,
            contents: [0; MAX_ROWS],
        };
        if !plan.has(Rule::EnterFirst) {
            reader.phase = Phase::Early;
            self.readers.push(Some(reader));
            let last = self.readers.len() - 1;
            let positions = [self.rows[0].position(), self.rows[1].position()];
            self.load(plan, last, positions);
            self.reader_mut(last).phase = Phase::Early;
            return;
        }
        self.readers.push(Some(reader));
    }

    fn refresh(&mut self, plan: &Plan, function: Function) {
        self.begin(plan, function);
        let last = self.readers.len() - 1;
        let reader = self.reader_mut(last);
        (reader.is_refresh, reader.phase) = (true, Phase::Entered);
        if !plan.has(Rule::RefreshKnowsTheRecord) {
            reader.needs_primary = false;
            reader.asked_primary = function != Function::Row || plan.rows > 1;
        }
    }

    fn load(&mut self, plan: &Plan, at: usize, positions: [usize; MAX_ROWS]) {
        let states = [0, 1].map(|row| self.rows[row].history[positions[row]]);
        let reader = self.reader_mut(at);
        reader.contents = states.map(|state| state.content);
        if plan.rows == 1 {
            reader.contents[1] = 0;
        }
        (reader.version, reader.phase) = (states[0].version, Phase::Loaded);
    }

    /// FILL, and what the caller does with its answer.
    fn fill(&mut self, plan: &Plan, at: usize) -> Result<(), String> {
        let reader = self.reader(at);
        let is_absent = plan.rows == 1 && reader.contents[0] == 0;
        let fence = match reader.function {
            Function::Row | Function::Source if !is_absent => Fence::Row(reader.version.into()),
            _ => Fence::Still,
        };
        let from_primary = reader.asked_primary || plan.source_lag() == 0;
        let verdict = match self.admit(plan, &reader, fence, from_primary) {
            Ok(tokens) => {
                self.store(Entry { tokens, kind: fence.kind(), contents: reader.contents });
                Verdict::Stored
            }
            Err(refused) => {
                let origin = LoadOrigin {
                    floor: reader.snapshots[0].floor,
                    needs_primary: reader.needs_primary,
                    asked_primary: reader.asked_primary,
                    from_primary,
                };
                origin.judge(fence, Some(refused))
            }
        };
        match verdict {
            Verdict::NeedsPrimary if plan.has(Rule::ReplicaIsNotReturned) => {
                let reader = self.reader_mut(at);
                (reader.asked_primary, reader.phase) = (true, Phase::Entered);
                (reader.version, reader.contents) = (0, [0; MAX_ROWS]);
                return Ok(());
            }
            // The call begins again, as any other that begins now.
            Verdict::Unreachable { version } => self.detect(plan, reader.snapshots[0], version),
            Verdict::Stored | Verdict::Unstored | Verdict::NeedsPrimary => {
                self.judge(plan, reader.contents, reader.promised)?;
            }
        }
        self.readers.swap_remove(at);
        Ok(())
    }

    fn admit(
        &mut self,
        plan: &Plan,
        reader: &Reader,
        mut fence: Fence,
        from_primary: bool,
    ) -> Result<[Token; MAX_ROWS], Refused> {
        let mut tokens = None;
        for row in 0..plan.rows {
            let record = self.records[row].as_mut().ok_or(Refused::Lost)?;
            let admitted = record::admit(record, plan, reader.snapshots[row], fence, from_primary, reader.is_refresh);
            let token = match admitted {
                Err(_) if row > 0 && !plan.has(Rule::AllFence) => {
                    let Snapshot { generation, floor } = record.snapshot();
                    Token { version: floor, generation }
                }
                admitted => admitted?,
            };
            tokens.get_or_insert([token; MAX_ROWS])[row] = token;
            fence = Fence::Still;
        }
        tokens.ok_or(Refused::Lost)
    }

    /// A key never holds two contents, but for two loads of what carries no version.
    fn store(&mut self, entry: Entry) {
        let is_other = |other: &Option<Entry>| {
            other.is_some_and(|other| (other.tokens[0], other.kind) != (entry.tokens[0], entry.kind))
        };
        self.entries.retain(is_other);
        self.entries.push(Some(entry));
    }

    fn detect(&mut self, plan: &Plan, snapshot: Snapshot, version: u64) {
        if let Some(record) = &mut self.records[0] {
            record::detect(record, plan, snapshot, version);
        }
    }

    fn decide(&mut self, plan: &Plan, at: usize) {
        let reader = self.reader(at);
        let (snapshot, version) = (reader.snapshots[0], u64::from(reader.version));
        let mut step = SourceStep::of(snapshot, reader.needs_primary, version);
        if step == SourceStep::Detect && !plan.has(Rule::SourceServesNoFloor) {
            step = SourceStep::Serve;
        }
        let goes_on = match step {
            SourceStep::Detect => {
                self.detect(plan, snapshot, version);
                false
            }
            SourceStep::Verify => self.records[0]
                .as_mut()
                .is_some_and(|record| record::admit(record, plan, snapshot, Fence::Row(version), true, false).is_ok()),
            SourceStep::Serve => true,
        };
        match goes_on {
            true => self.reader_mut(at).phase = Phase::Verified,
            // The call begins again, as any other that begins now.
            false => _ = self.readers.swap_remove(at),
        }
    }

    fn serve_or_enter(&mut self, plan: &Plan, at: usize) -> Result<(), String> {
        let reader = self.reader(at);
        if reader.phase == Phase::Verified {
            let mut is_served = false;
            for entry in self.served(plan) {
                is_served = true;
                self.judge(plan, entry.contents, reader.promised)?;
            }
            if is_served {
                self.readers.swap_remove(at);
                return Ok(());
            }
        }
        let (snapshots, needs_primary) = self.enter(plan);
        let early = match (reader.phase, reader.function) {
            (Phase::Early, Function::Source) => Phase::Answered,
            (Phase::Early, _) => Phase::Loaded,
            _ => Phase::Entered,
        };
        let reader = self.reader_mut(at);
        (reader.snapshots, reader.needs_primary, reader.phase) = (snapshots, needs_primary, early);
        if early == Phase::Entered {
            reader.version = 0;
        }
        reader.asked_primary = needs_primary || reader.function != Function::Row || plan.rows > 1;
        Ok(())
    }

    /// G5: where all is quiet, an entry is found again after at most three calls.
    pub(crate) fn settles(&self, plan: &Plan) -> Result<(), String> {
        let mut world = self.clone();
        for _ in 0..3 {
            world.begin(plan, Function::Row);
            for _ in 0..4 {
                let Some(reader) = world.readers.first().copied().flatten() else { break };
                match reader.phase {
                    Phase::Early => world.serve_or_enter(plan, 0)?,
                    Phase::Entered => {
                        let positions = [world.rows[0].position(), world.rows[1].position()];
                        world.load(plan, 0, positions);
                    }
                    _ => world.fill(plan, 0)?,
                }
            }
            world.readers = List::default();
        }
        let found = world.served(plan).next();
        found.map(drop).ok_or_else(|| "nothing is ever found again (G5)".to_owned())
    }
}
