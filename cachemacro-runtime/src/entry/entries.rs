//! Entries and their keys.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use super::id::{EntryId, EntryIdRef};
use super::made::Made;
use crate::callsite::{Callsite, Instance, Origin};
use crate::event::{Aggregate, Aggregates};
use crate::key::{KeyWriter, rendered};
use crate::protocol::FenceKind;
use crate::util::clock::Moment;

/// A value of any cacheable type.
pub(crate) type Object = Arc<dyn Any + Send + Sync>;

/// The kind of a loaded absence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Absence {
    /// `None`, or `Ok(None)`.
    None,
    /// The error named by `not_found`.
    Error,
}

/// What a store keeps of an entry: an encoded value, or an absence.
#[derive(Clone)]
pub enum Payload {
    /// An encoded value.
    Bytes(Arc<[u8]>),
    /// A negative entry.
    Absent(Absence),
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Absent(kind) => write!(f, "Absent({kind:?})"),
        }
    }
}

/// What was loaded, as this process keeps and serves it: a value as an object, or an absence.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Value(Object),
    Absent(Absence),
}

/// An entry, as a store outside of the process keeps it. All deadlines count from the start of the load (R15).
#[derive(Clone, Debug)]
pub struct Entry {
    /// What was loaded.
    pub payload: Payload,
    /// The soft deadline: the entry is fresh until then.
    pub soft: Moment,
    /// The version of the first aggregate that the entry was stored under.
    pub version: u64,
    /// Whether this is the version of the loaded row.
    pub kind: FenceKind,
    /// When the load began.
    pub written: Moment,
    /// The hard deadline: the entry is served until then.
    pub hard: Moment,
    /// How long the load took.
    pub cost: Duration,
    /// The weight of the entry in a store that is bounded by bytes.
    pub weight: u64,
    /// Which load made it, and of what. A store keeps it as [bytes](Made::to_bytes).
    pub made: Made,
}

/// An [`Entry`] with its value as an object: what the local tier keeps, and what the engine serves.
#[derive(Clone)]
pub(crate) struct LocalEntry {
    pub(crate) content: Content,
    pub(crate) soft: Moment,
    pub(crate) version: u64,
    pub(crate) kind: FenceKind,
    pub(crate) written: Moment,
    pub(crate) hard: Moment,
    pub(crate) cost: Duration,
    pub(crate) weight: u64,
    pub(crate) made: Made,
}

/// The state of an entry between its deadlines. Superseded entries are never found, so they need no state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Freshness {
    /// Before the soft deadline.
    Fresh,
    /// Between the soft and the hard deadline.
    Stale,
    /// Past the hard deadline: not served.
    Expired,
}

impl Entry {
    /// The same entry in this process. `content` is what its payload decodes to.
    pub(crate) fn decoded(&self, content: Content) -> LocalEntry {
        let Self { payload: _, soft, version, kind, written, hard, cost, weight, ref made } = *self;
        LocalEntry { content, soft, version, kind, written, hard, cost, weight, made: made.clone() }
    }
}

impl LocalEntry {
    /// The same entry for a store outside of the process. `payload` is what its content is encoded to.
    pub(crate) fn encoded(&self, payload: Payload) -> Entry {
        let Self { content: _, soft, version, kind, written, hard, cost, weight, ref made } = *self;
        Entry { payload, soft, version, kind, written, hard, cost, weight, made: made.clone() }
    }

    /// The state of the entry at this moment.
    #[inline]
    pub(crate) fn freshness(&self, now: Moment) -> Freshness {
        if now < self.soft {
            Freshness::Fresh
        } else if now < self.hard {
            Freshness::Stale
        } else {
            Freshness::Expired
        }
    }
}

/// The key of an entry, without its token: its id, and the rendered template.
#[derive(Clone)]
pub struct EntryKey {
    id: EntryId,
    text: Arc<str>,
}

impl EntryIdRef<'_> {
    pub(crate) fn to_key(self) -> EntryKey {
        let id = self.to_id();
        EntryKey { text: rendered(id.parts()).into(), id }
    }
}

impl EntryKey {
    /// The key with this text, for the tests of stores.
    pub(crate) fn of(instance: &'static Instance, text: &str) -> Self {
        let mut key = KeyWriter::new();
        key.literal(text);
        EntryIdRef::of_call(instance, &key).to_key()
    }

    pub(crate) fn id(&self) -> &EntryId {
        &self.id
    }

    pub(crate) fn site(&self) -> &'static Callsite {
        self.id.site()
    }

    pub(crate) fn instance(&self) -> &'static Instance {
        self.id.instance()
    }

    /// The rendered template, `user:123`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The owner, which an entry outside of the process must contain beside its name. Within one process the names of
    /// functions are unique there, but two processes may have used different types of one name.
    #[must_use]
    pub fn origin(&self) -> [u8; 24] {
        self.instance().name().origin.to_bytes()
    }

    /// Whether an entry with this [origin](Self::origin) belongs to this key's instance. Any other must be a miss.
    #[must_use]
    pub fn takes(&self, origin: [u8; 24]) -> bool {
        self.instance().name().origin.takes(Origin::from_bytes(origin))
    }

    /// The aggregate with the name of this entry.
    pub(crate) fn aggregate(&self) -> Aggregate {
        Aggregate::shares(&self.text)
    }

    /// An empty list for the aggregates that this entry depends on.
    pub(crate) fn aggregates(&self) -> Aggregates {
        Aggregates::of_entry(self.id.shared_parts(), &self.text)
    }
}

impl PartialEq for EntryKey {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for EntryKey {}

impl Hash for EntryKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Hash::hash(&self.id, state);
    }
}

impl fmt::Debug for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
