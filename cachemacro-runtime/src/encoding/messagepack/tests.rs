use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::net::IpAddr;

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::encoding::messagepack::*;

fn bytes<T: Serialize>(value: &T) -> Vec<u8> {
    write(value, Vec::new()).expect("it has a form").0
}

/// Compares by `Debug`, which shows a NaN, and the sign of a zero.
fn comes_back<T: Serialize + DeserializeOwned + Debug>(value: T) {
    let bytes = bytes(&value);
    let back = read::<T>(&bytes).unwrap_or_else(|| panic!("{value:?} is not read from {bytes:x?}"));
    assert_eq!(format!("{back:?}"), format!("{value:?}"));
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Unit;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Newtype(Option<u8>);

/// What the codec of `serde_bytes` does.
#[derive(Clone, PartialEq, Debug)]
struct Raw(Vec<u8>);

impl Serialize for Raw {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl serde::de::Visitor<'_> for Bytes {
            type Value = Raw;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Raw, E> {
                Ok(Raw(bytes.to_vec()))
            }
        }
        from.deserialize_byte_buf(Bytes)
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
enum Plain {
    Unit,
    Newtype(Option<Option<u8>>),
    Tuple(i64, char),
    Struct { a: Option<()>, b: Vec<Plain> },
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Unit,
    Newtype(Skips),
    Struct { at: IpAddr, deep: Option<Option<u8>>, unit: (), small: f32, list: Vec<Tagged> },
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", content = "of")]
enum Adjacent {
    Unit,
    Newtype(u64),
    Tuple(u8, String),
    Struct { a: i8 },
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    Many(Vec<Untagged>),
    Named { name: String, next: Option<Box<Untagged>> },
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
struct Skips {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    a: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    b: Option<String>,
    c: u64,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Flat {
    id: u64,
    #[serde(flatten)]
    skips: Skips,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[test]
fn numbers_come_back() {
    comes_back([f64::NAN, -0.0, 0.0, f64::INFINITY, f64::MIN_POSITIVE, 0.1, f64::MAX]);
    comes_back([f32::NAN, -0.0, f32::NEG_INFINITY, 1.1]);
    for bits in [0x7ff8_0000_0000_0001, 0xfff0_0000_0000_0001, u64::MAX] {
        let back: f64 = read(&bytes(&f64::from_bits(bits))).expect("a float");
        assert_eq!(back.to_bits(), bits, "which NaN");
    }
    for exponent in 0..128 {
        for number in [1_u128 << exponent, (1 << exponent) - 1] {
            comes_back(number);
            comes_back(number.cast_signed());
            comes_back(number.cast_signed().wrapping_neg());
            comes_back(number as u64);
            comes_back((number as i64).wrapping_neg());
        }
    }
    comes_back((u8::MAX, u16::MAX, u32::MAX, u64::MAX, u128::MAX));
    comes_back((i8::MIN, i16::MIN, i32::MIN, i64::MIN, i128::MIN));
}

#[test]
fn texts_and_bytes_of_every_length_come_back() {
    for length in [0, 1, 31, 32, 255, 256, 65_535, 65_536] {
        comes_back("a".repeat(length));
        comes_back(Raw(vec![0xff; length]));
        comes_back(vec![200_u8; length]);
        comes_back((0..length).map(|at| (at, ())).collect::<BTreeMap<_, _>>());
    }
    comes_back(['a', 'ß', '\u{10ffff}', '\0']);
}

#[test]
fn options_in_options_come_back() {
    comes_back(vec![None, Some(None), Some(Some(None)), Some(Some(Some(1_u8)))]);
    comes_back(vec![None, Some(())]);
    comes_back(vec![None, Some(Unit)]);
    comes_back(vec![None, Some(None), Some(Some(()))]);
    comes_back(vec![None, Some(Newtype(None)), Some(Newtype(Some(1)))]);
    comes_back(vec![None, Some(Value::Null)]);
    comes_back(vec![Some(None::<Vec<Option<Option<u8>>>>), Some(Some(vec![None, Some(None)]))]);
}

#[test]
fn maps_have_any_keys() {
    comes_back(BTreeMap::from([(-1_i64, "a"), (300, "b")].map(|(key, text)| (key, text.to_owned()))));
    comes_back(BTreeMap::from([((1_u8, "a".to_owned()), 1_u8), ((1, "b".to_owned()), 2)]));
    comes_back(BTreeMap::from([(None, 1_u8), (Some(None), 2), (Some(Some(1_u8)), 3)]));
    comes_back(BTreeMap::from([(vec![1_u8], 1_u8)]));
    comes_back(BTreeMap::from([(u128::MAX, 1_u8)]));
    comes_back(HashMap::from([(true, 'a')]));
}

#[test]
fn enums_of_every_form_come_back() {
    let plain = [Plain::Unit, Plain::Newtype(None), Plain::Newtype(Some(None)), Plain::Tuple(i64::MIN, 'ß')];
    comes_back(Plain::Struct { a: Some(()), b: plain.to_vec() });
    comes_back(BTreeMap::from([(Some(1_u8), Some(Plain::Unit))]));
    let skips = Skips { a: "a".to_owned(), ..Skips::default() };
    let list = vec![Tagged::Unit, Tagged::Newtype(skips), Tagged::Newtype(Skips::default())];
    for deep in [None, Some(None), Some(Some(7))] {
        let at = "::1".parse().expect("an address");
        comes_back(Tagged::Struct { at, deep, unit: (), small: 1.1, list: list.clone() });
    }
    let tuple = Adjacent::Tuple(1, "a".to_owned());
    comes_back([Adjacent::Unit, Adjacent::Newtype(u64::MAX), tuple, Adjacent::Struct { a: -1 }]);
    let named = Untagged::Named { name: "a".to_owned(), next: Some(Box::new(Untagged::Float(-0.0))) };
    let many =
        [Untagged::Unsigned(u64::MAX), Untagged::Signed(-1), Untagged::Float(1.0), Untagged::Text(String::new())];
    comes_back(Untagged::Many([&many[..], &[named]].concat()));
}

#[test]
fn what_is_flat_or_left_out_comes_back() {
    comes_back(Skips::default());
    comes_back(vec![Skips { b: Some("b".to_owned()), ..Skips::default() }, Skips { c: 1, ..Skips::default() }]);
    let rest = BTreeMap::from([("x".to_owned(), json!([1, -1, 1.5, null, true, "a", { "b": u64::MAX }]))]);
    comes_back(Flat { id: 1, skips: Skips::default(), rest });
}

/// Some types accept only what they asked for, or declare no length, or a wrong one.
#[test]
fn types_that_are_particular_come_back() {
    struct Wrong;
    impl Serialize for Wrong {
        fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut seq = to.serialize_seq(Some(2))?;
            (0..300).try_for_each(|number| seq.serialize_element(&number))?;
            seq.end()
        }
    }
    assert_eq!(read(&bytes(&(1_u8, Wrong, 2_u8))), Some((1_u8, (0..300).collect::<Vec<u16>>(), 2_u8)));

    #[derive(PartialEq, Debug)]
    struct Exact(u16);
    impl<'de> Deserialize<'de> for Exact {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            struct Only;
            impl serde::de::Visitor<'_> for Only {
                type Value = Exact;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("a u16")
                }
                fn visit_u16<E>(self, number: u16) -> Result<Exact, E> {
                    Ok(Exact(number))
                }
            }
            from.deserialize_u16(Only)
        }
    }
    assert_eq!(read(&bytes(&7_u16)), Some(Exact(7)));
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Node {
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Box<Node>>,
}

fn nodes(count: usize) -> Node {
    (1..count).fold(Node { next: None }, |next, _| Node { next: Some(Box::new(next)) })
}

#[test]
fn what_is_too_deep_is_refused_on_both_ways() {
    comes_back(nodes(100));
    assert!(write(&nodes(DEEPEST), Vec::new()).is_none());
    let lists = |depth| [vec![0x91; depth], vec![0xc0]].concat();
    assert!(read::<Value>(&lists(100)).is_some());
    assert!(read::<Value>(&lists(1 << 20)).is_none());
    assert!(read::<serde::de::IgnoredAny>(&lists(1 << 20)).is_none());
    let (_, depth) = write(&nodes(3), Vec::new()).expect("it has a form");
    assert_eq!(depth, 5, "three structs, and two that are optional");
}

/// If these bytes change, old binaries read them wrongly or not at all.
#[test]
fn the_bytes_are_these() {
    let value = json!({ "a": [1, -33, 70_000, 1.5, null, true, "b"] });
    assert_eq!(bytes(&value), b"\x81\xa1a\x97\x01\xd0\xdf\xce\0\x01\x11\x70\xcb\x3f\xf8\0\0\0\0\0\0\xc0\xc3\xa1b");
    assert_eq!(bytes(&Some(None::<u8>)), [0xd4, 1, 1]);
    assert_eq!(bytes(&(1_u128 << 64)), [&[0xd8, 2][..], &(1_u128 << 64).to_be_bytes()].concat());
    assert_eq!(bytes(&i128::MIN), [&[0xd8, 3][..], &i128::MIN.to_be_bytes()].concat());
    assert_eq!(bytes(&Plain::Newtype(Some(Some(7)))), b"\x81\xa7Newtype\x07");
    assert_eq!(bytes(&Skips { c: 7, ..Skips::default() }), b"\x81\xa1c\x07");
    assert_eq!(bytes(&Raw(vec![1, 2])), [0xc4, 2, 1, 2]);
}

type Deep = (f64, Option<Option<Option<u8>>>);

fn untagged() -> impl Strategy<Value = Untagged> {
    let leaf = prop_oneof![
        any::<u64>().prop_map(Untagged::Unsigned),
        (i64::MIN..0).prop_map(Untagged::Signed),
        (prop::num::f64::ANY).prop_map(Untagged::Float),
        any::<String>().prop_map(Untagged::Text),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Untagged::Many),
            (any::<String>(), prop::option::of(inner))
                .prop_map(|(name, next)| Untagged::Named { name, next: next.map(Box::new) }),
        ]
    })
}

