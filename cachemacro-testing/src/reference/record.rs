//! The record of one aggregate: the table of operations in docs/protocol.md, a method for each line.

use std::time::Duration;

use cachemacro_runtime::store::{Applied, Fence, FenceKind, Move, Refused, Snapshot};
use cachemacro_runtime::{Generation, Moment, Token};

/// A record that would get more marks than this begins anew instead.
const MAX_MARKS: usize = 8;

pub(super) struct Record {
    floor: u64,
    /// `(from version, generation)`, ascending. The first one is from version 0.
    marks: Vec<(u64, Generation)>,
    alias: Option<u64>,
    unverified: bool,
    primary_only_until: Moment,
    rotates: bool,
    fence_generation: Generation,
}

impl Record {
    /// ENTER, where there is none.
    pub(super) fn new(now: Moment, source_lag: Duration) -> Self {
        let generation = Generation::random();
        Self {
            floor: 0,
            marks: vec![(0, generation)],
            alias: None,
            unverified: true,
            primary_only_until: now.after(source_lag),
            rotates: false,
            fence_generation: generation,
        }
    }

    fn begin_anew(&mut self, floor: u64, now: Moment, source_lag: Duration) {
        *self = Self { floor, rotates: self.rotates, ..Self::new(now, source_lag) };
    }

    /// ENTER in the reused profile: from now on every event brings a new fence generation.
    pub(super) fn set_rotates(&mut self) {
        self.rotates = true;
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot { generation: self.fence_generation, floor: self.floor }
    }

    pub(super) fn needs_primary(&self, now: Moment) -> bool {
        self.unverified || now < self.primary_only_until
    }

    /// What a row of this version is stored under.
    fn row_token(&self, version: u64) -> Token {
        let mark =
            self.marks.iter().rev().find(|(from, _)| *from <= version).expect("the first mark is from version 0");
        Token { version, generation: mark.1 }
    }

    /// What a value without a version is stored under.
    fn unversioned_token(&self) -> Token {
        Token { version: self.floor, generation: self.fence_generation }
    }

    /// LOOKUP: whether an entry that is stored under this token may be served.
    pub(super) fn serves(&self, token: Token, kind: FenceKind) -> bool {
        match kind {
            FenceKind::Row => {
                let current = [Some(self.floor), self.alias].into_iter().flatten();
                !self.unverified && current.map(|version| self.row_token(version)).any(|serving| serving == token)
            }
            FenceKind::Unversioned => token == self.unversioned_token(),
        }
    }

    /// FILL without its entry, which is also VERIFY: the token to store the entry under.
    pub(super) fn admit(
        &mut self,
        snapshot: Snapshot,
        fence: Fence,
        from_primary: bool,
        now: Moment,
    ) -> Result<Token, Refused> {
        if snapshot.generation != self.fence_generation {
            return Err(Refused::Moved);
        }
        if !from_primary && (self.needs_primary(now) || fence == Fence::Unversioned) {
            return Err(Refused::Replica);
        }
        match fence {
            Fence::Row(version) if version < self.floor => Err(Refused::Old),
            Fence::Row(version) => {
                self.floor = version;
                self.alias = None;
                self.unverified = false;
                Ok(self.row_token(version))
            }
            Fence::Unversioned if snapshot.floor != self.floor => Err(Refused::Moved),
            Fence::Unversioned => Ok(self.unversioned_token()),
        }
    }

    /// BUMP, NEXT, RESTORE and ROLLBACK.
    pub(super) fn apply(&mut self, moved: Move, now: Moment, source_lag: Duration) -> Applied {
        let applied = match moved {
            Move::Bump(version) => self.raise(version, None),
            Move::Restore { version, of } => self.raise(version, (!self.rotates).then_some(of)),
            Move::Next => {
                self.begin_anew(self.floor, now, source_lag);
                Applied::Moved
            }
            Move::Rollback { to } => {
                self.roll_back(to, now, source_lag);
                Applied::Moved
            }
        };
        if !self.rotates {
            return applied;
        }
        self.fence_generation = Generation::random();
        Applied::Moved
    }

    fn raise(&mut self, version: u64, alias: Option<u64>) -> Applied {
        if version == 0 && self.floor == 0 {
            // The floor of a new record says nothing of version 0, so what was read before may be older.
            self.fence_generation = Generation::random();
            return Applied::Moved;
        }
        if version <= self.floor {
            return Applied::Duplicate;
        }
        self.floor = version;
        self.alias = alias;
        Applied::Moved
    }

    fn roll_back(&mut self, to: u64, now: Moment, source_lag: Duration) {
        self.marks.retain(|(from, _)| *from <= to);
        if self.marks.len() >= MAX_MARKS {
            return self.begin_anew(to, now, source_lag);
        }
        self.fence_generation = Generation::random();
        self.marks.push((to.saturating_add(1), self.fence_generation));
        self.floor = to;
        self.alias = None;
        self.unverified = true;
        self.primary_only_until = now.after(source_lag);
    }

    /// DETECT: whether the record began anew, as the database does not reach its floor.
    pub(super) fn detect(&mut self, snapshot: Snapshot, version: u64, now: Moment, source_lag: Duration) -> bool {
        let is_unreachable = self.snapshot() == snapshot && version < snapshot.floor;
        if is_unreachable {
            self.begin_anew(0, now, source_lag);
        }
        is_unreachable
    }
}
