//! A local tier in front of a shared store: copies, and the announcements that end them.

mod encode;
mod take;

use cachemacro_runtime::protocol::{FenceKind, Index, Snapshot, Token};

use crate::database::{MAX_COMMITS, Row, Write};
use crate::list::List;
use crate::plan::{Function, Plan};
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

/// What the functions load, where their row is there.
fn kinds(plan: &Plan) -> impl Iterator<Item = FenceKind> {
    plan.functions.iter().map(|function| match function {
        Function::Opaque => FenceKind::Unversioned,
        Function::Row | Function::Source => FenceKind::Row,
    })
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
        steps.extend(kinds(plan).map(Step::FillElsewhere));
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
        state.write(bytes);
    }

    fn decode(&self, bytes: &[u8]) -> Tiers {
        Tiers::read_from(bytes, self.initial())
    }
}
