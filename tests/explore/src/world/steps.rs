//! What may happen next in a world.

use cachemacro_runtime::protocol::Index;

use super::{Phase, Reader, Step, World};
use crate::database::Write;
use crate::plan::{Function, Lag, Plan, Rule};
use crate::record;

impl World {
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
        if self.failovers > 0 {
            steps.extend([Step::Replicate, Step::FailOver]);
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

    pub(super) fn writes(&self, plan: &Plan, row: usize, steps: &mut Vec<Step>) {
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

    pub(super) fn can_tick(&self, plan: &Plan) -> bool {
        plan.source_lag() > 0
            && (self.rows.iter().any(|row| row.history.iter().any(|commit| commit.readable > 0))
                || self.records.iter().flatten().any(record::is_primary_only))
    }

    pub(super) fn reader_steps(&self, plan: &Plan, at: usize, steps: &mut Vec<Step>) {
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
    pub(super) fn can_join(&self, plan: &Plan, reader: &Reader) -> bool {
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

    pub(super) fn loads(&self, plan: &Plan, reader: usize, steps: &mut Vec<Step>) {
        let at = |row: usize| self.positions(plan, row, self.reader(reader).asked_primary);
        for first in at(0) {
            for second in at(1).filter(|second| plan.rows > 1 || *second == 0) {
                steps.push(Step::Load { reader, positions: [first, second] });
            }
        }
    }

    /// The states that a load may read.
    pub(super) fn positions(&self, plan: &Plan, row: usize, asked_primary: bool) -> impl Iterator<Item = usize> {
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
}
