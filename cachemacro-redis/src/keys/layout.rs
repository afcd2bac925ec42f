//! The names of all keys on the server. People read them, so they are text. Other programs match them, so this layout
//! does not change within a major version.
//!
//! ```text
//! {shop:user:123}:index                               the index record of an aggregate
//! {shop:user:123}:shop::find:v7.9f86d081884c7d65      an entry under a row's version: function, version, generation
//! {shop:user:123}:shop::find:s7.0011223344556677      an entry without a version: floor, fence generation
//! {shop:user:123}:shop::find:lease                    the lease: which process loads it
//! {shop:org:5}:shop::list(org:5:members:2):v3.…       an entry whose text is not the name of its first aggregate
//! {shop:user:123}:shop::find@3528:v7.…                 the same, since the function was cleared: its number in the control record
//! {shop}:control                                      the control record: what was cleared, and what is switched off
//! {shop}:events                                       the channel of announcements
//! {shop}:events:head                                  the incarnation of the stream, and its last number
//! {!}:events                                          the channel of the namespace ""
//! ```
//!
//! The text in braces decides the slot in a cluster. An entry, its lease and the record of its first aggregate share
//! one.

use cachemacro_runtime::Token;
use cachemacro_runtime::store::{Aggregate, FenceKind};

use super::escape::escaped;

/// The keys of one namespace.
pub(crate) struct Keys {
    namespace: String,
}

/// The end of a versioned key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Suffix {
    pub(crate) kind: FenceKind,
    pub(crate) token: Token,
}

/// The keys of one entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct EntryKeys {
    /// The key of its first aggregate's record.
    pub(crate) index: String,
    stem: String,
}

impl Keys {
    pub(crate) fn new(namespace: &str) -> Self {
        // A colon ends the namespace, so it is escaped: `a:b` with `c` differs from `a` with `b:c` (R17).
        Self { namespace: escaped(namespace.as_bytes(), b":") }
    }

    /// The key of an aggregate's index record.
    pub(crate) fn index(&self, aggregate: &Aggregate) -> String {
        format!("{}:index", self.tag(aggregate))
    }

    /// `name` is that of the function, `clears` its number in the control record, and `text` the rendered key.
    pub(crate) fn entry(&self, name: &str, clears: u64, text: &str, first: &Aggregate) -> EntryKeys {
        let tag = self.tag(first);
        let index = format!("{tag}:index");
        let mut stem = format!("{tag}:{name}");
        if clears > 0 {
            stem = format!("{stem}@{clears}");
        }
        if text != first.as_str() {
            stem = format!("{stem}({})", escaped(text.as_bytes(), b""));
        }
        EntryKeys { index, stem }
    }

    /// The stream that every process follows.
    pub(crate) fn events(&self) -> String {
        format!("{}:events", self.channel())
    }

    /// The key of the stream's head: the incarnation of the stream, and its last number.
    pub(crate) fn head(&self) -> String {
        format!("{}:events:head", self.channel())
    }

    /// The control record.
    pub(crate) fn control(&self) -> String {
        format!("{}:control", self.channel())
    }

    /// For a cluster `{}` is no hash tag, so the stream and its head would be in different slots. The empty namespace
    /// is therefore written as `!`, which no other namespace is.
    fn channel(&self) -> String {
        let namespace = if self.namespace.is_empty() { "!" } else { &self.namespace };
        format!("{{{namespace}}}")
    }

    fn tag(&self, aggregate: &Aggregate) -> String {
        format!("{{{}:{}}}", self.namespace, escaped(aggregate.as_str().as_bytes(), b""))
    }
}

impl EntryKeys {
    pub(crate) fn versioned(&self, suffix: Suffix) -> String {
        let letter = match suffix.kind {
            FenceKind::Row => 'v',
            FenceKind::Unversioned => 's',
        };
        format!("{}:{letter}{}.{:016x}", self.stem, suffix.token.version, suffix.token.generation.to_bits())
    }

