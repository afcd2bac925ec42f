//! Aggregates, and how cached functions and events name them.

use std::fmt;
use std::sync::Arc;

use super::here::Here;
use crate::key::{KeyPart, KeyWriter, NameHasher, Simple, rendered};
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

/// The aggregates that one entry depends on, or one event moves.
#[derive(Debug)]
pub struct Aggregates {
    names: Rendered,
}

/// What becomes of the names.
#[derive(Debug)]
enum Rendered {
    Texts(Texts),
    Hashes(Hashes),
}

/// Names as texts, each once, in the order of `invalidated_by` or of the event.
#[derive(Debug, Default)]
struct Texts {
    writer: KeyWriter,
    names: Vec<Aggregate>,
    /// The key of the entry. In most functions the first aggregate has the same name, and shares this text.
    own: Option<(Arc<[u8]>, Arc<str>)>,
}

/// Names of an event that stays in this process: of each the hash is enough, and its record moves at once.
#[derive(Debug)]
struct Hashes {
    /// Of the last name that was begun.
    hasher: NameHasher,
    moved: Move,
    here: Here,
}

impl Hashes {
    fn end(&mut self) {
        self.here.apply(self.hasher.finish(), self.moved);
    }
}

impl Default for Aggregates {
    fn default() -> Self {
        Self { names: Rendered::Texts(Texts::default()) }
    }
}

impl Texts {
    fn end(&mut self) {
        let name = match &self.own {
            Some((own, text)) if **own == *self.writer.parts() => Aggregate::shares(text),
            _ => Aggregate(rendered(self.writer.parts()).into()),
        };
        if !self.names.contains(&name) {
            self.names.push(name);
        }
    }
}

impl Aggregates {
    /// Begins a name.
    pub fn begin(&mut self) {
        match &mut self.names {
            Rendered::Texts(texts) => texts.writer = KeyWriter::new(),
            Rendered::Hashes(hashes) => hashes.hasher.begin(),
        }
    }

    /// A text of the template.
    pub fn fixed(&mut self, text: &'static str) {
        match &mut self.names {
            Rendered::Texts(texts) => texts.writer.fixed(text),
            Rendered::Hashes(hashes) => hashes.hasher.literal(text.as_bytes()),
        }
    }

    /// A field.
    #[inline]
    pub fn part<T: KeyPart + ?Sized>(&mut self, value: &T) {
        match value.simple() {
            Simple::Word(word) => self.word(word),
            Simple::Text(text) => self.text(text),
            Simple::No => self.other(&|out| value.render(out)),
        }
    }

    fn word(&mut self, word: u64) {
        match &mut self.names {
            Rendered::Texts(texts) => texts.writer.number(word),
            Rendered::Hashes(hashes) => hashes.hasher.number(word),
        }
    }

    fn text(&mut self, text: &[u8]) {
        match &mut self.names {
            Rendered::Texts(texts) => texts.writer.encoded(text),
            Rendered::Hashes(hashes) => hashes.hasher.encoded(text),
        }
    }

    fn other(&mut self, render: &dyn Fn(&mut KeyWriter)) {
        match &mut self.names {
            Rendered::Texts(texts) => render(&mut texts.writer),
            Rendered::Hashes(hashes) => {
                let mut part = KeyWriter::new();
                render(&mut part);
                hashes.hasher.parts(part.parts());
            }
        }
    }

    /// Ends the last name that was begun.
    pub fn end(&mut self) {
        match &mut self.names {
            Rendered::Texts(texts) => texts.end(),
            Rendered::Hashes(hashes) => hashes.end(),
        }
    }

    /// An empty list for the entry whose key has these parts and this text.
    pub(crate) fn of_entry(parts: &Arc<[u8]>, text: &Arc<str>) -> Self {
        let own = Some((Arc::clone(parts), Arc::clone(text)));
        Self { names: Rendered::Texts(Texts { own, ..Texts::default() }) }
    }

    /// Each aggregate moves here when its name ends.
    pub(crate) fn moved(here: &Here, moved: Move) -> Self {
        let hasher = NameHasher::new(here.names());
        Self { names: Rendered::Hashes(Hashes { hasher, moved, here: Arc::clone(here) }) }
    }

    pub(crate) fn into_names(self) -> Vec<Aggregate> {
        match self.names {
            Rendered::Texts(texts) => texts.names,
            Rendered::Hashes(_) => Vec::new(),
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
