//! Events name the aggregates that moved. Writers know events, but no caches.

use std::any::Any;
use std::sync::Arc;

use serde::Serialize;

use super::aggregates::AggregateKey;
use super::moves::Moves;

/// Finds the typed key of an event by the names of its fields (`FIELDS` is the FNV-1a hash of them, sorted).
pub trait Bind<const FIELDS: u64> {
    /// A struct with one reference per placeholder.
    type Key<'a>: AggregateKey;
    /// The same as a tuple, in the order of the fields' names.
    type Values<'a>;

    /// The key with these values.
    fn key<'a>(values: Self::Values<'a>) -> Self::Key<'a>;
}

/// The kind of move that an event announces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventKind {
    /// The aggregate reached a version.
    Versioned,
    /// The aggregate moved; the event does not say to which version.
    Unversioned,
    /// A roll forward: the content of an older version under a new version.
    Restores,
    /// A rollback: the version in the database went back.
    RollsBack,
}

/// The static description of an event type.
#[derive(Clone, Copy, Debug)]
pub struct EventInfo {
    /// The name on the wire, `user.updated`.
    pub name: &'static str,
    /// The Rust type, with its module.
    pub rust_type: &'static str,
    /// The templates of the aggregates it moves.
    pub keys: &'static [&'static str],
    /// The kind of move that it announces.
    pub kind: EventKind,
}

/// An event, for functions that bind it.
#[derive(Clone, Copy)]
pub struct Described {
    /// The event.
    pub info: &'static EventInfo,
    /// The fields of each of its keys.
    pub keys: &'static [&'static [&'static str]],
}

/// A value that says an aggregate moved. Derive it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a cache event",
    label = "not an event",
    note = "add `#[derive(CacheEvent)]` and `#[event(name = \"user.updated\", key = \"user:<id>\", version = version)]` to it",
    note = "in `#[invalidates(…)]`, where it is not what the expression makes: name what is, `emits(UserUpdated)`"
)]
pub trait CacheEvent {
    /// The description of the type.
    const INFO: EventInfo;

    /// The fields of each of its keys, as the derive finds them.
    #[doc(hidden)]
    const KEY_FIELDS: &'static [&'static [&'static str]] = &[];

    /// What a binding of the event is checked by.
    #[doc(hidden)]
    const DESCRIBED: Described = Described { info: &Self::INFO, keys: Self::KEY_FIELDS };

    /// The aggregates this event moves.
    fn moves(&self, out: &mut Moves);

    /// A clone of the event, for the subscribers of its type.
    fn share(&self) -> Arc<dyn Any + Send + Sync>;

    /// The event as JSON, for handlers in other services; `None` if its type is not `serde::Serialize`.
    fn wire(&self) -> Option<String> {
        None
    }
}

impl<E: CacheEvent> CacheEvent for &E {
    const INFO: EventInfo = E::INFO;
    const KEY_FIELDS: &'static [&'static [&'static str]] = E::KEY_FIELDS;

    fn moves(&self, out: &mut Moves) {
        (**self).moves(out);
    }

    fn share(&self) -> Arc<dyn Any + Send + Sync> {
        (**self).share()
    }

    fn wire(&self) -> Option<String> {
        (**self).wire()
    }
}

/// An event for subscribers, which know its type.
pub type SharedEvent = Arc<dyn Any + Send + Sync>;

/// An event that can be handed to subscribers.
#[diagnostic::on_unimplemented(
    message = "the event `{Self}` cannot be handed to its subscribers",
    label = "not `Clone + Send + Sync + 'static`",
    note = "add `#[derive(Clone)]` to the event"
)]
pub trait Shareable: Sized {
    #[doc(hidden)]
    fn to_shared(&self) -> SharedEvent;
}

#[diagnostic::do_not_recommend]
impl<E: Clone + Send + Sync + 'static> Shareable for E {
    fn to_shared(&self) -> SharedEvent {
        Arc::new(self.clone())
    }
}

/// What a derived [`CacheEvent::wire`] asks, through [`wire_event!`](crate::__private::wire_event).
pub struct Wire<'a, E>(pub &'a E);

/// The event can leave the process.
pub trait WireJson {
    /// Its JSON.
    fn json(&self) -> Option<String>;
}

impl<E: Serialize> WireJson for &Wire<'_, E> {
    fn json(&self) -> Option<String> {
        // A value that cannot be JSON, for example a map with struct keys, counts as an event that is not `Serialize`.
        serde_json::to_string(self.0).ok()
    }
}

/// The event cannot.
pub trait WireNothing {
    /// None.
    fn json(&self) -> Option<String>;
}

impl<E> WireNothing for Wire<'_, E> {
    fn json(&self) -> Option<String> {
        None
    }
}
