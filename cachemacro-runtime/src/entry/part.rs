//! An entry that another value was made of, and how a list of them is written.
//!
//! ```text
//!  0  8  the number of the load
//!  8  1  format, 1
//!  9  …  for each part: function, key (each: length as u32, UTF-8); load (u64); version (u64, behind 1, or 0); flags: 1 absent, 2
//!        public, 4 with a browser TTL; browser TTL in ms (u64, with flag 4); number of aggregates (u16), each: name, version
//! ```

use std::sync::Arc;
use std::time::Duration;

/// More parts than this are not recorded.
pub(crate) const MOST_PARTS: usize = 256;

const FORMAT: u8 = 1;
const ABSENT: u8 = 1;
const PUBLIC: u8 = 2;
const BROWSER: u8 = 4;

/// An entry that an answer was made of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub struct Part {
    /// The cached function, as it is called outside of the process: with its path, and with the types of a generic function.
    pub function: Arc<str>,
    /// The key of the entry, as the template of the annotation makes it: `user:123`.
    pub key: Arc<str>,
    /// The load that made it, a random number; `None` for what was not stored.
    pub load: Option<u64>,
    /// The version of the first aggregate that it is stored under.
    pub version: Option<u64>,
    /// The aggregates that it depends on, each with the newest version that was known of it; `None` where none was.
    pub aggregates: Vec<(Arc<str>, Option<u64>)>,
    /// Whether it is an absence.
    pub is_absent: bool,
    /// Whether the function is `public`.
    pub is_public: bool,
    /// The function's `browser_ttl`.
    pub browser_ttl: Option<Duration>,
}

pub(super) fn write_parts(load: u64, parts: &[Part]) -> Vec<u8> {
    let mut bytes = load.to_le_bytes().to_vec();
    bytes.push(FORMAT);
    parts.iter().for_each(|part| part.write(&mut bytes));
    bytes
}

/// The parts behind the number of the load. `None` for bytes that [`write_parts`] has not written.
pub(super) fn read_parts(bytes: &[u8]) -> Option<Vec<Part>> {
    let (FORMAT, rest) = bytes.split_first().map(|(format, rest)| (*format, rest))? else { return None };
    let (mut reader, mut parts) = (Reader(rest), Vec::new());
    while !reader.0.is_empty() {
        parts.push(reader.part()?);
    }
    Some(parts)
}

impl Part {
    fn write(&self, bytes: &mut Vec<u8>) {
        write_text(bytes, &self.function);
        write_text(bytes, &self.key);
        bytes.extend(self.load.unwrap_or(0).to_le_bytes());
        write_version(bytes, self.version);
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        bytes.push(
            flag(self.is_absent, ABSENT) | flag(self.is_public, PUBLIC) | flag(self.browser_ttl.is_some(), BROWSER),
        );
        if let Some(ttl) = self.browser_ttl {
            bytes.extend(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).to_le_bytes());
        }
        // A function with more aggregates than can be counted is read as unknown.
        bytes.extend(u16::try_from(self.aggregates.len()).unwrap_or(u16::MAX).to_le_bytes());
        for (name, version) in &self.aggregates {
            write_text(bytes, name);
            write_version(bytes, *version);
        }
    }
}

fn write_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend(text.as_bytes());
}

fn write_version(bytes: &mut Vec<u8>, version: Option<u64>) {
    bytes.push(u8::from(version.is_some()));
    if let Some(version) = version {
        bytes.extend(version.to_le_bytes());
    }
}

/// The rest of the bytes.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Option<Arc<str>> {
        let len = usize::try_from(u32::from_le_bytes(self.take()?)).ok()?;
        let (text, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(Arc::from)
    }

    fn version(&mut self) -> Option<Option<u64>> {
        match self.take()? {
            [0] => Some(None),
            [1] => self.number().map(Some),
            _ => None,
        }
    }

    fn part(&mut self) -> Option<Part> {
        let (function, key, load, version) = (self.text()?, self.text()?, self.number()?, self.version()?);
        let [flags] = self.take()?;
        if flags & !(ABSENT | PUBLIC | BROWSER) != 0 {
            return None;
        }
        let browser_ttl = match flags & BROWSER {
            0 => None,
            _ => Some(Duration::from_millis(self.number()?)),
        };
        let count = u16::from_le_bytes(self.take()?);
        Some(Part {
            function,
            key,
            load: (load != 0).then_some(load),
            version,
            aggregates: (0..count).map(|_| Some((self.text()?, self.version()?))).collect::<Option<_>>()?,
            is_absent: flags & ABSENT != 0,
            is_public: flags & PUBLIC != 0,
            browser_ttl,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::entry::{Made, Parts};

    fn text() -> impl Strategy<Value = Arc<str>> {
        "\\PC{0,12}".prop_map(Arc::from)
    }

    fn part() -> impl Strategy<Value = Part> {
        let load = option::of(1_u64..);
        let ttl = option::of(any::<u64>().prop_map(Duration::from_millis));
        let aggregates = vec((text(), any::<Option<u64>>()), 0..4);
        (text(), text(), load, any::<Option<u64>>(), aggregates, any::<(bool, bool)>(), ttl).prop_map(
            |(function, key, load, version, aggregates, (is_absent, is_public), browser_ttl)| Part {
                function,
                key,
                load,
                version,
                aggregates,
                is_absent,
                is_public,
                browser_ttl,
            },
        )
    }

    proptest! {
        #[test]
        fn parts_are_read_as_they_were_written(load in 1_u64.., parts in vec(part(), 0..6)) {
            let made = Made::of(load, Parts::of(parts));
            prop_assert_eq!(Made::from_bytes(&made.to_bytes()), made);
        }

        #[test]
        fn no_byte_string_breaks_the_reader(bytes in vec(any::<u8>(), 0..80), parts in vec(part(), 0..3), at: prop::sample::Index) {
            let _ = Made::from_bytes(&bytes);
            let mut bytes = Made::of(7, Parts::of(parts)).to_bytes();
            let at = at.index(bytes.len());
            bytes.truncate(at);
            let _ = Made::from_bytes(&bytes);
        }
    }

    #[test]
    fn what_is_not_known_is_read_as_not_known() {
        assert_eq!(Made::from_bytes(&Made::default().to_bytes()), Made::default());
        let unknown = Made::of(7, Parts::Unknown);
        assert_eq!(Made::from_bytes(&unknown.to_bytes()), unknown);
        let none = Made::of(7, Parts::None);
        assert_eq!(Made::from_bytes(&none.to_bytes()), none);
    }
}
