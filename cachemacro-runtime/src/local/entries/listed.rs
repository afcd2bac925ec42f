//! A copy of what there is to say about an entry, without its value.

use super::life::Life;
use super::slot::{Key, PARTS, TEXT};
use crate::callsite::Instance;
use crate::key::KeyRef;
use crate::policy::Deadlines;
use crate::protocol::FenceKind;
use crate::util::clock::Moment;

/// An entry that is served.
pub(crate) struct Listed {
    /// The number of its instance.
    pub(crate) function: u32,
    pub(super) key: ListedKey,
    pub(super) life: Life,
    pub(super) kind: FenceKind,
    pub(crate) is_absent: bool,
    pub(crate) is_near: bool,
    /// With its older versions; `None` where entries are counted.
    pub(crate) weight: Option<u32>,
}

/// A copy of a [`Key`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ListedKey {
    Word(u64),
    Bytes(Box<[u8]>),
}

impl From<&Key> for ListedKey {
    fn from(key: &Key) -> Self {
        match key {
            Key::Word(word) => Self::Word(*word),
            Key::Bytes(bytes) => Self::Bytes(bytes.clone()),
        }
    }
}

impl ListedKey {
    fn by_ref(&self) -> KeyRef<'_> {
        match self {
            Self::Word(word) => KeyRef::Word(*word),
            // The hash is in front.
            Self::Bytes(bytes) => match bytes.get(8..).and_then(<[u8]>::split_first) {
                Some((&TEXT, text)) => KeyRef::Text(text),
                Some((&PARTS, parts)) => KeyRef::Parts(parts),
                _ => KeyRef::Parts(&[]),
            },
        }
    }
}

impl Listed {
    /// The key as text. The instance is that of the entry.
    pub(crate) fn text(&self, instance: &Instance) -> String {
        self.key.by_ref().text(instance.texts_around())
    }

    /// When its load began.
    pub(crate) const fn written(&self) -> Moment {
        self.life.written
    }

    pub(crate) fn deadlines(&self) -> Deadlines {
        self.life.deadlines()
    }

    /// The version of the first aggregate under which it was stored: of its row, or the floor that was known.
    pub(crate) const fn version(&self) -> (u64, FenceKind) {
        (self.life.version, self.kind)
    }
}