    pub(crate) fn lease(&self) -> String {
        format!("{}:lease", self.stem)
    }
}

/// The cluster slot of a key that was made here: CRC-16 (XMODEM) of the text in its braces, modulo 16384.
pub(crate) fn slot(key: &str) -> u16 {
    let tag = key.split(['{', '}']).nth(1).unwrap_or(key);
    let shifted = |crc: u16, _| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
    tag.bytes().fold(0, |crc: u16, byte| (0..8).fold(crc ^ (u16::from(byte) << 8), shifted)) % 16384
}

#[cfg(test)]
mod tests {
    use super::*;
    use cachemacro_runtime::Generation;

    fn token(version: u64, generation: u64) -> Token {
        Token { version, generation: Generation::from_bits(generation) }
    }

    fn entry(namespace: &str, text: &str, first: &str) -> EntryKeys {
        Keys::new(namespace).entry("find", 0, text, &Aggregate::new(first))
    }

    fn row(keys: &EntryKeys) -> String {
        keys.versioned(Suffix { kind: FenceKind::Row, token: token(7, 0x9f86_d081_884c_7d65) })
    }

    #[test]
    fn the_layout_is_what_it_was() {
        let keys = Keys::new("shop");
        assert_eq!(keys.index(&Aggregate::new("user:123")), "{shop:user:123}:index");
        assert_eq!(keys.events(), "{shop}:events");
        assert_eq!(keys.head(), "{shop}:events:head");
        assert_eq!(keys.control(), "{shop}:control");
        let nameless = Keys::new("");
        assert_eq!((nameless.events(), nameless.head()), ("{!}:events".to_owned(), "{!}:events:head".to_owned()));
        assert_eq!(nameless.index(&Aggregate::new("user:123")), "{:user:123}:index");
        let entry = entry("shop", "user:123", "user:123");
        assert_eq!(entry.index, "{shop:user:123}:index");
        assert_eq!(entry.lease(), "{shop:user:123}:find:lease");
        assert_eq!(row(&entry), "{shop:user:123}:find:v7.9f86d081884c7d65");
        let still = Suffix { kind: FenceKind::Unversioned, token: token(u64::MAX, 0x11) };
        assert_eq!(entry.versioned(still), "{shop:user:123}:find:s18446744073709551615.0000000000000011");
    }

    #[test]
    fn a_text_of_its_own_stands_in_parentheses() {
        let entry = entry("shop", "org:5:members:2", "org:5");
        assert_eq!(entry.index, "{shop:org:5}:index");
        assert_eq!(row(&entry), "{shop:org:5}:find(org:5:members:2):v7.9f86d081884c7d65");
        assert_eq!(entry.lease(), "{shop:org:5}:find(org:5:members:2):lease");
        let cleared = Keys::new("shop").entry("find", 3528, "org:5:members:2", &Aggregate::new("org:5"));
        assert_eq!(cleared.lease(), "{shop:org:5}:find@3528(org:5:members:2):lease");
    }

    #[test]
    fn slots_are_the_servers() {
        // CLUSTER KEYSLOT
        assert_eq!(slot("{123456789}:index"), 12739);
        assert_eq!(slot("{shop:user:123}:find:lease"), slot("{shop:user:123}:index"));
    }

    #[test]
    fn r17_no_text_leaves_its_slot_or_meets_another() {
        let keys = Keys::new("shop:eu");
        assert_eq!(
            keys.index(&Aggregate::new("a}b{c d\u{e9}\n!%41")),
            "{shop!3Aeu:a!7Db!7Bc!20d!C3!A9!0A!21%41}:index"
        );
        assert_eq!(row(&entry("s", "user:Name(1,2)", "user:1")), "{s:user:1}:find(user:Name(1,2)):v7.9f86d081884c7d65");
        assert_ne!(Keys::new("a:b").index(&Aggregate::new("c")), Keys::new("a").index(&Aggregate::new("b:c")));
    }
}
