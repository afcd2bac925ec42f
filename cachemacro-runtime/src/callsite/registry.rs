//! All annotations that are linked into the binary.

use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use super::site::Callsite;
use super::writer::Writer;
use crate::event::{EventInfo, EventKind, template_shape};

/// A cached function in the registry.
#[derive(Clone, Copy, Debug)]
pub struct CachedFn(pub &'static Callsite);
/// A writer or handler in the registry.
#[derive(Clone, Copy, Debug)]
pub struct InvalidatesFn(pub &'static Writer);
/// An event in the registry.
#[derive(Clone, Copy, Debug)]
pub struct RegisteredEvent(pub &'static EventInfo);

inventory::collect!(CachedFn);
inventory::collect!(InvalidatesFn);
inventory::collect!(RegisteredEvent);

/// All cached functions of the binary.
pub(crate) fn sites() -> impl Iterator<Item = &'static Callsite> {
    inventory::iter::<CachedFn>().map(|registered| registered.0)
}

/// All writers and handlers of the binary.
pub(crate) fn writers() -> impl Iterator<Item = &'static Writer> {
    inventory::iter::<InvalidatesFn>().map(|registered| registered.0)
}

/// The scheduled jobs of the binary: the writers with `every = …`.
#[inline]
pub(crate) fn jobs() -> &'static [&'static Writer] {
    static JOBS: OnceLock<Vec<&'static Writer>> = OnceLock::new();
    JOBS.get_or_init(|| writers().filter(|writer| writer.info().every.is_some()).collect())
}

/// All events of the binary.
pub(crate) fn events() -> impl Iterator<Item = &'static EventInfo> {
    inventory::iter::<RegisteredEvent>().map(|registered| registered.0)
}

impl Callsite {
    /// Whether the database may use a version number of this function's aggregates twice (docs/protocol.md, the reused profile).
    /// Then every event ends the entries that have no version: opaque values, the absences of row mode, and entries that
    /// depend on the aggregate but have another one first.
    pub(crate) fn rotates(&self) -> bool {
        *self.rotates.get_or_init(|| self.is_moved_by(&[EventKind::RollsBack]))
    }

    /// Whether an event of the binary may make an older version of an entry valid again: by RESTORE or ROLLBACK.
    pub(crate) fn goes_back(&self) -> bool {
        *self.goes_back.get_or_init(|| self.is_moved_by(&[EventKind::Restores, EventKind::RollsBack]))
    }

    /// Whether a version of this function's rows is never given to other content; asked for a response that is to be kept for good.
    #[cfg(feature = "http")]
    pub(crate) fn has_lasting_versions(&self) -> bool {
        self.is_asked_for_lasting_versions.store(true, Ordering::Relaxed);
        !self.rotates()
    }

    /// Whether that was asked.
    pub(crate) fn is_asked_for_lasting_versions(&self) -> bool {
        self.is_asked_for_lasting_versions.load(Ordering::Relaxed)
    }

    fn is_moved_by(&self, kinds: &[EventKind]) -> bool {
        self.templates().any(|template| is_moved_by(template, kinds))
    }

    /// Whether an event can end entries of this function.
    pub(crate) fn is_ended_by(&self, event: &EventInfo) -> bool {
        self.templates().map(template_shape).any(|shape| event.keys.iter().any(|key| template_shape(key) == shape))
    }

    /// Of the aggregates that its entries depend on. Without events that is the one of its key, which may have an event's shape.
    fn templates(&self) -> impl Iterator<Item = &'static str> {
        let own = self.info.events.is_empty().then_some(self.info.template);
        self.info.events.iter().flat_map(|used| used.aggregates).copied().chain(own)
    }
}

/// Whether an event of the binary that is one of `kinds` moves aggregates of this template.
fn is_moved_by(template: &str, kinds: &[EventKind]) -> bool {
    let shape = template_shape(template);
    events().any(|info| kinds.contains(&info.kind) && info.keys.iter().any(|key| template_shape(key) == shape))
}
