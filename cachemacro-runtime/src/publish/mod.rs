//! After a write: stores learn which aggregates moved, and subscribers get the events.

mod batch;
mod commit;
mod forget;
mod hand_out;
mod outlet;
mod pending;
mod subscribe;
mod tell_edges;
mod unfinished;
mod unsent;
mod wait;

pub use self::batch::{Batch, IntoEvents, publish, publish_quietly, publish_quietly_sync, publish_sync};
pub use self::commit::{Defers, check_commit};
pub use self::pending::PendingEvents;
pub use self::unfinished::Unfinished;
