//! All annotations that are linked into the binary.

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

    fn is_moved_by(&self, kinds: &[EventKind]) -> bool {
        // Without events an entry depends on the aggregate of its key, which may have an event's shape.
        let own = self.info.events.is_empty().then_some(&self.info.template);
        let mut templates = self.info.events.iter().flat_map(|used| used.aggregates).chain(own);
        templates.any(|template| is_moved_by(template, kinds))
    }
}

/// Whether an event of the binary that is one of `kinds` moves aggregates of this template.
fn is_moved_by(template: &str, kinds: &[EventKind]) -> bool {
    let shape = template_shape(template);
    events().any(|info| kinds.contains(&info.kind) && info.keys.iter().any(|key| template_shape(key) == shape))
}
