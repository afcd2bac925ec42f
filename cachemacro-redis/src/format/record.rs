//! An index record as the server stores it: one line of text. The scripts write it; the scripts and every LOOKUP read
//! it.
//!
//! It has the meaning of [`Index`](cachemacro_runtime::store::Index); only the scripts change it.

use cachemacro_runtime::store::{Fence, FenceKind, Snapshot};
use cachemacro_runtime::{Generation, Token};

use crate::connection::ServerEpoch;
use crate::keys::Suffix;

/// The most marks that the scripts allow in a record.
const MAX_MARKS: usize = 8;

/// A parsed record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    floor: u64,
    fence_generation: Generation,
    alias: Option<u64>,
    unverified: bool,
    /// The first 16 digits of the `master_replid` under which it was last confirmed (R21).
    server: ServerEpoch,
    /// `(from, generation)`, ascending; the first starts at version 0.
    marks: Vec<(u64, Generation)>,
}

impl Record {
    /// Parses the bytes under this key; the whole text must match. Anything else counts as absent, as does a record of
    /// another key.
    pub(crate) fn parse(bytes: &[u8], key: &str) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut fields = text.strip_suffix(key)?.strip_suffix(" key=")?.strip_prefix("2 ")?.split(' ');
        let mut field = |name: &str| fields.next()?.strip_prefix(name)?.strip_prefix('=');
        let record = Self {
            floor: version(field("floor")?)?,
            fence_generation: generation(field("turn")?)?,
            alias: match field("alias")? {
                "-" => None,
                digits => Some(version(digits)?),
            },
            unverified: flag(field("cold")?)?,
            server: {
                // Used by the scripts only, but part of the format.
                let _young: u64 = decimal(field("young")?)?;
                let _rotates = flag(field("rotates")?)?;
                ServerEpoch::from_bits(bits(field("server")?)?)
            },
            marks: field("marks")?.split(',').map(mark).collect::<Option<_>>()?,
        };
        let is_whole = record.marks[0].0 == 0 && record.marks.len() <= MAX_MARKS && fields.next().is_none();
        is_whole.then_some(record)
    }

    /// The snapshot that fences a load.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot { generation: self.fence_generation, floor: self.floor }
    }

    /// Whether this server has confirmed it.
    pub(crate) fn is_confirmed_by(&self, epoch: ServerEpoch) -> bool {
        epoch == self.server
    }

    /// The suffix under which a value is stored that was loaded with this fence and snapshot. `None` if the fence
    /// generation of the record differs from the snapshot's, as its marks may differ then. Equal fence generations mean
    /// equal marks.
    pub(crate) fn suffix(&self, snapshot: Snapshot, fence: Fence) -> Option<Suffix> {
        match fence {
            _ if self.fence_generation != snapshot.generation => None,
            Fence::Row(version) => Some(row(self.token(version))),
            Fence::Unversioned => (self.floor == snapshot.floor).then(|| self.still()),
        }
    }

    /// The suffixes that serve, in the order of the search.
    pub(crate) fn candidates(&self) -> Vec<Suffix> {
        let rows = if self.unverified { Vec::new() } else { self.rows() };
        rows.into_iter().chain([self.still()]).collect()
    }

    /// The suffixes of older entries that a LOOKUP could find instead of a value under this suffix.
    pub(crate) fn superseded(&self, suffix: Suffix) -> Vec<Suffix> {
        match suffix.kind {
            FenceKind::Row => {
                let token = Token { version: suffix.token.version, generation: self.fence_generation };
                vec![Suffix { kind: FenceKind::Unversioned, token }]
            }
            FenceKind::Unversioned => self.rows(),
        }
    }

    /// The suffixes that serve now, or may serve after the record is confirmed.
    pub(crate) fn whatever_serves(&self) -> Vec<Suffix> {
        self.rows().into_iter().chain([self.still()]).collect()
    }

    /// The suffixes of entries with a version: at the alias, and at the floor.
    fn rows(&self) -> Vec<Suffix> {
        self.alias.into_iter().chain([self.floor]).map(|version| row(self.token(version))).collect()
    }

    /// The suffix of entries without a version. They are bound to the floor and the fence generation, and need no
    /// confirmation.
    pub(crate) fn still(&self) -> Suffix {
        Suffix { kind: FenceKind::Unversioned, token: Token { version: self.floor, generation: self.fence_generation } }
    }

    fn token(&self, version: u64) -> Token {
        let mark = self.marks.iter().rev().find(|(from, _)| *from <= version).unwrap_or(&self.marks[0]);
        Token { version, generation: mark.1 }
    }
}

fn row(token: Token) -> Suffix {
    Suffix { kind: FenceKind::Row, token }
}

/// The scripts compare versions as text, so they are padded (R19).
fn version(digits: &str) -> Option<u64> {
    (digits.len() == 20).then(|| decimal(digits))?
}

fn decimal(digits: &str) -> Option<u64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

