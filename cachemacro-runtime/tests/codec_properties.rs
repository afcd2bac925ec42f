//! Envelopes of any bytes: what was written is read, and whatever else is read is a miss or a value, in little memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;

use cachemacro_runtime::fuzz::{decode, encode, fingerprint};
use cachemacro_runtime::{Codec, Encoding};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

/// How long an envelope is before its body, where that is not compressed.
const HEAD: usize = 10;

thread_local! {
    /// The largest allocation of this thread since it was last looked at.
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, which remembers.
struct Remembers;

#[global_allocator]
static REMEMBERS: Remembers = Remembers;

#[expect(unsafe_code, reason = "an allocator is")]
// SAFETY: every call goes on to the system's allocator as it is.
unsafe impl GlobalAlloc for Remembers {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        remember(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        remember(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        remember(size);
        unsafe { System.realloc(ptr, layout, size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        unsafe { System.dealloc(ptr, layout) }
    }
}

fn remember(size: usize) {
    // A thread that ends allocates no more of interest.
    let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(size)));
}

/// Decodes, and says how large the largest allocation was.
fn watched(bytes: &[u8]) -> (Option<Value>, usize) {
    LARGEST.set(0);
    let value = decode(bytes);
    (value, LARGEST.get())
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Value {
    id: u64,
    small: i16,
    name: String,
    maybe: Option<Box<Value>>,
    bytes: Vec<u8>,
    kinds: Vec<Kind>,
    named: BTreeMap<String, (char, u128)>,
    pair: Option<(f64, bool)>,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
enum Kind {
    Unit,
    Newtype(String),
    Tuple(i8, i64),
    Struct { of: Option<u32>, unit: () },
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Unit),
        any::<String>().prop_map(Kind::Newtype),
        any::<(i8, i64)>().prop_map(|(small, large)| Kind::Tuple(small, large)),
        any::<Option<u32>>().prop_map(|of| Kind::Struct { of, unit: () }),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let kinds = prop::collection::vec(kind(), 0..8);
    let named = prop::collection::btree_map(any::<String>(), any::<(char, u128)>(), 0..4);
    let name = prop_oneof![any::<String>(), ("[a-c]", 0..5_000_usize).prop_map(|(letter, count)| letter.repeat(count))];
    let plain = (any::<u64>(), any::<i16>(), name, any::<Vec<u8>>(), kinds, named);
    // JSON has no word for the other floats.
    let pair = prop::option::of((prop::num::f64::NORMAL | prop::num::f64::ZERO, any::<bool>()));
    let leaf = (plain, pair).prop_map(|((id, small, name, bytes, kinds, named), pair)| Value {
        id,
        small,
        name,
        maybe: None,
        bytes,
        kinds,
        named,
        pair,
    });
    leaf.prop_recursive(3, 4, 1, |inner| {
        (inner.clone(), inner).prop_map(|(outer, inner)| Value { maybe: Some(Box::new(inner)), ..outer })
    })
}

fn codecs() -> Vec<Codec> {
    vec![
        Codec::Postcard,
        #[cfg(feature = "bincode")]
        Codec::Bincode,
        #[cfg(feature = "json")]
        Codec::Json,
        Codec::MessagePack,
    ]
}

/// Each codec with each compression.
fn encodings() -> Vec<Encoding> {
    let plain = codecs().into_iter().map(Encoding::new);
    plain
        .flat_map(|plain| {
            #[allow(unused_mut, reason = "it grows with the features")]
            let mut all = vec![plain];
            #[cfg(feature = "zstd")]
            all.extend([1, 9].map(|level| plain.compressed(cachemacro_runtime::Compression::Zstd { level, above: 0 })));
            #[cfg(feature = "lz4")]
            all.push(plain.compressed(cachemacro_runtime::Compression::lz4().above(0)));
            all
        })
        .collect()
}

/// The head of an envelope of a [`Value`].
fn head(codec: u8, compression: u8) -> Vec<u8> {
    let of = match codec {
        4 => Codec::MessagePack,
        _ => *codecs().get(usize::from(codec) - 1).unwrap_or(&Codec::Postcard),
    };
    [&[codec][..], &fingerprint::<Value>(of).to_le_bytes(), &[compression]].concat()
}

proptest! {
    // Each case is one for each encoding.
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_was_written_is_read(value in value()) {
        for encoding in encodings() {
            let bytes = encode(&value, encoding).expect("every codec takes it");
            let read: Option<Value> = decode(&bytes);
            prop_assert_eq!(read.as_ref(), Some(&value), "{:?}", encoding);
            prop_assert_eq!(decode::<Kind>(&bytes), None);
        }
    }

    /// JSON is none the longer for a space.
    #[test]
    fn what_is_cut_or_longer_is_a_miss(value in value(), at: prop::sample::Index, more in 33..=255_u8) {
        for encoding in encodings() {
            let bytes = encode(&value, encoding).expect("every codec takes it");
            prop_assert_eq!(decode::<Value>(&bytes[..at.index(bytes.len())]), None);
            prop_assert_eq!(decode::<Value>(&[&bytes[..], &[more]].concat()), None);
        }
    }

    /// Damage of true envelopes goes deeper than random bytes do.
    #[test]
    fn damaged_bytes_are_a_miss_or_a_value(value in value(), places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        for encoding in encodings() {
            let mut bytes = encode(&value, encoding).expect("every codec takes it");
            for (place, byte) in &places {
                let place = place.index(bytes.len());
                // A true fingerprint, so that it goes on to the body.
                if !(1..9).contains(&place) {
                    bytes[place] = *byte;
                }
            }
            let (_, largest) = watched(&bytes);
            prop_assert!(largest <= MOST.max(256 * bytes.len()), "{encoding:?}: {largest} bytes for {}", bytes.len());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_a_miss_or_a_value(bytes: Vec<u8>) {
        prop_assert_eq!(watched(&bytes).0, None);
    }

    /// Behind a true head anything is read.
    #[test]
    fn any_body_is_a_miss_or_a_value(codec in 1..5_u8, compression in 0..4_u8, length: Option<u32>, body: Vec<u8>) {
        let length = length.map(u32::to_le_bytes);
        let bytes = [&head(codec, compression)[..], length.as_ref().map_or(&[], |length| &length[..]), &body].concat();
        let (value, largest) = watched(&bytes);
        prop_assert!(largest <= MOST, "{largest} bytes for {}", bytes.len());
        if let Some(value) = value {
            // It is a true one.
            let again = encode(&value, Encoding::default()).expect("it is a value");
            prop_assert!(value.pair.is_some_and(|(float, _)| float.is_nan()) || decode(&again) == Some(value));
        }
    }
}

/// More than any of these values takes: what bincode may be made to allocate for a text, and serde for a sequence.
const MOST: usize = 2 << 20;

/// The length of a compressed body is told twice or bounded, and a lie of it allocates next to nothing.
#[test]
fn a_length_that_lies_allocates_nothing() {
    let value = Value { name: "a".repeat(100_000), ..nothing() };
    for encoding in encodings() {
        let mut bytes = encode(&value, encoding).expect("every codec takes it");
        if encoding.compression.is_none() {
            continue;
        }
        assert!(bytes.len() < 2_000, "{encoding:?} makes it smaller");
        assert_eq!(watched(&bytes).0.as_ref(), Some(&value));
        let length = bytes[HEAD..HEAD + 4].try_into().map_or(0, u32::from_le_bytes);
        for lie in [0, 1, length - 1, length + 1, 2_000_000, 100_000_000, (256 << 20) + 1, u32::MAX] {
            bytes[HEAD..HEAD + 4].copy_from_slice(&lie.to_le_bytes());
            let (value, largest) = watched(&bytes);
            assert_eq!(value, None, "{encoding:?}, {lie}");
            assert!(largest <= 300_000, "{encoding:?}, {lie}: {largest} bytes");
        }
    }
}

/// A body of a codec that says how long its text is, and lies.
#[test]
fn a_text_that_lies_of_its_length_allocates_little() {
    let true_ones: Vec<_> =
        codecs().into_iter().map(|codec| (codec, encode(&nothing(), Encoding::new(codec)))).collect();
    for (codec, bytes) in true_ones {
        let bytes = bytes.expect("every codec takes it");
        for at in HEAD..bytes.len() {
            for long in [
                &[0xff; 10][..],
                &[0xff, 0xff, 0xff, 0xff, 0x0f],
                &[253, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
            ] {
                let lie = [&bytes[..at], long, &bytes[at..]].concat();
                let (_, largest) = watched(&lie);
                assert!(largest <= MOST, "{codec:?} at {at}: {largest} bytes");
            }
        }
    }
}

#[test]
fn small_values_are_not_compressed() {
    for encoding in encodings() {
        let plain = encode(&nothing(), Encoding::new(encoding.codec)).expect("every codec takes it");
        let bytes = encode(&nothing(), encoding).expect("every codec takes it");
        assert!(bytes.len() <= plain.len(), "{encoding:?}");
    }
    #[cfg(any(feature = "zstd", feature = "lz4"))]
    {
        use cachemacro_runtime::Compression;
        let compressions = [
            #[cfg(feature = "zstd")]
            Compression::zstd(),
            #[cfg(feature = "lz4")]
            Compression::lz4(),
        ];
        for compression in compressions {
            let is_compressed = |length: usize, compression| {
                let value = Value { name: "a".repeat(length), ..nothing() };
                encode(&value, Encoding::default().compressed(compression)).expect("postcard takes it")[9] != 0
            };
            assert!(!is_compressed(4_000, compression));
            assert!(is_compressed(4_100, compression));
            assert!(is_compressed(4_000, compression.above(1_000)));
            assert!(!is_compressed(4_100, compression.above(10_000)));
        }
    }
}

/// What is written with one encoding is read whatever the other one is now: the ids decide.
#[test]
fn an_encoding_may_change_while_entries_live() {
    for encoding in encodings() {
        let bytes = encode(&nothing(), encoding).expect("every codec takes it");
        assert_eq!(decode(&bytes), Some(nothing()));
    }
}

fn nothing() -> Value {
    Value {
        id: 0,
        small: 0,
        name: String::new(),
        maybe: None,
        bytes: Vec::new(),
        kinds: Vec::new(),
        named: BTreeMap::new(),
        pair: None,
    }
}