fn skips() -> impl Strategy<Value = Skips> {
    ("[a-c]{0,2}", prop::option::of("[a-c]{0,2}"), any::<u64>()).prop_map(|(a, b, c)| Skips { a, b, c })
}

fn plain() -> impl Strategy<Value = Plain> {
    let leaf = prop_oneof![
        Just(Plain::Unit),
        any::<Option<Option<u8>>>().prop_map(Plain::Newtype),
        any::<(i64, char)>().prop_map(|(a, b)| Plain::Tuple(a, b)),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        (any::<Option<()>>(), prop::collection::vec(inner, 0..4)).prop_map(|(a, b)| Plain::Struct { a, b })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_comes_back(untagged in untagged(), skips in prop::collection::vec(skips(), 0..5), plain in plain(),
        keys in any::<HashMap<Option<i128>, Deep>>()) {
        comes_back((untagged, skips, plain));
        let back: HashMap<Option<i128>, Deep> = read(&bytes(&keys)).expect("is read");
        prop_assert_eq!(back, keys);
    }

    #[test]
    fn no_bytes_are_more_than_refused(bytes: Vec<u8>) {
        let _ = read::<Untagged>(&bytes);
        let _ = read::<Flat>(&bytes);
        let _ = read::<Option<Option<Plain>>>(&bytes);
        let _ = read::<(Vec<u64>, String, BTreeMap<u128, f32>)>(&bytes);
    }

    #[test]
    fn what_is_cut_is_refused(plain in plain(), at: prop::sample::Index) {
        let bytes = bytes(&plain);
        prop_assert_eq!(read::<Plain>(&bytes[..at.index(bytes.len())]), None);
    }
}
