//! The index record of one aggregate, with the rules of docs/protocol.md for its floor, marks, alias and fence generation.
//!
//! The record has no lock, no clock and no store. So the exploration runs this code, and every store is compared with it.

use std::time::Duration;

use super::fence::{Fence, FenceKind, Snapshot};
use super::moved::{Applied, Move};
use super::refused::Refused;
use super::token::{Generation, Token};
use crate::util::clock::Moment;

/// The most marks of a record, the first one included. With more it rotates.
const MAX_MARKS: usize = 8;

/// The index record of one aggregate.
#[derive(Clone, Debug)]
pub struct Index {
    pub(super) floor: u64,
    /// The first mark, from version 0.
    pub(super) first: Generation,
    pub(super) past: Option<Box<Past>>,
    pub(super) unverified: bool,
    pub(super) primary_only_until: Moment,
    pub(super) rotates: bool,
    /// Renewed with each mark, and with `rotates` at each event. Loads are fenced with it. An entry without a version is
    /// bound to it.
    pub(super) fence_generation: Generation,
}

/// Fields that few records use. They are boxed, so that the others stay small.
#[derive(Clone, Default, Debug)]
pub(super) struct Past {
    /// Further marks: `(from, generation)`, ascending.
    pub(super) marks: Vec<(u64, Generation)>,
    pub(super) alias: Option<u64>,
}

impl Index {
    /// A new record of this generation: floor 0, unverified, and taking rows of the primary only for as long as a replica may lag (R2, R5).
    #[must_use]
    pub fn new(generation: Generation, now: Moment, source_lag: Duration) -> Self {
        Self {
            floor: 0,
            first: generation,
            past: None,
            unverified: true,
            primary_only_until: now.after(source_lag),
            rotates: false,
            fence_generation: generation,
        }
    }

