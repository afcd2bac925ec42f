//! A local tier in front of a shared store: copies, and the announcements that end them.

use cachemacro_runtime::protocol::{Fence, FenceKind, Index, Snapshot, Token, may_copy};

use crate::database::{MAX_COMMITS, Row, Write};
use crate::encode::{Bytes, Names, decode_commit, decode_record, encode_commit, encode_record, generation, small};
use crate::list::List;
use crate::plan::{Function, Plan, Rule};
use crate::record;
use crate::search::Model;

const MAX_COPIES: usize = 8;
const MAX_NOTICES: usize = 8;

/// The bounds of a world with a local tier.
#[derive(Clone, Copy, Debug)]
pub struct TierPlan {
    pub plan: Plan,
    /// How often the channel loses what was announced.
    pub gaps: u8,
}

/// How far the event of a commit has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
enum Stage {
    #[default]
    Committed,
    /// The shared record has moved.
    Applied,
    /// In the channel: acknowledged.
    Announced,
    /// Announced, and no longer in the channel.
    Trimmed,
    /// The local tier knows.
    Told,
}

const STAGES: [Stage; 5] = [Stage::Committed, Stage::Applied, Stage::Announced, Stage::Trimmed, Stage::Told];

/// An entry under the token of one record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Kept {
    token: Token,
    kind: FenceKind,
    content: u8,
}

/// Between which steps the local tier is with one entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// A load has entered the shared record.
    Entered,
    Loaded,
    /// It has its place on the local record; the shared store is still to be filled.
    LoadedPlaced,
    /// It has its place on the local record, and looks up the shared store next.
    Placed,
    /// The shared store has answered; the copy is still to be kept.
    Fetched,
}

const PHASES: [Phase; 5] = [Phase::Entered, Phase::Loaded, Phase::LoadedPlaced, Phase::Placed, Phase::Fetched];

#[derive(Clone, Copy, Debug)]
pub(crate) struct Fetch {
    phase: Phase,
    kind: FenceKind,
    there: Snapshot,
    here: Snapshot,
    version: u8,
    content: u8,
}

#[derive(Clone, Debug)]
pub(crate) struct Tiers {
    row: Row,
    stages: [Stage; MAX_COMMITS],
    shared: Option<Index>,
    local: Option<Index>,
    entries: List<Option<Kept>, MAX_COPIES>,
    copies: List<Option<Kept>, MAX_COPIES>,
    fetches: List<Option<Fetch>, 4>,
    /// The positions of the commits that are announced, and that the local tier has not heard.
    channel: List<u8, MAX_NOTICES>,
    has_gap: bool,
    /// One bit for each commit: its publisher is of this process, and has told the local tier after the shared record moved.
    own: u8,
    /// The same after an attempt to move the shared record that failed, or whose answer was lost.
    early: u8,
    writes: u8,
    duplicates: u8,
    losses: u8,
    evictions: u8,
    gaps: u8,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Write(Write),
    /// A publisher moves the shared record.
    Apply(usize),
    /// It tells its own process, also after an attempt to move the shared record that failed.
    TellOwn(usize),
    Announce(usize),
    /// An event comes once more.
    Repeat(usize),
    /// The local tier hears the next announcement.
    Hear,
    Trim,
    LoseRecord,
    LoseLocal,
    /// Another process fills the shared store.
    FillElsewhere(FenceKind),
    Enter(FenceKind),
    Load(usize),
    /// The place on the local record, before the shared store is filled or looked up.
    Place(usize),
    PlaceFetch,
    Fill(usize),
    LookUp(usize, usize),
    Keep(usize),
}

fn fence(kind: FenceKind, version: u8) -> Fence {
    match kind {
        FenceKind::Row => Fence::Row(version.into()),
        FenceKind::Still => Fence::Still,
    }
}

fn enter(record: &mut Option<Index>, plan: &Plan) -> Snapshot {
    record::enter(record.get_or_insert_with(|| record::new(plan)), plan).0
}

