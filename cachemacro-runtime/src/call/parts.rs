//! What a call tells the load around it of its entry.

use super::state::Call;
#[cfg(feature = "http")]
use crate::entry::Part;
use crate::entry::{Made, PartList};

#[cfg(feature = "http")]
impl Call {
    /// The entry of this call, which a load has `made`, and what it was made of.
    pub(super) fn parts(&self, version: Option<u64>, is_absent: bool, made: &Made) -> PartList {
        PartList::of(self.part(version, is_absent, made.load()), made)
    }

    /// What the call was made of, without an entry.
    pub(super) fn unstored_parts(&self, inside: &PartList) -> PartList {
        let part = Part { browser_ttl: None, ..self.part(None, false, None) };
        PartList::of(part, &Made::of_nothing()).and(inside)
    }

    fn part(&self, version: Option<u64>, is_absent: bool, load: Option<u64>) -> Part {
        let versions = std::iter::once(version).chain(std::iter::repeat(None));
        Part {
            function: self.key.instance().name().text.as_str().into(),
            key: self.key.text().into(),
            load,
            version,
            aggregates: self.aggregates.iter().map(|name| name.as_str().into()).zip(versions).collect(),
            is_absent,
            is_public: self.policy().public,
            browser_ttl: self.policy().browser,
        }
    }
}

#[cfg(not(feature = "http"))]
impl Call {
    /// Nothing.
    #[expect(clippy::unused_self, reason = "as with the feature")]
    pub(super) fn parts(&self, _: Option<u64>, _: bool, _: &Made) -> PartList {
        PartList::default()
    }

    /// Nothing.
    #[expect(clippy::unused_self, reason = "as with the feature")]
    pub(super) fn unstored_parts(&self, _: &PartList) -> PartList {
        PartList::default()
    }
}
