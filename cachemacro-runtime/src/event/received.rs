//! What a handler takes.

use super::events::CacheEvent;

/// What a handler of [`Cache::subscribe`](crate::Cache::subscribe) takes if it is told of events that were lost.
///
/// Publishers never wait for a subscriber. While 1,024 events wait for it, each new one ends the oldest of them. The handler then
/// gets one `Missed` in the place of all that were lost, before the events that are left; these are complete. A handler that keeps
/// a copy of something loads it anew when it gets `Missed`.
///
/// ```
/// use cachemacro::{Cache, CacheEvent, Received};
///
/// #[derive(Clone, CacheEvent)]
/// #[event(name = "user.moved", key = "user:<id>", version = version)]
/// struct UserMoved { id: u64, version: u64 }
///
/// async fn index(received: Received<UserMoved>) -> Result<(), std::io::Error> {
///     match received {
///         Received::Event(event) => println!("user {} moved", event.id),
///         Received::Missed(count) => println!("{count} events were lost: read all users again"),
///     }
///     Ok(())
/// }
///
/// # #[tokio::main]
/// # async fn main() {
/// let _subscription = Cache::current().subscribe(index);
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Received<E> {
    /// An event.
    Event(E),
    /// So many events were lost, as the queue of this subscriber was full.
    Missed(u64),
}

/// The argument of a handler: an event, or [`Received`] of one.
#[diagnostic::on_unimplemented(
    message = "a handler cannot be subscribed to `{Self}`",
    label = "not an event, nor `Received` of one",
    note = "a handler takes one argument: an event that is `Clone + Send + Sync + 'static`, or `cachemacro::Received` of it"
)]
pub trait Receive: Sized + Send + 'static {
    /// The type of the events.
    type Event: CacheEvent + Clone + Send + Sync + 'static;

    #[doc(hidden)]
    fn event(event: &Self::Event) -> Self;

    /// `None` if the handler is not told.
    #[doc(hidden)]
    fn missed(count: u64) -> Option<Self>;
}

#[diagnostic::do_not_recommend]
impl<E: CacheEvent + Clone + Send + Sync + 'static> Receive for E {
    type Event = E;

    fn event(event: &E) -> Self {
        event.clone()
    }

    fn missed(_: u64) -> Option<Self> {
        None
    }
}

impl<E: CacheEvent + Clone + Send + Sync + 'static> Receive for Received<E> {
    type Event = E;

    fn event(event: &E) -> Self {
        Self::Event(event.clone())
    }

    fn missed(count: u64) -> Option<Self> {
        Some(Self::Missed(count))
    }
}
