//! What the map keeps under a key, and how it is seen there.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use quick_cache::Equivalent;

use super::record::Record;
use crate::entry::{EntryId, EntryIdRef};

/// A record and what it is looked for by. The map hands out clones of its values, and compares its keys in place: as a part
/// of the key a record is seen without a reference of its own, whose counting costs more than the rest of a hit.
pub(super) struct Kept {
    pub(super) id: EntryId,
    pub(super) record: Arc<Record>,
}

impl Hash for Kept {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Kept {}

/// A look at the record under a key: `see` runs at most once, where the record lies, under the lock of its shard.
pub(super) struct Look<'a, F> {
    pub(super) id: &'a EntryIdRef<'a>,
    pub(super) see: F,
}

impl<F> Hash for Look<'_, F> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl<F: Fn(&Arc<Record>)> Equivalent<Kept> for Look<'_, F> {
    #[inline]
    fn equivalent(&self, kept: &Kept) -> bool {
        let is_same = self.id.equivalent(&kept.id);
        if is_same {
            (self.see)(&kept.record);
        }
        is_same
    }
}
