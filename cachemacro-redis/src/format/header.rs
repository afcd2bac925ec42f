//! The header of an entry's value: the properties of the entry, and a checksum of its bytes.
//!
//! ```text
//!   0   1  format version, 4
//!   1   3  "cme"
//!   4   4  CRC-32 (ISO-HDLC, as in zlib) of all bytes behind it, including the payload
//!   8   1  holds: 0 a value, 1 the absence `None`, 2 the absence that is an error
//!   9   1  kind: 0 row, 1 still
//!  10   2  n, the number of further aggregates
//!  12  24  origin: the function, the executable, the instance
//!  36   8  hash of the key that it is stored under, FNV-1a: a copy under another key is a miss
//!  44   8  token: version
//!  52   8  token: generation
//!  60   8  written   ┐
//!  68   8  soft      │ microseconds since 1970, by the server's clock (R16)
//!  76   8  hard      ┘
//!  84   8  cost, in microseconds
//!  92   8  weight
//! 100   4  m, the length of what follows the further aggregates
//! 104  16n further aggregates: floor and fence generation of each (R20)
//!      m   which load made it, and of what: `Made::to_bytes`
//!      …   payload
//! ```
//!
//! All numbers are little-endian. Another format version is a miss. So every change of this layout must change the
//! first byte (R18); the test `the_bytes_are_these` fails otherwise.

use cachemacro_runtime::store::{Absence, EntryKey, FenceKind, fnv64};
use cachemacro_runtime::{Generation, Token};

const FORMAT: [u8; 4] = *b"\x04cme";

/// The offset at which the bytes begin that the checksum covers.
const COVERED: usize = 8;

/// The length of a header without further aggregates.
const LEAST: usize = 104;

/// What the payload is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Holds {
    /// The envelope of a value.
    Value,
    /// Empty: the load returned an absence.
    Absent(Absence),
}

/// The owner of an entry: a function and a key. An entry is never read for another function or key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Owner {
    /// The function, with the types it was called with: [`EntryKey::origin`].
    pub(crate) origin: [u8; 24],
    /// The hash of the key that the entry is stored under.
    pub(crate) key: u64,
}

impl Owner {
    /// The owner of the entries of this function under this key.
    pub(crate) fn new(entry: &EntryKey, key: &str) -> Self {
        Self { origin: entry.origin(), key: fnv64(key.bytes()) }
    }
}

/// The properties of an entry, without its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) holds: Holds,
    pub(crate) owner: Owner,
    pub(crate) token: Token,
    pub(crate) kind: FenceKind,
    pub(crate) written: u64,
    pub(crate) soft: u64,
    pub(crate) hard: u64,
    pub(crate) cost: u64,
    pub(crate) weight: u64,
    /// The tokens at which the aggregates after the first one must still be.
    pub(crate) further: Vec<Token>,
    /// Which load made it, and of what.
    pub(crate) made: Vec<u8>,
}

