//! Aggregates, and how cached functions and events name them.

use std::fmt;
use std::sync::Arc;

use super::here::Here;
use crate::key::{KeyPart, KeyWriter, Names, Simple, rendered};
use crate::protocol::Move;
use crate::util::few::Few;

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

/// The aggregates that one entry depends on, or one event moves.
#[derive(Debug)]
pub struct Aggregates {
    /// The last name that was begun.
    writer: Option<KeyWriter>,
    purpose: Purpose,
}

/// What becomes of the names.
#[derive(Debug)]
enum Purpose {
    Texts(Texts),
    /// Each is moved when it ends, in this process alone: the hash of its name is enough.
    Move {
        here: Here,
        names: Names,
        moved: Move,
    },
}

/// Names as texts, each once, in the order of `invalidated_by` or of the event.
#[derive(Debug, Default)]
struct Texts {
    names: Few<Aggregate>,
    /// The key of the entry. In most functions the first aggregate has the same name, and shares this text.
    own: Option<(Arc<[u8]>, Arc<str>)>,
}

impl Default for Aggregates {
    fn default() -> Self {
        Self::texts(None)
    }
}

impl Texts {
    fn add(&mut self, parts: &[u8]) {
        let name = match &self.own {
            Some((own, text)) if **own == *parts => Aggregate::shares(text),
            _ => Aggregate(rendered(parts).into()),
        };
        if !self.names.contains(&name) {
            self.names.push(name);
        }
    }
}

impl Aggregates {
    /// Begins a name.
    pub fn begin(&mut self) -> &mut KeyWriter {
        self.writer.insert(KeyWriter::new())
    }

    /// Ends the last name that was begun.
    pub fn end(&mut self) {
        let parts = self.writer.as_ref().map(KeyWriter::parts).unwrap_or_default();
        match &mut self.purpose {
            Purpose::Texts(texts) => texts.add(parts),
            Purpose::Move { here, names, moved } => here.apply(names.of_parts(parts), *moved),
        }
    }

    /// A whole name: a text of the template, and one field. Most names are such.
    #[inline]
    pub fn name<T: KeyPart + ?Sized>(&mut self, text: &'static str, field: &T) {
        match field.simple() {
            Simple::Word(number) => self.numbered(text, number),
            _ => {
                let writer = self.begin();
                writer.fixed(text);
                field.render(writer);
                self.end();
            }
        }
    }

    fn numbered(&mut self, text: &'static str, number: u64) {
        if let Purpose::Move { here, names, moved } = &self.purpose {
            return here.apply(names.of_number(text, number), *moved);
        }
        let writer = self.begin();
        writer.fixed(text);
        writer.number(number);
        self.end();
    }

    fn texts(own: Option<(Arc<[u8]>, Arc<str>)>) -> Self {
        Self { writer: None, purpose: Purpose::Texts(Texts { names: Few::new(), own }) }
    }

    /// An empty list for the entry whose key has these parts and this text.
    pub(crate) fn of_entry(parts: &Arc<[u8]>, text: &Arc<str>) -> Self {
        Self::texts(Some((Arc::clone(parts), Arc::clone(text))))
    }

    /// Each aggregate moves here when its name ends.
    pub(crate) fn moved(here: &Here, moved: Move) -> Self {
        let purpose = Purpose::Move { here: Arc::clone(here), names: here.names(), moved };
        Self { writer: None, purpose }
    }

    pub(crate) fn into_names(self) -> Few<Aggregate> {
        match self.purpose {
            Purpose::Texts(texts) => texts.names,
            Purpose::Move { .. } => Few::new(),
        }
    }
}

/// The typed key of an event, through which cached functions and events name an aggregate the same way.
pub trait AggregateKey {
    /// The templates that these fields render.
    const TEMPLATES: &'static [&'static str];

    /// Writes one name per template.
    fn render(&self, out: &mut Aggregates);
}
