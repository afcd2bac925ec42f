//! Events that stay in this process.

use std::fmt;
use std::sync::Arc;

use crate::key::{Name, Names};
use crate::protocol::Move;

/// The version records that such events move.
pub(crate) type Here = Arc<dyn LocalRecords>;

/// The version records of one cache in this process.
pub(crate) trait LocalRecords: fmt::Debug + Send + Sync {
    /// How this cache names aggregates.
    fn names(&self) -> Names;

    /// Moves the aggregate with this name.
    fn apply(&self, name: Name, moved: Move);
}