/// The bytes that the server stores. With more than 65,535 further aggregates [`decode`] refuses them.
pub(crate) fn encode(header: &Header, payload: &[u8]) -> Vec<u8> {
    let (Ok(further), Ok(made)) = (u16::try_from(header.further.len()), u32::try_from(header.made.len())) else {
        return Vec::new();
    };
    let mut bytes = Vec::with_capacity(LEAST + 16 * header.further.len() + header.made.len() + payload.len());
    bytes.extend(FORMAT);
    bytes.extend([0; 4]);
    bytes.push(match header.holds {
        Holds::Value => 0,
        Holds::Absent(Absence::None) => 1,
        Holds::Absent(Absence::Error) => 2,
    });
    bytes.push(match header.kind {
        FenceKind::Row => 0,
        FenceKind::Unversioned => 1,
    });
    bytes.extend(further.to_le_bytes());
    let Token { version, generation } = header.token;
    let times = [header.written, header.soft, header.hard, header.cost];
    bytes.extend(header.owner.origin);
    let numbers = [header.owner.key, version, generation.to_bits()].into_iter().chain(times).chain([header.weight]);
    bytes.extend(numbers.flat_map(u64::to_le_bytes));
    bytes.extend(made.to_le_bytes());
    let further = header.further.iter().flat_map(|token| [token.version, token.generation.to_bits()]);
    bytes.extend(further.flat_map(u64::to_le_bytes));
    bytes.extend(&header.made);
    bytes.extend(payload);
    let checksum = crc32fast::hash(&bytes[COVERED..]);
    bytes[FORMAT.len()..COVERED].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// The header and the payload in these bytes, if they are complete and in this format.
pub(crate) fn decode(bytes: &[u8]) -> Option<(Header, &[u8])> {
    let mut reader = Reader(bytes);
    if reader.take()? != FORMAT {
        return None;
    }
    let checksum = u32::from_le_bytes(reader.take()?);
    if checksum != crc32fast::hash(reader.0) {
        return None;
    }
    let holds = match reader.take()? {
        [0] => Holds::Value,
        [1] => Holds::Absent(Absence::None),
        [2] => Holds::Absent(Absence::Error),
        _ => return None,
    };
    let kind = match reader.take()? {
        [0] => FenceKind::Row,
        [1] => FenceKind::Unversioned,
        _ => return None,
    };
    let further = usize::from(u16::from_le_bytes(reader.take()?));
    let mut header = Header {
        holds,
        kind,
        owner: Owner { origin: reader.take()?, key: reader.number()? },
        token: reader.token()?,
        written: reader.number()?,
        soft: reader.number()?,
        hard: reader.number()?,
        cost: reader.number()?,
        weight: reader.number()?,
        further: Vec::new(),
        made: Vec::new(),
    };
    let made = usize::try_from(u32::from_le_bytes(reader.take()?)).ok()?;
    header.further = (0..further).map(|_| reader.token()).collect::<Option<_>>()?;
    header.made = reader.bytes(made)?.to_vec();
    Some((header, reader.0))
}

/// The rest of the bytes.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn bytes(&mut self, len: usize) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn token(&mut self) -> Option<Token> {
        Some(Token { version: self.number()?, generation: Generation::from_bits(self.number()?) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token() -> impl Strategy<Value = Token> {
        let of = |(version, bits)| Token { version, generation: Generation::from_bits(bits) };
        any::<(u64, u64)>().prop_map(of)
    }

    fn header() -> impl Strategy<Value = Header> {
        let holds =
            prop_oneof![Just(Holds::Value), Just(Holds::Absent(Absence::None)), Just(Holds::Absent(Absence::Error))];
        let kind = prop_oneof![Just(FenceKind::Row), Just(FenceKind::Unversioned)];
        let further = proptest::collection::vec(token(), 0..5);
        (holds, kind, token(), any::<([u8; 24], [u64; 6], Vec<u8>)>(), further).prop_map(
            |(holds, kind, token, (origin, numbers, made), further)| {
                let [key, written, soft, hard, cost, weight] = numbers;
                let owner = Owner { origin, key };
                Header { holds, owner, token, kind, written, soft, hard, cost, weight, further, made }
            },
        )
    }

    proptest! {
        #[test]
        fn an_entry_is_read_as_it_was_written(header in header(), payload: Vec<u8>) {
            let bytes = encode(&header, &payload);
            prop_assert_eq!(bytes.capacity(), bytes.len());
            prop_assert_eq!(decode(&bytes), Some((header, &payload[..])));
        }

        #[test]
        fn r18_no_byte_string_is_more_than_a_miss(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&bytes), None);
        }

        /// With a correct checksum, so that the bytes behind it are read.
        #[test]
        fn no_byte_string_with_a_true_checksum_breaks_the_reader(mut covered: Vec<u8>, further in 0_u16..9, as_count: bool) {
            if as_count && covered.len() > 3 {
                covered[0] %= 3;
                covered[1] %= 2;
                covered[2..4].copy_from_slice(&further.to_le_bytes());
            }
            let bytes = [&FORMAT[..], &crc32fast::hash(&covered).to_le_bytes(), &covered].concat();
            if let Some((header, payload)) = decode(&bytes) {
                prop_assert_eq!(encode(&header, payload), bytes);
            }
        }

        #[test]
        fn bytes_that_are_damaged_or_cut_are_a_miss(header in header(), payload: Vec<u8>, at: prop::sample::Index) {
            let mut bytes = encode(&header, &payload);
            let bit = at.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(decode(&bytes), None);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(decode(&bytes[..bit / 8]), None);
        }
    }

    #[test]
    fn every_flipped_bit_is_a_miss() {
        let header = example();
        let mut bytes = encode(&header, b"payload");
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bytes), None, "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(decode(&bytes), Some((header, &b"payload"[..])));
    }

    #[test]
    fn more_further_aggregates_than_can_be_counted_are_a_miss() {
        let one = example().further[0];
        let most = Header { further: vec![one; usize::from(u16::MAX)], ..example() };
        assert_eq!(decode(&encode(&most, b"")), Some((most, &b""[..])));
        let more = Header { further: vec![one; 1 << 16], ..example() };
        assert_eq!(decode(&encode(&more, b"")), None);
    }

    fn example() -> Header {
        let token = |version, bits| Token { version, generation: Generation::from_bits(bits) };
        Header {
            holds: Holds::Absent(Absence::Error),
            owner: Owner {
                origin: [
                    [0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01],
                    [5, 0, 0, 0, 0, 0, 0, 0],
                    [6, 0, 0, 0, 0, 0, 0, 0],
                ]
                .concat()
                .try_into()
                .expect("24 bytes"),
                key: fnv64("{shop:user:1}:find:v7.9f86d081884c7d65".bytes()),
            },
            token: token(7, 0x9f86_d081_884c_7d65),
            kind: FenceKind::Unversioned,
            written: 1_767_225_600_000_000,
            soft: 1_767_225_630_000_000,
            hard: 1_767_225_660_000_000,
            cost: 1_500,
            weight: 64,
            further: vec![token(3, 0xaaaa_bbbb_cccc_dddd)],
            made: vec![1, 2, 3],
        }
    }

    /// If these bytes change, [`FORMAT`] must change: during a deployment old and new binaries share one server.
    #[test]
    fn the_bytes_are_these() {
        let parts = [
            "04636d65 16b420a2",
            "02 01 0100 efcdab8967452301 0500000000000000 0600000000000000 5a025d0ab356e597",
            "0700000000000000 657d4c8881d0869f",
            "0040204648470600 8003ea4748470600 00c7b34948470600",
            "dc05000000000000 4000000000000000",
            "03000000 0300000000000000 ddddccccbbbbaaaa 010203",
            "7061796c6f6164",
        ];
        let hex: String = encode(&example(), b"payload").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, parts.concat().replace(' ', ""));
    }
}