    /// The snapshot that fences a load.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { generation: self.fence_generation, floor: self.floor }
    }

    /// The token of this version: the end of the versioned key.
    #[must_use]
    pub fn token(&self, version: u64) -> Token {
        let further = self.past.iter().flat_map(|past| past.marks.iter().rev());
        let mark = further.copied().find(|(from, _)| *from <= version);
        Token { version, generation: mark.map_or(self.first, |(_, generation)| generation) }
    }

    /// Whether an entry under this token may be served.
    ///
    /// A row carries its version: it is served at the floor, and through an alias. An opaque value or an absence has the
    /// floor that it was loaded under, and may be newer than that floor. So no alias serves it and every rollback ends it:
    /// it is bound to the fence generation. A record becomes unverified together with a new fence generation. So a value
    /// that is bound to the present one was read from the primary since, and needs no further check.
    #[must_use]
    pub fn serves(&self, token: Token, fence: FenceKind) -> bool {
        match fence {
            FenceKind::Row => !self.unverified && (token == self.token(self.floor) || self.is_alias(token)),
            FenceKind::Unversioned => token == self.unversioned_token(),
        }
    }

    fn unversioned_token(&self) -> Token {
        Token { version: self.floor, generation: self.fence_generation }
    }

    fn is_alias(&self, token: Token) -> bool {
        self.past.as_ref().and_then(|past| past.alias).is_some_and(|of| token == self.token(of))
    }

    fn set_alias(&mut self, alias: Option<u64>) {
        if alias.is_some() || self.past.is_some() {
            self.past.get_or_insert_default().alias = alias;
        }
    }

    /// Whether no row may be served until a read of the primary has confirmed the record.
    #[must_use]
    pub fn is_unverified(&self) -> bool {
        self.unverified
    }

    /// Whether only rows of the primary may be stored.
    #[must_use]
    pub fn needs_primary(&self, now: Moment) -> bool {
        self.unverified || now < self.primary_only_until
    }

    /// The database may use version numbers twice: there is an event type with `rollback_to`. From now on every event
    /// renews the fence generation, late and duplicate events too. The reason: a late event of an abandoned version
    /// raises the floor above the database, and the next event then looks like a duplicate. Rows are checked by their
    /// version; other values have none. For the same reason RESTORE acts as BUMP: a late one would serve an entry that the
    /// database has replaced.
    pub fn set_rotates(&mut self) {
        self.rotates = true;
    }

    /// FILL without its entry, which is also VERIFY: decides whether a value read under `snapshot` may be stored, and
    /// under which token.
    ///
    /// # Errors
    /// - [`Refused::Moved`]: the fence generation (or, with [`Fence::Unversioned`], the floor) is not the snapshot's.
    /// - [`Refused::Replica`]: the record needs a row of the primary, and this may be a replica's.
    /// - [`Refused::Old`]: the row is below the floor.
    pub fn admit(
        &mut self,
        snapshot: Snapshot,
        fence: Fence,
        from_primary: bool,
        now: Moment,
    ) -> Result<Token, Refused> {
        if snapshot.generation != self.fence_generation {
            return Err(Refused::Moved);
        }
        if self.needs_primary(now) && !from_primary {
            return Err(Refused::Replica);
        }
        let token = match fence {
            Fence::Row(version) if version < self.floor => return Err(Refused::Old),
            Fence::Row(version) => {
                self.floor = version;
                self.set_alias(None);
                self.unverified = false;
                self.token(version)
            }
            Fence::Unversioned if !from_primary => return Err(Refused::Replica),
            Fence::Unversioned if snapshot.floor != self.floor => return Err(Refused::Moved),
            // It does not confirm the floor: a late ROLLBACK may have set a floor below the database, under which an old row's
            // entry is stored.
            Fence::Unversioned => self.unversioned_token(),
        };
        Ok(token)
    }

    /// BUMP, NEXT, RESTORE and ROLLBACK. `fresh` is a generation that this record has never had.
    pub fn apply(&mut self, moved: Move, fresh: Generation, now: Moment, source_lag: Duration) -> Applied {
        let applied = match moved {
            Move::Bump(version) => self.raise(version, None, fresh),
            Move::Next => {
                self.rotate(self.floor, fresh, now, source_lag);
                return Applied::Moved;
            }
            Move::Restore { version, of } => self.raise(version, (!self.rotates).then_some(of), fresh),
            Move::Rollback { to } => {
                self.roll_back(to, fresh, now, source_lag);
                Applied::Moved
            }
        };
        if self.rotates {
            self.fence_generation = fresh;
            return Applied::Moved;
        }
        applied
    }

    fn raise(&mut self, version: u64, alias: Option<u64>, fresh: Generation) -> Applied {
        if version == 0 && self.floor == 0 {
            // The floor of a new record is 0 for any version. A value that was read before this event may be older than it.
            self.fence_generation = fresh;
            return Applied::Moved;
        }
        if version <= self.floor {
            return Applied::Duplicate;
        }
        self.floor = version;
        self.set_alias(alias);
        Applied::Moved
    }

    fn roll_back(&mut self, to: u64, fresh: Generation, now: Moment, source_lag: Duration) {
        let past = self.past.get_or_insert_default();
        past.marks.retain(|(from, _)| *from <= to);
        if past.marks.len() + 1 >= MAX_MARKS {
            return self.rotate(to, fresh, now, source_lag);
        }
        self.fence_generation = fresh;
        past.marks.push((to.saturating_add(1), self.fence_generation));
        past.alias = None;
        self.floor = to;
        self.unverified = true;
        self.primary_only_until = now.after(source_lag);
    }

    fn rotate(&mut self, floor: u64, fresh: Generation, now: Moment, source_lag: Duration) {
        let rotates = self.rotates;
        *self = Self { floor, rotates, ..Self::new(fresh, now, source_lag) };
    }

    /// Resets the record: for a copy of a record that was reset, or that has missed announcements.
    pub fn reset(&mut self, fresh: Generation, now: Moment, source_lag: Duration) {
        self.rotate(0, fresh, now, source_lag);
    }

    /// DETECT: a row of the primary is below the snapshot's floor, and the record has not changed since. So the database does
    /// not reach the floor, and the record rotates. Returns whether it did.
    pub fn detect(
        &mut self,
        snapshot: Snapshot,
        version: u64,
        fresh: Generation,
        now: Moment,
        source_lag: Duration,
    ) -> bool {
        let unreachable = self.snapshot() == snapshot && version < snapshot.floor;
        if unreachable {
            self.rotate(0, fresh, now, source_lag);
        }
        unreachable
    }
}

/// The fields of a record without marks, alias, or a fence generation of its own, which is what most records are.
#[derive(Clone, Copy)]
pub(crate) struct PlainIndex {
    pub(crate) floor: u64,
    pub(crate) generation: Generation,
    pub(crate) unverified: bool,
    pub(crate) rotates: bool,
}

impl Index {
    /// The record in the form of which a cache keeps many; `None` while it has more than the fields of that form.
    pub(crate) fn plain(&self, now: Moment) -> Option<PlainIndex> {
        let is_plain = self.past.as_ref().is_none_or(|past| past.marks.is_empty() && past.alias.is_none())
            && self.fence_generation == self.first
            && self.primary_only_until <= now;
        let &Self { floor, first: generation, unverified, rotates, .. } = self;
        is_plain.then_some(PlainIndex { floor, generation, unverified, rotates })
    }
}

impl PlainIndex {
    /// BUMP, where the record keeps its form: the effect of [`Index::apply`]. `None`, and no effect, where it does not.
    #[inline]
    pub(crate) const fn bump(&mut self, version: u64) -> Option<Applied> {
        if self.rotates || (version == 0 && self.floor == 0) {
            return None;
        }
        if version <= self.floor {
            return Some(Applied::Duplicate);
        }
        self.floor = version;
        Some(Applied::Moved)
    }
}

impl From<PlainIndex> for Index {
    fn from(plain: PlainIndex) -> Self {
        let PlainIndex { floor, generation, unverified, rotates } = plain;
        Self { floor, unverified, rotates, ..Self::new(generation, Moment::default(), Duration::ZERO) }
    }
}

#[cfg(test)]
mod tests;
