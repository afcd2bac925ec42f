//! What a step changes in a world.

use cachemacro_runtime::protocol::{Fence, LoadOrigin, Move, Refused, Snapshot, SourceStep, Token, Verdict};

use super::{Entry, MAX_ROWS, Phase, Reader, Step, World};
use crate::plan::{Function, Plan, Rule};
use crate::record;

impl World {
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
                    record::apply(record, plan, Move::Bump(version));
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
            Step::Replicate => next.replicated = self.records[0].clone(),
            Step::FailOver => {
                next.failovers -= 1;
                next.records[0] = next.replicated.take().map(|record| record::fail_over(&record, plan));
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

    pub(super) fn deliver(&mut self, plan: &Plan, row: usize, position: usize) {
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

    pub(super) fn tick(&mut self) {
        for row in &mut self.rows {
            row.history.iter_mut().for_each(|commit| commit.readable = commit.readable.saturating_sub(1));
        }
        self.records.iter_mut().flatten().for_each(record::tick);
    }

    pub(super) fn begin(&mut self, plan: &Plan, function: Function) {
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

    pub(super) fn refresh(&mut self, plan: &Plan, function: Function) {
        self.begin(plan, function);
        let last = self.readers.len() - 1;
        let reader = self.reader_mut(last);
        (reader.is_refresh, reader.phase) = (true, Phase::Entered);
        if !plan.has(Rule::RefreshKnowsTheRecord) {
            reader.needs_primary = false;
            reader.asked_primary = function != Function::Row || plan.rows > 1;
        }
    }

    pub(super) fn load(&mut self, plan: &Plan, at: usize, positions: [usize; MAX_ROWS]) {
        let states = [0, 1].map(|row| self.rows[row].history[positions[row]]);
        let reader = self.reader_mut(at);
        reader.contents = states.map(|state| state.content);
        if plan.rows == 1 {
            reader.contents[1] = 0;
        }
        (reader.version, reader.phase) = (states[0].version, Phase::Loaded);
    }

    /// FILL, and what the caller does with its answer.
    pub(super) fn fill(&mut self, plan: &Plan, at: usize) -> Result<(), String> {
        let reader = self.reader(at);
        let is_absent = plan.rows == 1 && reader.contents[0] == 0;
        let fence = match reader.function {
            Function::Row | Function::Source if !is_absent => Fence::Row(reader.version.into()),
            _ => Fence::Unversioned,
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

    pub(super) fn admit(
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
            fence = Fence::Unversioned;
        }
        tokens.ok_or(Refused::Lost)
    }

    /// A key never holds two contents, but for two loads of what carries no version.
    pub(super) fn store(&mut self, entry: Entry) {
        let is_other = |other: &Option<Entry>| {
            other.is_some_and(|other| (other.tokens[0], other.kind) != (entry.tokens[0], entry.kind))
        };
        self.entries.retain(is_other);
        self.entries.push(Some(entry));
    }

    pub(super) fn detect(&mut self, plan: &Plan, snapshot: Snapshot, version: u64) {
        if let Some(record) = &mut self.records[0] {
            record::detect(record, plan, snapshot, version);
        }
    }

    pub(super) fn decide(&mut self, plan: &Plan, at: usize) {
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

    pub(super) fn serve_or_enter(&mut self, plan: &Plan, at: usize) -> Result<(), String> {
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
}
