//! A listing of entries.

use super::listed::Listed;
use super::table::Table;
use crate::local::versions::Records;
use crate::util::clock::Moment;

/// The slots that are looked at under one lock.
const LOOKED_AT: u32 = 256;

impl Table {
    /// The entries of these instances that are served at this moment, each once, in the order of their instances. The lock of a shard is held
    /// while a few of its slots are read.
    pub(crate) fn listed(&self, is_listed: impl Fn(u32) -> bool, now: Moment, records: &Records) -> Vec<Listed> {
        let mut all = Vec::new();
        for number in 0..self.shards() {
            let mut next = Some(0);
            while let Some(from) = next {
                next = self.reader_at(number).list(from, LOOKED_AT, &is_listed, now, records, &mut all);
            }
        }
        // An entry that was evicted and loaded again meanwhile was found in two slots.
        all.sort_by(|one, other| (one.function, &one.key).cmp(&(other.function, &other.key)));
        all.dedup_by(|one, other| one.function == other.function && one.key == other.key);
        all
    }
}
