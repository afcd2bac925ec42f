//! The fields of an index record, so that the exploration can compare, store and change states.

use super::index::{Index, Past};
use super::token::Generation;
use crate::util::clock::Moment;

/// The fields of an [`Index`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "they are those of `Index`")]
pub struct IndexParts {
    pub floor: u64,
    pub first: Generation,
    pub marks: Vec<(u64, Generation)>,
    pub alias: Option<u64>,
    pub unverified: bool,
    pub primary_only_until: Moment,
    pub rotates: bool,
    pub fence_generation: Generation,
}

impl From<&Index> for IndexParts {
    fn from(index: &Index) -> Self {
        let past = index.past.as_deref();
        Self {
            floor: index.floor,
            first: index.first,
            marks: past.map(|past| past.marks.clone()).unwrap_or_default(),
            alias: past.and_then(|past| past.alias),
            unverified: index.unverified,
            primary_only_until: index.primary_only_until,
            rotates: index.rotates,
            fence_generation: index.fence_generation,
        }
    }
}

impl From<IndexParts> for Index {
    fn from(parts: IndexParts) -> Self {
        let IndexParts { floor, first, marks, alias, unverified, primary_only_until, rotates, fence_generation } =
            parts;
        let has_past = !marks.is_empty() || alias.is_some();
        let past = has_past.then(|| Box::new(Past { marks, alias }));
        Self { floor, first, past, unverified, primary_only_until, rotates, fence_generation }
    }
}
