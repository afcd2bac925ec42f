//! Events name the aggregates that moved. Writers know events, but no caches.

use std::any::Any;
use std::fmt;
use std::slice;
use std::sync::Arc;

use serde::Serialize;

use crate::key::{KeyWriter, rendered};
use crate::protocol::Move;

/// The rendered name of one aggregate, `user:123`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Aggregate(Arc<str>);

impl Aggregate {
    /// The aggregate of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The aggregate with the name of an entry.
    pub(crate) fn shares(text: &Arc<str>) -> Self {
        Self(Arc::clone(text))
    }

    /// `user:123`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The aggregates that one entry depends on, each once, in the order of `invalidated_by`.
#[derive(Debug, Default)]
pub struct Aggregates {
    writer: KeyWriter,
    names: Vec<Aggregate>,
    /// The key of the entry. In most functions the first aggregate has the same name, and shares this text.
    own: Option<(Arc<[u8]>, Arc<str>)>,
}

impl Aggregates {
    /// Begins a name.
    pub fn begin(&mut self) -> &mut KeyWriter {
        self.writer = KeyWriter::new();
        &mut self.writer
    }

    /// Ends the last name that was begun.
    pub fn end(&mut self) {
        let name = match &self.own {
            Some((own, text)) if **own == *self.writer.parts() => Aggregate::shares(text),
            _ => Aggregate(rendered(self.writer.parts()).into()),
        };
        if !self.names.contains(&name) {
            self.names.push(name);
        }
    }

    /// An empty list for the entry whose key has these parts and this text.
    pub(crate) fn of_entry(parts: &Arc<[u8]>, text: &Arc<str>) -> Self {
        Self { own: Some((Arc::clone(parts), Arc::clone(text))), ..Self::default() }
    }

    pub(crate) fn into_names(self) -> Vec<Aggregate> {
        self.names
    }
}

/// The typed key of an event, through which cached functions and events name an aggregate the same way.
pub trait AggregateKey {
    /// The templates that these fields render.
    const TEMPLATES: &'static [&'static str];

    /// Writes one name per template.
    fn render(&self, out: &mut Aggregates);
}

/// Finds the typed key of an event by the names of its fields (`FIELDS` is the FNV-1a hash of them, sorted).
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no key with these fields",
    label = "no `#[event(key = …)]` of this event has exactly these placeholders",
    note = "bind all placeholders of one `key` template of the event, and no other field",
    note = "`{Self}` must be an event: `#[derive(CacheEvent)]`"
)]
pub trait Bind<const FIELDS: u64> {
    /// A struct with one reference per placeholder.
    type Key<'a>: AggregateKey;
}

/// The typed key of event `E` with these fields.
pub type KeyOf<'a, E, const FIELDS: u64> = <E as Bind<FIELDS>>::Key<'a>;

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

/// The moves that events announce: what [`CacheEvent::moves`] fills.
#[derive(Debug, Default)]
pub struct Moves {
    moves: Vec<(Aggregate, Move)>,
}

impl Moves {
    /// Adds a move of every aggregate that the key names.
    ///
    /// Moves of one aggregate are coalesced where that changes nothing (R20).
    #[doc(hidden)]
    pub fn add(&mut self, key: &impl AggregateKey, moved: Move) {
        let mut names = Aggregates::default();
        key.render(&mut names);
        for name in names.into_names() {
            self.push(name, moved);
        }
    }

    pub(crate) fn push(&mut self, name: Aggregate, moved: Move) {
        let of_it = self.moves.iter_mut().rev().filter(|(other, _)| *other == name).map(|(_, moved)| moved);
        if !moved.merges_into(of_it) {
            self.moves.push((name, moved));
        }
    }

    /// Adds the moves of a later event. Of one aggregate those merge that can.
    pub(crate) fn append(&mut self, more: Self) {
        if self.moves.is_empty() {
            *self = more;
        } else {
            more.moves.into_iter().for_each(|(name, moved)| self.push(name, moved));
        }
    }

    pub(crate) fn iter(&self) -> slice::Iter<'_, (Aggregate, Move)> {
        self.moves.iter()
    }

    pub(crate) fn into_moves(self) -> Vec<(Aggregate, Move)> {
        self.moves
    }
}

/// A value that says an aggregate moved. Derive it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a cache event",
    label = "not an event",
    note = "add `#[derive(CacheEvent)]` and `#[event(name = \"user.updated\", key = \"user:<id>\", version = version)]` to it"
)]
pub trait CacheEvent {
    /// The description of the type.
    const INFO: EventInfo;

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

/// What a derived [`CacheEvent::share`] calls.
pub fn share_event<E: Shareable>(event: &E) -> SharedEvent {
    event.to_shared()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bumps_of_one_aggregate_coalesce_to_the_maximum() {
        let (a, b) = (Aggregate::new("a:1"), Aggregate::new("b:1"));
        let mut moves = Moves::default();
        for (name, version) in [(&a, 5), (&b, 1), (&a, 6), (&a, 4)] {
            moves.push(name.clone(), Move::Bump(version));
        }
        assert_eq!(moves.into_moves(), [(a, Move::Bump(6)), (b, Move::Bump(1))]);
    }

    #[test]
    fn the_moves_of_a_later_event_coalesce_with_those_before() {
        let (a, b) = (Aggregate::new("a:1"), Aggregate::new("b:1"));
        let event = |moves: &[(&Aggregate, u64)]| {
            let mut all = Moves::default();
            moves.iter().for_each(|(name, version)| all.push((*name).clone(), Move::Bump(*version)));
            all
        };
        let mut batch = event(&[(&a, 5)]);
        batch.append(event(&[(&b, 1), (&a, 6)]));
        batch.append(event(&[(&a, 4)]));
        assert_eq!(batch.into_moves(), [(a, Move::Bump(6)), (b, Move::Bump(1))]);
    }

    #[test]
    fn a_rollback_keeps_its_place_between_bumps() {
        let name = Aggregate::new("a:1");
        let mut moves = Moves::default();
        for moved in [Move::Bump(9), Move::Rollback { to: 7 }, Move::Bump(8)] {
            moves.push(name.clone(), moved);
        }
        assert_eq!(moves.into_moves().len(), 3);
    }
}
