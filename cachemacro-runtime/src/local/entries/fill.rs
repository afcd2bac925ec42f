//! FILL: an entry is admitted by its records and inserted under one lock.

use super::dropped::Dropped;
use super::entry::NewEntry;
use super::life::{Cost, Life};
use super::more::Version;
use super::shard::Flags;
use super::table::Table;
use super::tie::Tie;
use crate::entry::Probe;
use crate::key::KeyRef;
use crate::local::versions::{RecordId, Records};
use crate::protocol::{Fence, Refused, Snapshot};
use crate::util::clock::Moment;
use crate::util::few::Few;

/// What a fill is checked against: the records of the entry, of which the caller is a holder, and what they were before the load.
#[derive(Clone, Copy)]
pub(crate) struct Fenced<'a> {
    pub(crate) records: &'a [RecordId],
    /// One for each.
    pub(crate) snapshots: &'a [Snapshot],
    /// The fence of the first record; the others are always [`Fence::Unversioned`].
    pub(crate) fence: Fence,
    pub(crate) from_primary: bool,
    /// Whether the function was cleared since the load began.
    pub(crate) is_void: &'a dyn Fn() -> bool,
}

impl Fenced<'_> {
    /// Asks all records. Where `holds`, the entry becomes a holder of them.
    fn admit(&self, holds: bool, now: Moment, records: &Records) -> Result<Few<Tie>, Refused> {
        // Under the lock of the shard: a clear that comes later finds the entry there.
        if (self.is_void)() {
            return Err(Refused::Moved);
        }
        let mut ties = Few::new();
        let mut fence = self.fence;
        for (id, snapshot) in self.records.iter().zip(self.snapshots) {
            match records.admit(*id, *snapshot, fence, self.from_primary, holds, now) {
                Ok(admitted) => ties.push(Tie::new(*id, admitted)),
                Err(refused) => {
                    ties.iter().filter(|_| holds).for_each(|tie| records.let_go(tie.record));
                    return Err(refused);
                }
            }
            fence = Fence::Unversioned;
        }
        Ok(ties)
    }
}

impl Table {
    /// Stores the entry if its records admit it. An entry that is past its deadline, too heavy, or older than one that is still
    /// served, is admitted and not kept; the first two also end
    /// the entry that is there.
    pub(crate) fn fill(
        &self,
        probe: Probe<'_>,
        fenced: Fenced<'_>,
        new: NewEntry,
        now: Moment,
        records: &Records,
        dropped: &mut Dropped,
    ) -> Result<(), Refused> {
        let weight = self.memory.weigh(new.weight, probe.key.len());
        let has_room = new.deadlines.hard > now && weight.is_some();
        let weight = weight.unwrap_or(0);
        let (mut shard, at, reserved) = if has_room {
            self.make_room(probe, weight, new.keeps_older, dropped)
        } else {
            let shard = self.shard(probe.hash);
            let at = shard.find(probe);
            (shard, at, None)
        };
        let same = at.filter(|at| shard.has_records(*at, fenced.records));
        let free = |weight: u64| self.free(weight);
        let holds = same.is_none() && reserved.is_some();
        let ties = match fenced.admit(holds, now, records) {
            Ok(ties) => ties,
            Err(refused) => {
                reserved.into_iter().for_each(free);
                return Err(refused);
            }
        };
        let is_old =
            ties.first().is_some_and(|tie| same.is_some_and(|at| shard.keeps_newer(at, tie.token.version, records)));
        let Some(reserved) = reserved.filter(|_| !is_old) else {
            reserved.into_iter().for_each(free);
            dropped.content(new.content);
            if !is_old {
                // What is there is older than what was loaded.
                at.into_iter().for_each(|at| free(shard.remove(at, dropped).into()));
                shard.evictions.count(probe.function);
            }
            return Ok(());
        };
        let before = at.map_or(0, |at| shard.weight(at));
        let older = new.keeps_older.then_some(now);
        let idle = new.idle.map(|ttl| (ttl, now));
        let flags = Flags { fresh_until: new.fresh_until, is_near: new.is_near, is_early: new.is_early, idle };
        let life = Life::new(ties.first().map_or(0, |tie| tie.token.version), new.written, new.deadlines);
        let (kind, cost) = (fenced.fence.kind(), Cost::of(new.cost));
        let version = Version { content: new.content, made: new.made, ties, kind, life, cost, weight };
        let after = match same {
            Some(at) => shard.replace(at, version, flags, older, dropped),
            None => {
                at.into_iter().for_each(|at| _ = shard.remove(at, dropped));
                shard.insert(probe, version, flags)
            }
        };
        free(reserved + u64::from(before) - u64::from(after));
        Ok(())
    }
}

impl KeyRef<'_> {
    /// The number of its bytes.
    const fn len(self) -> usize {
        match self {
            Self::Word(_) => size_of::<u64>(),
            Self::Text(bytes) | Self::Parts(bytes) => bytes.len(),
        }
    }
}
