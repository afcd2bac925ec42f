//! A small world: a database and its replicas, a shared store, readers between their steps, and events under way.

mod steps;
mod take;

use cachemacro_runtime::protocol::{FenceKind, Index, Snapshot, Token};

use crate::database::{Row, Write};
use crate::list::List;
use crate::plan::{Function, Plan, Rule};
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
    pub(crate) failovers: u8,
    /// The first row's record on the server's replica.
    pub(crate) replicated: Option<Index>,
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
    /// The server's replica hears of all that happened.
    Replicate,
    /// The server fails, and its replica takes over with what it has heard.
    FailOver,
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
            failovers: plan.failovers,
            replicated: None,
        }
    }

    fn reader(&self, at: usize) -> Reader {
        self.readers[at].expect("lists are full to their end")
    }

    fn reader_mut(&mut self, at: usize) -> &mut Reader {
        self.readers[at].as_mut().expect("lists are full to their end")
    }

    /// The entries that may be served now.
    pub(crate) fn served(&self, plan: &Plan) -> impl Iterator<Item = Entry> {
        let entries = self.entries.iter().flatten();
        entries.copied().filter(move |entry| {
            let checked = if plan.has(Rule::AllServe) { plan.rows } else { 1 };
            (0..checked).all(|row| {
                let kind = if row == 0 { entry.kind } else { FenceKind::Unversioned };
                let record = self.records[row].as_ref();
                record.is_some_and(|record| record::serves(record, plan, entry.tokens[row], kind))
            })
        })
    }

    pub(crate) fn promised(&self) -> [u8; MAX_ROWS] {
        [self.rows[0].promised(), self.rows[1].promised()]
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