fn bits(text: &str) -> Option<u64> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (text.len() == 16 && text.bytes().all(is_hex)).then(|| u64::from_str_radix(text, 16).ok())?
}

fn generation(text: &str) -> Option<Generation> {
    bits(text).map(Generation::from_bits)
}

fn mark(text: &str) -> Option<(u64, Generation)> {
    let (from, of) = text.split_once('.')?;
    Some((version(from)?, generation(of)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "2 floor=00000000000000000007 turn=9f86d081884c7d65 alias=00000000000000000003 cold=0 \
                        young=1767225600000 rotates=0 server=1a2b3c4d5e6f7081 \
                        marks=00000000000000000000.0000000000000001,00000000000000000006.aaaaaaaaaaaaaaaa \
                        key={shop:user:1}:index";
    const KEY: &str = "{shop:user:1}:index";

    fn read(text: &str) -> Option<Record> {
        Record::parse(text.as_bytes(), KEY)
    }

    fn token(version: u64, generation: u64) -> Token {
        Token { version, generation: Generation::from_bits(generation) }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let fence_generation = Generation::from_bits(0x9f86_d081_884c_7d65);
        let marks = vec![(0, Generation::from_bits(1)), (6, Generation::from_bits(0xaaaa_aaaa_aaaa_aaaa))];
        let server = ServerEpoch::from_bits(0x1a2b_3c4d_5e6f_7081);
        assert_eq!(
            read(TEXT),
            Some(Record { floor: 7, fence_generation, alias: Some(3), unverified: false, server, marks })
        );
    }

    #[test]
    fn rows_serve_at_the_alias_and_at_the_floor_and_other_values_at_the_fence_generation() {
        let record = read(TEXT).expect("a record");
        let still = Suffix { kind: FenceKind::Unversioned, token: token(7, 0x9f86_d081_884c_7d65) };
        let rows = [row(token(3, 1)), row(token(7, 0xaaaa_aaaa_aaaa_aaaa))];
        assert_eq!(record.candidates(), [rows[0], rows[1], still]);
        assert_eq!(record.superseded(still), rows);
        assert_eq!(record.superseded(rows[1]), [still]);
        let unverified = read(&TEXT.replace("cold=0", "cold=1")).expect("a record");
        assert_eq!(unverified.candidates(), [still], "a cold record serves no row");
    }

    #[test]
    fn only_the_snapshots_own_record_says_where_a_value_goes() {
        let record = read(TEXT).expect("a record");
        let now = record.snapshot();
        assert_eq!(record.suffix(now, Fence::Row(5)), Some(row(token(5, 1))));
        assert_eq!(record.suffix(now, Fence::Row(u64::MAX)), Some(row(token(u64::MAX, 0xaaaa_aaaa_aaaa_aaaa))));
        assert_eq!(record.suffix(now, Fence::Unversioned), Some(record.still()));
        let lower = Snapshot { floor: 6, ..now };
        assert_eq!(record.suffix(lower, Fence::Row(6)), Some(row(token(6, 0xaaaa_aaaa_aaaa_aaaa))));
        assert_eq!(record.suffix(lower, Fence::Unversioned), None);
        assert_eq!(record.suffix(Snapshot { generation: Generation::from_bits(1), ..now }, Fence::Row(7)), None);
    }

    #[test]
    fn whatever_is_not_exactly_a_record_is_none() {
        for at in 0..TEXT.len() {
            assert_eq!(read(&TEXT[..at]), None, "{:?}", &TEXT[..at]);
            let mut bytes = TEXT.as_bytes().to_vec();
            bytes[at] = 0xff;
            assert_eq!(Record::parse(&bytes, KEY), None);
        }
        let mend = |from: &str, to: &str| read(&TEXT.replacen(from, to, 1));
        assert_eq!(mend("2 floor", "1 floor"), None, "another form");
        assert_eq!(mend("9f86", "9F86"), None, "upper case");
        assert_eq!(mend("floor=0", "floor=+"), None, "a sign");
        assert_eq!(mend("floor=0", "floor=9"), None, "more than 64 bits");
        assert_eq!(mend("marks=00000000000000000000", "marks=00000000000000000001"), None, "a first mark from 1");
        assert_eq!(read(&format!("{TEXT} ")), None);
        assert_eq!(read(&format!("{TEXT}\n")), None);
        let marks = |count| ",00000000000000000008.aaaaaaaaaaaaaaaa".repeat(count) + " key=";
        assert!(read(&TEXT.replace(" key=", &marks(6))).is_some(), "eight marks");
        assert_eq!(read(&TEXT.replace(" key=", &marks(7))), None, "nine marks");
    }

    #[test]
    fn under_another_key_it_is_none() {
        for key in ["{shop:user:2}:index", "{mall:user:1}:index", "index", "", " key={shop:user:1}:index"] {
            assert_eq!(Record::parse(TEXT.as_bytes(), key), None, "{key:?}");
        }
        assert!(Record::parse(TEXT.as_bytes(), KEY).is_some());
    }
}
