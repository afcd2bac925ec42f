//! What the steps of writers, the channel and fetches change.

use cachemacro_runtime::protocol::{Fence, FenceKind, Index, Snapshot, may_copy};

use super::{Fetch, Kept, MAX_COPIES, Phase, Stage, Step, Tiers, kinds};
use crate::database::Write;
use crate::encode::small;
use crate::list::List;
use crate::plan::{Plan, Rule};
use crate::record;

fn fence(kind: FenceKind, version: u8) -> Fence {
    match kind {
        FenceKind::Row => Fence::Row(version.into()),
        FenceKind::Unversioned => Fence::Unversioned,
    }
}

fn enter(record: &mut Option<Index>, plan: &Plan) -> Snapshot {
    record::enter(record.get_or_insert_with(|| record::new(plan)), plan).0
}

impl Tiers {
    pub(super) fn served<'a>(
        record: Option<&'a Index>,
        kept: &'a [Option<Kept>],
        plan: &'a Plan,
    ) -> impl Iterator<Item = (usize, Kept)> + 'a {
        let kept = kept.iter().flatten().copied().enumerate();
        kept.filter(move |(_, kept)| record.is_some_and(|record| record::serves(record, plan, kept.token, kept.kind)))
    }

    /// What a load reads now: a deleted row is an absence, which carries no version.
    pub(super) fn read(&self, wanted: FenceKind) -> (FenceKind, u8, u8) {
        let current = self.row.current();
        let kind = if current.content == 0 { FenceKind::Unversioned } else { wanted };
        (kind, current.version, current.content)
    }

    pub(super) fn fetch(&self, at: usize) -> Fetch {
        self.fetches[at].expect("lists are full to their end")
    }

    pub(super) fn writer_steps(&self, plan: &Plan, steps: &mut Vec<Step>) {
        if usize::from(self.writes) < plan.writes {
            steps.push(Step::Write(Write::Update));
            if plan.deletes && self.row.current().content != 0 {
                steps.push(Step::Write(Write::Delete));
            }
            if plan.rolls_back && self.row.ago(0).is_some() {
                steps.push(Step::Write(Write::RollBack(0)));
            }
        }
        for position in 1..self.row.history.len() {
            let stage = self.stages[position];
            let told = if stage == Stage::Committed { self.early } else { self.own };
            if stage < Stage::Announced && told >> position & 1 == 0 {
                steps.push(Step::TellOwn(position));
            }
            match stage {
                Stage::Committed => steps.push(Step::Apply(position)),
                Stage::Applied => steps.push(Step::Announce(position)),
                _ if self.duplicates > 0 => steps.push(Step::Repeat(position)),
                _ => {}
            }
        }
    }

    pub(super) fn fetch_steps(&self, plan: &Plan, steps: &mut Vec<Step>) {
        if self.fetches.len() < plan.readers {
            steps.push(Step::PlaceFetch);
            steps.extend(kinds(plan).map(Step::Enter));
        }
        for at in 0..self.fetches.len() {
            match self.fetch(at).phase {
                Phase::Entered => steps.push(Step::Load(at)),
                Phase::Loaded => steps.push(Step::Place(at)),
                Phase::LoadedPlaced => steps.push(Step::Fill(at)),
                Phase::Placed => {
                    let served = Self::served(self.shared.as_ref(), &self.entries, plan);
                    steps.extend(served.map(|(entry, _)| Step::LookUp(at, entry)));
                }
                Phase::Fetched => steps.push(Step::Keep(at)),
            }
        }
    }

    pub(super) fn store(kept: &mut List<Option<Kept>, MAX_COPIES>, new: Kept) {
        kept.retain(|other| other.is_some_and(|other| (other.token, other.kind) != (new.token, new.kind)));
        kept.push(Some(new));
    }

    pub(super) fn write_step(&mut self, plan: &Plan, step: Step) {
        match step {
            Step::Write(write) => {
                self.row.write(write, 0, false);
                self.writes += 1;
            }
            Step::Apply(position) => {
                self.apply(plan, position);
                self.stages[position] = Stage::Applied;
            }
            Step::TellOwn(position) => {
                self.tell(plan, position);
                let told = if self.stages[position] == Stage::Committed { &mut self.early } else { &mut self.own };
                *told |= 1 << position;
            }
            Step::Announce(position) => {
                self.announce(position);
                self.stages[position] = Stage::Announced;
            }
            Step::Repeat(position) => {
                self.duplicates -= 1;
                self.apply(plan, position);
                self.announce(position);
            }
            _ => unreachable!("no step of a writer"),
        }
    }

    pub(super) fn is_own(&self, position: usize) -> bool {
        self.own >> position & 1 == 1
    }

    pub(super) fn apply(&mut self, plan: &Plan, position: usize) {
        if let Some(record) = &mut self.shared {
            record::apply(record, plan, self.row.moved(position));
        }
    }

    pub(super) fn tell(&mut self, plan: &Plan, position: usize) {
        if let Some(record) = &mut self.local {
            record::apply(record, plan, self.row.moved(position));
        }
    }

    pub(super) fn announce(&mut self, position: usize) {
        self.channel.push(position as u8);
    }

    /// The order is the rule: first what was missed ends, then what was announced.
    pub(super) fn hear(&mut self, plan: &Plan) {
        if std::mem::take(&mut self.has_gap) {
            if let (Some(local), true) = (&mut self.local, plan.has(Rule::GapEndsCopies)) {
                local.reset(record::fresh(), record::now(), std::time::Duration::ZERO);
            }
            self.stages.iter_mut().filter(|stage| **stage == Stage::Trimmed).for_each(|stage| *stage = Stage::Told);
            return;
        }
        let position = usize::from(self.channel[0]);
        let rest: Vec<u8> = self.channel[1..].to_vec();
        self.channel = List::default();
        rest.into_iter().for_each(|position| self.channel.push(position));
        self.tell(plan, position);
        self.stages[position] = Stage::Told;
    }

    pub(super) fn trim(&mut self) {
        self.gaps -= 1;
        for position in self.channel.iter().copied().map(usize::from) {
            self.stages[position] = self.stages[position].max(Stage::Trimmed);
        }
        self.channel = List::default();
        self.has_gap = true;
    }

    pub(super) fn fill_elsewhere(&mut self, plan: &Plan, wanted: FenceKind) {
        let snapshot = enter(&mut self.shared, plan);
        let (kind, version, content) = self.read(wanted);
        let record = self.shared.as_mut().expect("it was entered");
        if let Ok(token) = record::admit(record, plan, snapshot, fence(kind, version), true, false) {
            Self::store(&mut self.entries, Kept { token, kind, content });
        }
    }

    /// FILL of the shared store by this process, and the copy that it may keep.
    pub(super) fn fill(&mut self, plan: &Plan, at: usize) {
        let Fetch { kind, there, version, content, .. } = self.fetch(at);
        let admitted = self
            .shared
            .as_mut()
            .and_then(|record| record::admit(record, plan, there, fence(kind, version), true, false).ok());
        let Some(token) = admitted else {
            self.fetches.swap_remove(at);
            return;
        };
        Self::store(&mut self.entries, Kept { token, kind, content });
        let fetch = self.fetches[at].as_mut().expect("lists are full to their end");
        if kind == FenceKind::Row {
            fetch.there.floor = version.into();
        }
        fetch.phase = Phase::Fetched;
    }

    pub(super) fn look_up(&mut self, at: usize, entry: usize) {
        let Kept { token, kind, content } = self.entries[entry].expect("lists are full to their end");
        let there = self.shared.as_ref().expect("it serves").snapshot();
        let fetch = self.fetches[at].as_mut().expect("lists are full to their end");
        (fetch.phase, fetch.kind, fetch.content, fetch.there) = (Phase::Fetched, kind, content, there);
        fetch.version = small(token.version);
    }

    pub(super) fn keep(&mut self, plan: &Plan, at: usize) {
        let Fetch { kind, there, mut here, version, content, .. } = self.fetch(at);
        self.fetches.swap_remove(at);
        let fence = fence(kind, version);
        if !may_copy(fence, &[here], &[there]) && plan.has(Rule::CopyIsNotBehind) {
            return;
        }
        let Some(record) = &mut self.local else { return };
        if !plan.has(Rule::InsertIsFenced) {
            here = record.snapshot();
        }
        if let Ok(token) = record::admit(record, plan, here, fence, true, false) {
            Self::store(&mut self.copies, Kept { token, kind, content });
        }
    }

    pub(super) fn fetch_step(&mut self, plan: &Plan, step: Step) {
        match step {
            Step::Enter(kind) => {
                // The local record is made first, and held.
                let here = enter(&mut self.local, plan);
                let there = enter(&mut self.shared, plan);
                self.fetches.push(Some(Fetch { phase: Phase::Entered, kind, there, here, version: 0, content: 0 }));
            }
            Step::PlaceFetch => {
                let here = enter(&mut self.local, plan);
                let kind = FenceKind::Row;
                self.fetches.push(Some(Fetch {
                    phase: Phase::Placed,
                    kind,
                    there: here,
                    here,
                    version: 0,
                    content: 0,
                }));
            }
            Step::Load(at) => {
                let (kind, version, content) = self.read(self.fetch(at).kind);
                let fetch = Fetch { phase: Phase::Loaded, kind, version, content, ..self.fetch(at) };
                self.fetches[at] = Some(fetch);
            }
            Step::Place(at) => {
                let here = enter(&mut self.local, plan);
                self.fetches[at] = Some(Fetch { phase: Phase::LoadedPlaced, here, ..self.fetch(at) });
            }
            Step::Fill(at) => self.fill(plan, at),
            Step::LookUp(at, entry) => self.look_up(at, entry),
            Step::Keep(at) => self.keep(plan, at),
            _ => unreachable!("no step of a fetch"),
        }
    }
}
