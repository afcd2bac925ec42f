//! The seam to a channel: what one process announces, and all follow.

use std::sync::Arc;
use std::time::Duration;

use super::store::Answer;
use crate::event::Aggregate;
use crate::protocol::Move;

/// What a write announces to all processes: its moves, for local tiers, and the event itself, for handlers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Announcement {
    /// The event's name and its JSON, if it has a JSON form: for an [`EventLog`](crate::store::EventLog). A channel without one
    /// may drop it.
    pub event: Option<(&'static str, String)>,
    /// The aggregates that it moves, and how.
    pub notices: Vec<(Aggregate, Notice)>,
}

/// What an announcement says about an aggregate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notice {
    /// It moved.
    Moved(Move),
    /// Its record was reset: DETECT.
    Reset,
}

/// A reader's position in the channel of announcements. The format is private to the channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position(pub String);

/// What was announced since a position.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The position to continue from.
    pub position: Position,
    /// What was announced, in order.
    pub notices: Vec<(Aggregate, Notice)>,
    /// Whether announcements before these may be missing: the channel was trimmed, lost or replaced (R14).
    pub has_gap: bool,
}

/// A channel through which processes tell each other which aggregates moved.
///
/// A [near cache](crate::CacheBuilder::memory) needs one: it keeps copies only while it knows that it has received all
/// announcements. The channel may be of another server than the store. Then it must be told in the same order: the engine
/// announces after the store has applied the moves.
pub trait InvalidationChannel: Send + Sync + 'static {
    /// Appends to the channel that every process [follows](Self::follow), in this order.
    fn announce<'a>(&'a self, announcements: &'a [Announcement]) -> Answer<'a, ()>;

    /// What was announced after `from`; waits up to `wait` for the first announcement. Without a position it returns
    /// only the current end of the channel. Everything that was announced before the call is in the answer, or
    /// `has_gap` is set, also for a position that this channel did not give. The time of `wait` is real, not that of the
    /// cache's clock.
    fn follow<'a>(&'a self, from: Option<&'a Position>, wait: Duration) -> Answer<'a, Followed>;

    /// The same channel over a separate connection, for callers that block their thread, as
    /// [`RemoteStore::detached`](crate::store::RemoteStore::detached). Default: `None`, for channels that announce without
    /// a task.
    fn detached(&self) -> Option<Arc<dyn InvalidationChannel>> {
        None
    }
}
