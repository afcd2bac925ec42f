#![expect(dead_code, reason = "types are read here, and never looked at")]

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU64;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};

use crate::encoding::schema::*;

fn compute<T: DeserializeOwned>(is_human_readable: bool) -> u64 {
    learn::<T>(is_human_readable).fingerprint
}

/// A module with a `Shape`, so that all types have the same name.
macro_rules! shapes {
    ($($module:ident { $($item:tt)* })*) => {$(
        mod $module {
            #[allow(unused_imports, reason = "not every shape holds a map")]
            use std::collections::BTreeMap;
            use serde::Deserialize;
            $($item)*
        }
    )*};
}

/// Checks that the first shape differs from all others.
macro_rules! differ {
    ($first:ident, $($other:ident),*) => {$(
        for is_human_readable in [false, true] {
            assert_ne!(
                compute::<$first::Shape>(is_human_readable),
                compute::<$other::Shape>(is_human_readable),
                concat!(stringify!($first), " and ", stringify!($other)),
            );
        }
    )*};
}

shapes! {
    plain { #[derive(Deserialize)] pub(super) struct Shape { pub(super) a: u32, pub(super) b: u32 } }
    again { #[derive(Deserialize)] pub(super) struct Shape { pub(super) a: u32, pub(super) b: u32 } }
    swapped { #[derive(Deserialize)] pub(super) struct Shape { pub(super) b: u32, pub(super) a: u32 } }
    added { #[derive(Deserialize)] pub(super) struct Shape { pub(super) a: u32, pub(super) b: u32, pub(super) c: () } }
    renamed { #[derive(Deserialize)] pub(super) struct Shape { pub(super) a: u32, pub(super) c: u32 } }
    removed { #[derive(Deserialize)] pub(super) struct Shape { pub(super) a: u32 } }
    wider { #[derive(Deserialize)] pub(super) struct Shape { pub(super) a: u32, pub(super) b: u64 } }
    signed { #[derive(Deserialize)] pub(super) struct Shape { pub(super) a: u32, pub(super) b: i32 } }
    text { #[derive(Deserialize)] pub(super) struct Shape { pub(super) a: u32, pub(super) b: String } }
    optional { #[derive(Deserialize)] pub(super) struct Shape { pub(super) a: u32, pub(super) b: Option<u32> } }
    many { #[derive(Deserialize)] pub(super) struct Shape { pub(super) a: u32, pub(super) b: Vec<u32> } }
    many_wider { #[derive(Deserialize)] pub(super) struct Shape { pub(super) a: u32, pub(super) b: Vec<u64> } }
    keyed { #[derive(Deserialize)] pub(super) struct Shape { pub(super) a: u32, pub(super) b: BTreeMap<u32, u32> } }
    keyed_text { #[derive(Deserialize)] pub(super) struct Shape { pub(super) a: u32, pub(super) b: BTreeMap<String, u32> } }
    pair { #[derive(Deserialize)] pub(super) struct Shape { pub(super) a: u32, pub(super) b: (u32, u32) } }
    triple { #[derive(Deserialize)] pub(super) struct Shape { pub(super) a: u32, pub(super) b: (u32, u32, u32) } }
    other_name { #[derive(Deserialize)] #[serde(rename = "Other")] pub(super) struct Shape { pub(super) a: u32, pub(super) b: u32 } }
}

#[test]
fn r18_another_struct_is_another_fingerprint() {
    assert_eq!(compute::<plain::Shape>(false), compute::<again::Shape>(false));
    assert_eq!(compute::<plain::Shape>(false), compute::<plain::Shape>(false));
    differ!(plain, swapped, added, renamed, removed, wider, signed, text, optional, many, keyed, pair, other_name);
    differ!(many, many_wider, keyed, optional);
    differ!(keyed, keyed_text);
    differ!(pair, triple);
}

shapes! {
    few { #[derive(Deserialize)] pub(super) enum Shape { A, B(u32), C { x: u32 } } }
    few_again { #[derive(Deserialize)] pub(super) enum Shape { A, B(u32), C { x: u32 } } }
    more { #[derive(Deserialize)] pub(super) enum Shape { A, B(u32), C { x: u32 }, D } }
    turned { #[derive(Deserialize)] pub(super) enum Shape { B(u32), A, C { x: u32 } } }
    other_variant { #[derive(Deserialize)] pub(super) enum Shape { A, Z(u32), C { x: u32 } } }
    no_unit { #[derive(Deserialize)] pub(super) enum Shape { A(u8), B(u32), C { x: u32 } } }
    other_newtype { #[derive(Deserialize)] pub(super) enum Shape { A, B(u64), C { x: u32 } } }
    other_field { #[derive(Deserialize)] pub(super) enum Shape { A, B(u32), C { y: u32 } } }
    other_field_type { #[derive(Deserialize)] pub(super) enum Shape { A, B(u32), C { x: u16 } } }
    tuple { #[derive(Deserialize)] pub(super) enum Shape { A, B(u32, u32), C { x: u32 } } }
}

#[test]
fn r18_another_enum_is_another_fingerprint() {
    assert_eq!(compute::<few::Shape>(false), compute::<few_again::Shape>(false));
    differ!(few, more, turned, other_variant, no_unit, other_newtype, other_field, other_field_type, tuple);
}

/// The type under test, deep inside of others, at the position that is read last.
#[derive(Deserialize)]
enum Outer<T> {
    Unit,
    List(Vec<Option<Inner<T>>>),
    Again { first: Box<Inner<T>>, second: BTreeMap<String, Arc<Inner<T>>> },
}

#[derive(Deserialize)]
enum Inner<T> {
    X(u8),
    Y(u8),
    Z(Rc<Deep<T>>),
}

#[derive(Deserialize)]
struct Deep<T> {
    flag: bool,
    value: Choose<T>,
}

#[derive(Deserialize)]
enum Choose<T> {
    No,
    Maybe { of: String },
    Yes { value: T },
}

#[test]
fn r18_what_is_deep_within_is_seen() {
    let of = |prints: Vec<u64>| {
        let all = prints.len();
        let distinct: std::collections::BTreeSet<_> = prints.into_iter().collect();
        assert_eq!(distinct.len(), all);
    };
    macro_rules! all {
        ($holder:ident) => {
            of(vec![
                compute::<$holder<u32>>(false),
                compute::<$holder<u64>>(false),
                compute::<$holder<String>>(false),
                compute::<$holder<Option<u32>>>(false),
                compute::<$holder<plain::Shape>>(false),
                compute::<$holder<swapped::Shape>>(false),
                compute::<$holder<few::Shape>>(false),
                compute::<$holder<other_field_type::Shape>>(false),
                compute::<$holder<Outer<u8>>>(false),
                compute::<$holder<Outer<u16>>>(false),
            ]);
        };
    }
    all!(Outer);
    all!(Option);
    all!(Vec);
    all!(Box);
    type Mapped<T> = HashMap<u8, T>;
    all!(Mapped);
}

/// Two fields of one type are told apart from two of two.
#[test]
fn a_type_that_comes_again_is_that_type() {
    type Pair<A, B> = (Vec<A>, Vec<B>);
    assert_ne!(compute::<Pair<u32, u32>>(false), compute::<Pair<u32, u64>>(false));
    assert_ne!(compute::<(few::Shape, few::Shape)>(false), compute::<(few::Shape, other_field_type::Shape)>(false));
    assert_ne!(
        compute::<(Option<u8>, Option<u16>, Option<u8>)>(false),
        compute::<(Option<u8>, Option<u16>, Option<u16>)>(false)
    );
}

#[derive(Deserialize)]
struct Tree {
    name: String,
    left: Option<Box<Tree>>,
    right: Option<Box<Tree>>,
    more: Vec<Tree>,
    named: BTreeMap<String, Tree>,
}

#[derive(Deserialize)]
enum Expression<T> {
    Add(Box<Expression<T>>, Box<Expression<T>>),
    Call { of: Box<Statement<T>>, with: Vec<Expression<T>> },
    Leaf(T),
}

#[derive(Deserialize)]
enum Statement<T> {
    Twice(Box<Statement<T>>, Box<Statement<T>>),
    Do(Box<Expression<T>>),
    Nothing,
}

#[derive(Deserialize)]
struct Endless {
    next: Box<Endless>,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Nested(Vec<Nested>);

#[test]
fn types_that_contain_themselves_end() {
    assert_eq!(compute::<Tree>(false), compute::<Tree>(false));
    assert_ne!(compute::<Expression<u32>>(false), compute::<Expression<u64>>(false));
    assert_ne!(compute::<Statement<u32>>(false), compute::<Statement<u64>>(false));
    assert_ne!(compute::<Endless>(false), compute::<Nested>(false));
}

/// The number of passes and steps for a type.
fn effort<T: DeserializeOwned>() -> (usize, usize) {
    let trace = traced::<T>(false);
    (trace.passes, trace.steps)
}

#[test]
fn all_is_seen_in_few_steps() {
    let within = |(passes, steps): (usize, usize), most: (usize, usize)| {
        assert!(passes <= most.0 && steps <= most.1, "{passes} passes, {steps} steps");
    };
    within(effort::<plain::Shape>(), (1, 3));
    within(effort::<few::Shape>(), (3, 10));
    within(effort::<Tree>(), (1, 30));
    within(effort::<Outer<few::Shape>>(), (12, 200));
    within(effort::<Expression<few::Shape>>(), (12, 200));
}

/// A newtype that accepts only some texts, in the two ways in which such types are written.
struct Date;

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        (text.len() == 10 && text.contains('-')).then_some(Self).ok_or_else(|| de::Error::custom("no date"))
    }
}

#[derive(Deserialize)]
#[serde(try_from = "u8")]
struct Even;

impl TryFrom<u8> for Even {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, &'static str> {
        number.is_multiple_of(2).then_some(Self).ok_or("odd")
    }
}

struct Key;

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfKey;
        impl Visitor<'_> for OfKey {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("16 bytes")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Key, E> {
                if bytes.len() == 16 { Ok(Key) } else { Err(E::invalid_length(bytes.len(), &self)) }
            }
        }
        deserializer.deserialize_bytes(OfKey)
    }
}

/// Accepts none of the dummies.
struct Never;

impl<'de> Deserialize<'de> for Never {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?;
        Err(de::Error::custom("never"))
    }
}

#[derive(Deserialize)]
struct Choosy<T> {
    id: Key,
    count: NonZeroU64,
    even: Even,
    from: Date,
    until: Option<Date>,
    addresses: Vec<IpAddr>,
    within: Duration,
    last: T,
}

#[derive(Deserialize)]
struct AroundNever<T> {
    maybe: Option<Never>,
    some: Vec<Never>,
    either: Perhaps,
    last: T,
}

#[derive(Deserialize)]
enum Perhaps {
    Never(Never),
    Nested(Vec<(u8, Never)>),
    Unit,
}

#[derive(Deserialize)]
struct AfterNever<T> {
    never: Never,
    last: T,
}

#[test]
fn what_stands_behind_choosy_types_is_seen() {
    for readable in [false, true] {
        assert_ne!(compute::<Choosy<u32>>(readable), compute::<Choosy<u64>>(readable));
        assert_ne!(compute::<AroundNever<u32>>(readable), compute::<AroundNever<u64>>(readable));
    }
    // The limit of dummies: types behind one that accepts none are not seen.
    assert_eq!(compute::<AfterNever<u32>>(false), compute::<AfterNever<u64>>(false));
}

/// Can be read by name only.
struct ByName;

impl<'de> Deserialize<'de> for ByName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfName;
        impl<'de> Visitor<'de> for OfName {
            type Value = ByName;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<ByName, A::Error> {
                let mut seen = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    map.next_value::<u16>()?;
                    seen.push(name);
                }
                if seen == ["x", "y"] { Ok(ByName) } else { Err(de::Error::missing_field("x")) }
            }
        }
        deserializer.deserialize_struct("ByName", &["x", "y"], OfName)
    }
}

/// Skips elements that cannot be read, without a limit.
struct Lossy;

impl<'de> Deserialize<'de> for Lossy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfAll;
        impl<'de> Visitor<'de> for OfAll {
            type Value = Lossy;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Lossy, A::Error> {
                while !matches!(seq.next_element::<Never>(), Ok(None)) {}
                Ok(Lossy)
            }
        }
        deserializer.deserialize_tuple(usize::MAX, OfAll)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Guess {
    Number(u32),
    Text(String),
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Tagged {
    A { x: u32 },
    B { y: u32 },
}

#[derive(Deserialize)]
struct Flat {
    own: u32,
    #[serde(flatten)]
    others: BTreeMap<String, serde_json::Value>,
}

#[test]
fn whatever_a_type_does_its_reading_ends() {
    for readable in [false, true] {
        assert_ne!(compute::<(ByName, u32)>(readable), compute::<(ByName, u64)>(readable));
        assert_ne!(compute::<(Guess, u32)>(readable), compute::<(Guess, u64)>(readable));
        assert_ne!(compute::<(serde_json::Value, u32)>(readable), compute::<(serde_json::Value, u64)>(readable));
        let all = [
            compute::<Lossy>(readable),
            compute::<Never>(readable),
            compute::<Tagged>(readable),
            compute::<Flat>(readable),
            compute::<Guess>(readable),
            compute::<serde_json::Value>(readable),
            compute::<[u64; 32]>(readable),
        ];
        let distinct: std::collections::BTreeSet<_> = all.into_iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}

/// The shapes for people and for programs are kept apart.
#[test]
fn a_type_with_two_forms_has_two_fingerprints() {
    assert_ne!(compute::<IpAddr>(false), compute::<IpAddr>(true));
}

#[test]
fn a_fingerprint_is_remembered() {
    let fingerprint = || shape::<Tree>(false).fingerprint;
    assert_eq!(fingerprint(), compute::<Tree>(false));
    assert_eq!(fingerprint(), fingerprint());
    assert!(KNOWN.read().expect("no panic").contains_key(&(TypeId::of::<Tree>(), false)));
}

/// Another process, and another build of this source, must compute the same fingerprint.
#[test]
fn fingerprints_are_for_ever() {
    assert_eq!(compute::<plain::Shape>(false), 0xe119_7cad_b58a_a21e);
    assert_eq!(compute::<few::Shape>(false), 0x2178_6768_6bfd_54e4);
    assert_eq!(compute::<Tree>(false), 0xfea0_c6b7_ef1d_c570);
    assert_eq!(compute::<Expression<few::Shape>>(false), 0x2929_4be1_f34b_ee90);
    assert_eq!(compute::<AroundNever<u8>>(false), 0x6761_b62a_ec54_cf50);
    assert_eq!(compute::<AfterNever<u8>>(false), 0x22b2_a7fb_af7e_4364);
    assert_eq!(compute::<ByName>(false), 0x2de1_e257_41ff_b3a2);
}

/// A value that is never built from a dummy.
#[derive(Debug)]
struct Picky;

impl<'de> Deserialize<'de> for Picky {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        panic!("no dummies: {}", u64::deserialize(deserializer)?)
    }
}

#[test]
fn a_type_that_panics_on_a_dummy_has_a_fingerprint_all_the_same() {
    assert_eq!(compute::<Picky>(false), compute::<Picky>(false));
}