impl Tiers {
    fn served<'a>(
        record: Option<&'a Index>,
        kept: &'a [Option<Kept>],
        plan: &'a Plan,
    ) -> impl Iterator<Item = (usize, Kept)> + 'a {
        let kept = kept.iter().flatten().copied().enumerate();
        kept.filter(move |(_, kept)| record.is_some_and(|record| record::serves(record, plan, kept.token, kept.kind)))
    }

    /// What a load reads now: a deleted row is an absence, which carries no version.
    fn read(&self, wanted: FenceKind) -> (FenceKind, u8, u8) {
        let current = self.row.current();
        let kind = if current.content == 0 { FenceKind::Still } else { wanted };
        (kind, current.version, current.content)
    }

    fn fetch(&self, at: usize) -> Fetch {
        self.fetches[at].expect("lists are full to their end")
    }

    fn writer_steps(&self, plan: &Plan, steps: &mut Vec<Step>) {
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

    fn fetch_steps(&self, plan: &Plan, steps: &mut Vec<Step>) {
        if self.fetches.len() < plan.readers {
            steps.extend([Step::Enter(FenceKind::Row), Step::PlaceFetch]);
            if plan.functions.contains(&Function::Opaque) {
                steps.push(Step::Enter(FenceKind::Still));
            }
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

    fn store(kept: &mut List<Option<Kept>, MAX_COPIES>, new: Kept) {
        kept.retain(|other| other.is_some_and(|other| (other.token, other.kind) != (new.token, new.kind)));
        kept.push(Some(new));
    }

    fn write_step(&mut self, plan: &Plan, step: Step) {
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

    fn is_own(&self, position: usize) -> bool {
        self.own >> position & 1 == 1
    }

    fn apply(&mut self, plan: &Plan, position: usize) {
        if let Some(record) = &mut self.shared {
            record::apply(record, plan, self.row.moved(position));
        }
    }

    fn tell(&mut self, plan: &Plan, position: usize) {
        if let Some(record) = &mut self.local {
            record::apply(record, plan, self.row.moved(position));
        }
    }

    fn announce(&mut self, position: usize) {
        self.channel.push(position as u8);
    }

    /// The order is the rule: first what was missed ends, then what was announced.
    fn hear(&mut self, plan: &Plan) {
        if std::mem::take(&mut self.has_gap) {
            if let (Some(local), true) = (&mut self.local, plan.has(Rule::GapEndsCopies)) {
                local.reset(record::now(), std::time::Duration::ZERO);
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

    fn trim(&mut self) {
        self.gaps -= 1;
        for position in self.channel.iter().copied().map(usize::from) {
            self.stages[position] = self.stages[position].max(Stage::Trimmed);
        }
        self.channel = List::default();
        self.has_gap = true;
    }

    fn fill_elsewhere(&mut self, plan: &Plan, wanted: FenceKind) {
        let snapshot = enter(&mut self.shared, plan);
        let (kind, version, content) = self.read(wanted);
        let record = self.shared.as_mut().expect("it was entered");
        if let Ok(token) = record::admit(record, plan, snapshot, fence(kind, version), true, false) {
            Self::store(&mut self.entries, Kept { token, kind, content });
        }
    }

    /// FILL of the shared store by this process, and the copy that it may keep.
    fn fill(&mut self, plan: &Plan, at: usize) {
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

    fn look_up(&mut self, at: usize, entry: usize) {
        let Kept { token, kind, content } = self.entries[entry].expect("lists are full to their end");
        let there = self.shared.as_ref().expect("it serves").snapshot();
        let fetch = self.fetches[at].as_mut().expect("lists are full to their end");
        (fetch.phase, fetch.kind, fetch.content, fetch.there) = (Phase::Fetched, kind, content, there);
        fetch.version = small(token.version);
    }

    fn keep(&mut self, plan: &Plan, at: usize) {
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

    fn fetch_step(&mut self, plan: &Plan, step: Step) {
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

impl Model for TierPlan {
    type State = Tiers;
    type Step = Step;

    fn initial(&self) -> Tiers {
        let Plan { duplicates, losses, evictions, .. } = self.plan;
        Tiers {
            row: Row::new(),
            stages: [Stage::Committed; MAX_COMMITS],
            shared: None,
            local: None,
            entries: List::default(),
            copies: List::default(),
            fetches: List::default(),
            channel: List::default(),
            has_gap: false,
            own: 0,
            early: 0,
            writes: 0,
            duplicates,
            losses,
            evictions,
            gaps: self.gaps,
        }
    }

    fn steps(&self, state: &Tiers, steps: &mut Vec<Step>) {
        let plan = &self.plan;
        state.writer_steps(plan, steps);
        state.fetch_steps(plan, steps);
        steps.push(Step::FillElsewhere(FenceKind::Row));
        if plan.functions.contains(&Function::Opaque) {
            steps.push(Step::FillElsewhere(FenceKind::Still));
        }
        if state.has_gap || !state.channel.is_empty() {
            steps.push(Step::Hear);
        }
        if state.gaps > 0 && !state.channel.is_empty() {
            steps.push(Step::Trim);
        }
        if state.losses > 0 && state.shared.is_some() {
            steps.push(Step::LoseRecord);
        }
        if state.evictions > 0 && state.local.is_some() {
            steps.push(Step::LoseLocal);
        }
    }

    fn take(&self, state: &Tiers, step: Step) -> Result<Tiers, String> {
        let mut next = state.clone();
        match step {
            Step::Write(_) | Step::Apply(_) | Step::TellOwn(_) | Step::Announce(_) | Step::Repeat(_) => {
                next.write_step(&self.plan, step);
            }
            Step::Hear => next.hear(&self.plan),
            Step::Trim => next.trim(),
            Step::LoseRecord => {
                next.losses -= 1;
                next.shared = None;
            }
            Step::LoseLocal => {
                next.evictions -= 1;
                (next.local, next.copies) = (None, List::default());
            }
            Step::FillElsewhere(kind) => next.fill_elsewhere(&self.plan, kind),
            _ => next.fetch_step(&self.plan, step),
        }
        Ok(next)
    }

    /// G3: a copy is no older than the newest commit that this process was told of.
    fn check(&self, state: &Tiers) -> Result<(), String> {
        let mut row = state.row;
        for (at, commit) in row.history.iter_mut().enumerate().skip(1) {
            let stage = state.stages[at];
            commit.acknowledged = stage == Stage::Told || stage >= Stage::Announced && state.is_own(at);
        }
        let promised = row.promised();
        for (_, copy) in Tiers::served(state.local.as_ref(), &state.copies, &self.plan) {
            if !row.allows(copy.content, promised) {
                let content = copy.content;
                return Err(format!(
                    "a copy of content {content} is returned, older than the promised position {promised}"
                ));
            }
        }
        Ok(())
    }

    fn encode(&self, state: &Tiers, bytes: &mut Vec<u8>) {
        let names = Names::of(&[state.shared.clone(), state.local.clone()]);
        bytes.extend([state.writes << 4 | state.duplicates, state.losses << 4 | state.evictions]);
        bytes.extend([state.gaps << 1 | u8::from(state.has_gap), state.row.history.len() as u8]);
        bytes.extend([state.own, state.early]);
        for (commit, stage) in state.row.history.iter().zip(state.stages) {
            encode_commit(commit, bytes);
            bytes.push(stage as u8);
        }
        encode_record(state.shared.as_ref(), &names, bytes);
        encode_record(state.local.as_ref(), &names, bytes);
        let kept = |kept: &Kept| {
            let Token { version, generation } = kept.token;
            [small(version), names.number(generation), kept.kind as u8, kept.content]
        };
        for list in [&state.entries, &state.copies] {
            let mut list: Vec<_> = list.iter().flatten().map(kept).filter(|kept| kept[1] != 0).collect();
            list.sort_unstable();
            bytes.push(list.len() as u8);
            list.iter().for_each(|kept| bytes.extend(kept));
        }
        let snapshot = |snapshot: Snapshot| [names.number(snapshot.generation), small(snapshot.floor)];
        let mut fetches: Vec<_> = state
            .fetches
            .iter()
            .flatten()
            .map(|fetch| {
                let ([there, floor], [here, low]) = (snapshot(fetch.there), snapshot(fetch.here));
                [fetch.phase as u8, fetch.kind as u8, there, floor, here, low, fetch.version, fetch.content]
            })
            .collect();
        fetches.sort_unstable();
        bytes.push(fetches.len() as u8);
        fetches.iter().for_each(|fetch| bytes.extend(fetch));
        bytes.push(state.channel.len() as u8);
        bytes.extend(&state.channel[..]);
    }

    fn decode(&self, bytes: &[u8]) -> Tiers {
        let mut bytes = Bytes(bytes);
        let mut state = self.initial();
        let [first, second, third, commits, own, early] = bytes.array();
        (state.own, state.early) = (own, early);
        (state.writes, state.duplicates) = (first >> 4, first & 15);
        (state.losses, state.evictions) = (second >> 4, second & 15);
        (state.gaps, state.has_gap) = (third >> 1, third & 1 == 1);
        state.row.history = List::default();
        for at in 0..usize::from(commits) {
            state.row.history.push(decode_commit(&mut bytes));
            state.stages[at] = STAGES[usize::from(bytes.next())];
        }
        state.shared = decode_record(&mut bytes);
        state.local = decode_record(&mut bytes);
        let kind = |kind: u8| if kind == FenceKind::Row as u8 { FenceKind::Row } else { FenceKind::Still };
        for list in [&mut state.entries, &mut state.copies] {
            for _ in 0..bytes.next() {
                let [version, of, what, content] = bytes.array();
                let token = Token { version: version.into(), generation: generation(of) };
                list.push(Some(Kept { token, kind: kind(what), content }));
            }
        }
        for _ in 0..bytes.next() {
            let [phase, what, there, floor, here, low, version, content] = bytes.array();
            let snapshot = |of, floor: u8| Snapshot { generation: generation(of), floor: floor.into() };
            let (there, here) = (snapshot(there, floor), snapshot(here, low));
            let (phase, kind) = (PHASES[usize::from(phase)], kind(what));
            state.fetches.push(Some(Fetch { phase, kind, there, here, version, content }));
        }
        for _ in 0..bytes.next() {
            state.channel.push(bytes.next());
        }
        state
    }
}
