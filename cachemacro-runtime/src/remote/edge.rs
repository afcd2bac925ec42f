//! The seam to copies of responses outside of the stores.

use crate::event::Aggregate;

/// Copies of responses outside of the stores, such as those of a CDN: it is told which aggregates have moved, so that what depends on them is purged.
///
/// It is told after the stores, in the process that published, and again for what the shared store took later. It must not block: it queues.
pub trait Edge: Send + Sync + 'static {
    /// These aggregates have moved.
    fn moved(&self, aggregates: &[Aggregate]);

    /// All that was cached ended, or all of a function, without an event: [`Cache::clear`](crate::Cache::clear) and the like.
    fn cleared(&self);
}
