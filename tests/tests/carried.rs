//! Values of every form that `serde` knows, on their way to another process and back: as they were, or not at all.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::net::IpAddr;
use std::sync::Arc;

use cachemacro::store::Redis;
use cachemacro::{Cache, Codec, Encoding, FindingKind, Memory, cached};
use cachemacro_servers::{Options, Standalone};
use cachemacro_tests::builder;
use cachemacro_tests::remote;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A function for each type, which loads what it is given; and a module that calls it.
macro_rules! functions {
    ($($name:ident: $value:ty,)*) => {$(
        mod $name {
            use super::*;

            #[cached(key = "value:<id>", ttl_only = "a test", hard_ttl = "1h", skip(value, cache), cache = cache)]
            async fn load(id: u64, value: Option<$value>, cache: &Cache) -> $value {
                let _ = (id, cache);
                value.expect("another process has stored it")
            }

            /// What is loaded here, or found.
            pub(super) async fn get(cache: &Cache, id: u64, value: Option<$value>) -> $value {
                load(id, value, cache).await
            }
        }
    )*};
}

functions! {
    plain: (f64, f32, u128, i128, char, Option<Option<u8>>),
    keyed: Keyed,
    tagged: Vec<Tagged>,
    untagged: Vec<Untagged>,
    flat: Flat,
    skips: Vec<Skips>,
    skips_one_by_one: Skips,
    json: Value,
    shared: Arc<Flat>,
    lists: List,
    skipped_variant: Vec<Shifted>,
    renamed: Renamed,
    account: Account,
    shared_account: Arc<Account>,
    draft: Draft,
    write_only: WriteOnly,
    counted: Counted,
    opaque: Opaque,
    unequal: Unequal,
    panics_in_eq: PanicsInEq,
    panics_in_serialize: PanicsInSerialize,
    wide: Wide,
    numbers: Vec<Number>,
    width: Width,
    tagged_width: TaggedWidth,
    content_width: ContentWidth,
    not_a_number: WithNaN,
    sets: HashMap<String, HashMap<u64, f64>>,
    shown: Shown,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Unit,
    Newtype(Skips),
    Struct { at: IpAddr, id: uuid::Uuid, deep: Option<Option<u8>>, small: f32, list: Vec<Tagged> },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Whole(u64),
    Float(f64),
    Text(String),
    Named { name: String, of: Option<Box<Untagged>> },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Skips {
    #[serde(default, skip_serializing_if = "is_zero")]
    a: u64,
    b: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    c: u64,
}

type Keyed = (BTreeMap<u64, u8>, ByTuple, BTreeMap<Option<bool>, u8>);
type ByTuple = BTreeMap<(u8, String), i64>;

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Flat {
    id: u64,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct List {
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Box<List>>,
}

/// `serde` counts the variants that are written and those that are read in two ways.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shifted {
    A(u8),
    #[serde(skip)]
    #[expect(dead_code, reason = "it is left out")]
    B(u8),
    C(u8),
    D(u8),
}

/// Only a codec without names reads this.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Renamed {
    #[serde(rename(serialize = "userId", deserialize = "user_id"))]
    id: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Account {
    name: String,
    #[serde(skip)]
    password_hash: String,
}

fn account(password_hash: &str) -> Account {
    Account { name: "ann".to_owned(), password_hash: password_hash.to_owned() }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Draft {
    #[serde(skip_deserializing)]
    id: u64,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WriteOnly {
    name: String,
    #[serde(skip_serializing, default)]
    secret: String,
}

/// What is left out does not count.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Counted {
    name: String,
    #[serde(skip)]
    #[expect(dead_code, reason = "it does not matter")]
    reads: u64,
}

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// Neither `PartialEq` nor `Debug`; and another order each time.
#[derive(Clone, Serialize, Deserialize)]
struct Opaque(HashMap<String, u64>);

/// What it reads is one more than what it wrote, and nothing but the bytes tells.
#[derive(Clone, Serialize)]
struct Unequal(u64);

impl<'de> Deserialize<'de> for Unequal {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        u64::deserialize(from).map(|number| Self(number + 1))
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct PanicsInEq(u64);

impl PartialEq for PanicsInEq {
    fn eq(&self, _: &Self) -> bool {
        panic!("not comparable")
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct PanicsInSerialize(u64);

impl Serialize for PanicsInSerialize {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("not serializable")
    }
}

/// `serde` itself cannot read this: what it buffers has no `u128`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Wide {
    Number { number: u128 },
}

/// Read by guess, a whole number is a float here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Number {
    Float(f64),
    Whole(i64),
}

/// Two variants of one form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Width {
    Short(u8),
    Long(u64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum TaggedWidth {
    Short(u8),
    Long(u64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value")]
enum ContentWidth {
    Short(u8),
    Long(u64),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WithNaN {
    number: f64,
    map: HashMap<u64, f64>,
}

/// `Debug` alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Shown {
    #[serde(skip)]
    #[expect(dead_code, reason = "it is shown")]
    cached: Option<u64>,
    map: HashMap<u64, u64>,
}

fn debug(value: &impl Debug) -> String {
    format!("{value:?}")
}

/// A writer and a reader that share nothing but a store, as two processes do.
struct Fleet {
    writer: Cache,
    reader: Cache,
    _server: Option<Standalone>,
}

fn on_redis(encoding: Encoding) -> Fleet {
    let server = Standalone::start(Options::default());
    let cache = || {
        let redis = Redis::url(server.url()).expect("a url").timeout(std::time::Duration::from_secs(5));
        Cache::builder().encoding(encoding).shared(redis).build()
    };
    Fleet { writer: cache(), reader: cache(), _server: Some(server) }
}

fn on_bytes() -> Fleet {
    let (builder, clock) = builder();
    let store = remote(clock);
    let cache = || builder.clone().shared(store.clone()).build();
    Fleet { writer: cache(), reader: cache(), _server: None }
}

fn in_process() -> Cache {
    builder().0.build()
}

/// The reader finds what the writer loaded, and neither has findings.
macro_rules! is_carried {
    ($fleet:expr, $name:ident, $id:expr, $value:expr) => {{
        let (fleet, value) = (&$fleet, $value);
        let loaded = $name::get(&fleet.writer, $id, Some(value.clone())).await;
        assert_eq!(debug(&loaded), debug(&value));
        let found = $name::get(&fleet.reader, $id, None).await;
        assert_eq!(debug(&found), debug(&value), stringify!($name));
        fleet.writer.assert_no_findings();
        fleet.reader.assert_no_findings();
    }};
}

/// What is loaded is what the caller gets, in each process, and it is a finding of this kind.
macro_rules! is_refused {
    ($fleet:expr, $name:ident, $value:expr, $kind:ident) => {{
        let (fleet, value) = (&$fleet, $value);
        for cache in [&fleet.writer, &fleet.reader] {
            for _ in 0..2 {
                let loaded = $name::get(cache, 1, Some(value.clone())).await;
                assert_eq!(debug(&loaded), debug(&value), stringify!($name));
            }
            assert_eq!(kinds(&cache), [FindingKind::$kind], stringify!($name));
            let loads: u64 = cache.stats().functions.iter().map(|function| function.loads).sum();
            assert_eq!(loads, 2, "nothing was stored");
        }
    }};
}

fn tagged_values() -> Vec<Tagged> {
    let at = "::1".parse().expect("an address");
    let list = vec![Tagged::Unit, Tagged::Newtype(Skips::default())];
    let id = uuid::Uuid::from_u128(7);
    let of = |deep| Tagged::Struct { at, id, deep, small: 1.1, list: list.clone() };
    vec![of(None), of(Some(None)), of(Some(Some(7))), Tagged::Newtype(Skips { a: 1, b: 2, c: 3 })]
}

fn untagged_values() -> Vec<Untagged> {
    let named = Untagged::Named { name: "a".to_owned(), of: Some(Box::new(Untagged::Float(-0.0))) };
    vec![
        Untagged::Whole(u64::MAX),
        Untagged::Float(1.0),
        Untagged::Float(f64::NAN),
        Untagged::Text("a".to_owned()),
        named,
    ]
}

fn flat_value() -> Flat {
    Flat { id: 1, rest: BTreeMap::from([("x".to_owned(), json!([1, -1, 1.5, null, u64::MAX, { "y": "z" }]))]) }
}

fn list(length: usize) -> List {
    (1..length).fold(List { next: None }, |next, _| List { next: Some(Box::new(next)) })
}

/// Each form, with a second process.
async fn every_form_is_carried(fleet: Fleet) {
    for (id, float) in [f64::NAN, 0.0, -0.0, 0.1, f64::INFINITY].into_iter().enumerate() {
        let deep = [None, Some(None), Some(Some(1))][id % 3];
        is_carried!(fleet, plain, id as u64, (float, -0.0_f32, u128::MAX, i128::MIN, 'ß', deep));
    }
    let tuples = BTreeMap::from([((1, "a".to_owned()), -1), ((1, "b".to_owned()), i64::MIN)]);
    let options = BTreeMap::from([(None, 1), (Some(true), 2)]);
    is_carried!(fleet, keyed, 1, (BTreeMap::from([(u64::MAX, 1_u8), (7, 2)]), tuples, options));
    is_carried!(fleet, tagged, 1, tagged_values());
    is_carried!(fleet, untagged, 1, untagged_values());
    is_carried!(fleet, flat, 1, flat_value());
    is_carried!(fleet, shared, 1, Arc::new(flat_value()));
    is_carried!(fleet, json, 1, json!({ "a": [1, -1, 0.1, null, true], "b": { "c": u64::MAX } }));
    is_carried!(fleet, lists, 1, list(50));
    let with_each = [(0, 0), (0, 3), (1, 0), (1, 3)].map(|(a, c)| Skips { a, b: 2, c });
    is_carried!(fleet, skips, 1, with_each.to_vec());
    // First what has all fields, then what leaves some out.
    for (id, value) in with_each.into_iter().rev().enumerate() {
        is_carried!(fleet, skips_one_by_one, id as u64, value);
    }
    is_carried!(fleet, skipped_variant, 1, vec![Shifted::A(1)]);
    is_carried!(fleet, skipped_variant, 2, vec![Shifted::C(1), Shifted::D(2)]);
    is_carried!(fleet, renamed, 1, Renamed { id: 7 });
    is_carried!(fleet, not_a_number, 1, WithNaN { number: f64::NAN, map: HashMap::from([(1, 0.5)]) });
    is_carried!(fleet, account, 1, account(""));
}

#[tokio::test]
async fn every_form_is_carried_by_redis() {
    every_form_is_carried(on_redis(Encoding::default())).await;
}

#[tokio::test]
async fn every_form_is_carried_by_any_store() {
    every_form_is_carried(on_bytes()).await;
}

#[tokio::test]
async fn every_form_is_carried_with_names() {
    let fleet = on_redis(Encoding::new(Codec::MessagePack));
    is_carried!(fleet, tagged, 1, tagged_values());
    is_carried!(fleet, skips, 1, vec![Skips::default()]);
    is_carried!(
        fleet,
        keyed,
        1,
        (BTreeMap::from([(1, 2)]), BTreeMap::from([((1, "a".to_owned()), 1)]), BTreeMap::new())
    );
}

fn kinds(cache: &Cache) -> Vec<FindingKind> {
    cache.findings().into_iter().map(|finding| finding.kind).collect()
}

#[tokio::test]
async fn a_field_that_is_left_out_is_a_finding_without_a_shared_store() {
    let cache = in_process();
    account::get(&cache, 1, Some(account(""))).await;
    cache.assert_no_findings();
    account::get(&cache, 2, Some(account("$argon2"))).await;
    let findings = cache.findings();
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].function, findings[0].kind), ("load", FindingKind::ChangedByCodec));
    assert!(findings[0].message.contains("`password_hash`"), "{}", findings[0]);
    assert!(!findings[0].message.contains("argon2"), "no value is told: {}", findings[0]);
    assert_eq!(account::get(&cache, 2, None).await, account("$argon2"), "this process has it as it was loaded");
}

#[tokio::test]
async fn each_way_to_leave_something_out_is_a_finding_without_a_shared_store() {
    macro_rules! is_found {
        ($name:ident, $value:expr, $kind:ident) => {{
            let cache = in_process();
            $name::get(&cache, 1, Some($value)).await;
            assert_eq!(kinds(&cache), [FindingKind::$kind], stringify!($name));
        }};
    }
    is_found!(shared_account, Arc::new(account("$argon2")), ChangedByCodec);
    is_found!(draft, Draft { id: 7, text: "a".to_owned() }, ChangedByCodec);
    is_found!(write_only, WriteOnly { name: "a".to_owned(), secret: "b".to_owned() }, ChangedByCodec);
    is_found!(shown, Shown { cached: Some(1), map: HashMap::new() }, ChangedByCodec);
    is_found!(unequal, Unequal(1), ChangedByCodec);
    is_found!(numbers, vec![Number::Whole(1)], ChangedByCodec);
    is_found!(panics_in_serialize, PanicsInSerialize(1), NotCarried);
    is_found!(wide, Wide::Number { number: 1 }, NotCarried);
}

/// Both causes are said, and what is advised works.
#[tokio::test]
async fn a_variant_that_is_read_as_another_is_said_to_be() {
    let cache = in_process();
    width::get(&cache, 1, Some(Width::Short(1))).await;
    width::get(&cache, 2, Some(Width::Long(300))).await;
    cache.assert_no_findings();
    width::get(&cache, 3, Some(Width::Long(7))).await;
    let message = &cache.findings()[0].message;
    for part in ["`#[serde(skip)]`", "take `untagged` away", "`tag = \"type\", content = \"value\"`"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let fleet = on_bytes();
    for (id, (tagged, content)) in [
        (TaggedWidth::Long(7), ContentWidth::Long(7)),
        (TaggedWidth::Short(7), ContentWidth::Short(7)),
        (TaggedWidth::Long(300), ContentWidth::Long(300)),
    ]
    .into_iter()
    .enumerate()
    {
        is_carried!(fleet, tagged_width, id as u64, tagged);
        is_carried!(fleet, content_width, id as u64, content);
    }
}

#[tokio::test]
async fn what_changes_is_served_as_loaded_and_not_stored() {
    is_refused!(on_redis(Encoding::default()), account, account("$argon2"), ChangedByCodec);
    is_refused!(on_bytes(), shared_account, Arc::new(account("$argon2")), ChangedByCodec);
    is_refused!(on_bytes(), draft, Draft { id: 7, text: "a".to_owned() }, ChangedByCodec);
    let written = WriteOnly { name: "a".to_owned(), secret: "b".to_owned() };
    is_refused!(on_bytes(), write_only, written, ChangedByCodec);
    is_refused!(on_bytes(), numbers, vec![Number::Whole(1)], ChangedByCodec);
    is_refused!(on_bytes(), panics_in_serialize, PanicsInSerialize(1), NotCarried);
    is_refused!(on_redis(Encoding::default()), wide, Wide::Number { number: 1 }, NotCarried);
}

#[tokio::test]
async fn the_value_that_changes_need_not_be_the_first() {
    let fleet = on_redis(Encoding::default());
    for id in 0..100 {
        account::get(&fleet.writer, id, Some(account(""))).await;
    }
    fleet.writer.assert_no_findings();
    for cache in [&fleet.writer, &fleet.reader] {
        assert_eq!(account::get(cache, 100, Some(account("$argon2"))).await, account("$argon2"));
    }
    assert_eq!(fleet.writer.findings().len(), 1);
    assert_eq!(account::get(&fleet.reader, 7, None).await, account(""), "what did not change is still there");
}

#[tokio::test]
async fn a_tier_keeps_nothing_that_would_change() {
    let (builder, clock) = builder();
    let cache = builder.memory(Memory::entries(100)).shared(remote(clock)).build();
    for _ in 0..3 {
        assert_eq!(account::get(&cache, 1, Some(account("$argon2"))).await, account("$argon2"));
    }
    assert_eq!(cache.findings().len(), 1);
}

#[tokio::test]
async fn what_does_not_matter_is_no_finding() {
    let cache = in_process();
    counted::get(&cache, 1, Some(Counted { name: "a".to_owned(), reads: 7 })).await;
    panics_in_eq::get(&cache, 1, Some(PanicsInEq(7))).await;
    let maps = (0..9).map(|key| (key.to_string(), (0..9).map(|key| (key, f64::NAN)).collect())).collect();
    sets::get(&cache, 1, Some(maps)).await;
    shown::get(&cache, 1, Some(Shown { cached: None, map: (0..50).map(|key| (key, key)).collect() })).await;
    not_a_number::get(&cache, 1, Some(WithNaN { number: f64::NAN, map: (0..9).map(|key| (key, 0.5)).collect() })).await;
    cache.assert_no_findings();
}

/// The two encodings of such a value are the same without the field, so its type has to be one that can be compared.
#[tokio::test]
async fn a_type_that_only_its_bytes_compare_is_a_finding() {
    let value = || Opaque((0..50).map(|key| (key.to_string(), key)).collect());
    for cache in [in_process(), on_bytes().writer] {
        opaque::get(&cache, 1, Some(value())).await;
        opaque::get(&cache, 2, Some(value())).await;
        let findings = cache.findings();
        assert_eq!(kinds(&cache), [FindingKind::NotCompared]);
        for part in ["`carried::Opaque`", "Derive `PartialEq` or `Debug`", "`local`"] {
            assert!(findings[0].message.contains(part), "{part}: {}", findings[0]);
        }
    }
}

/// Which types these are is known where the function is called, and not where it is written.
#[cached(key = "any:<id>", ttl_only = "a test", hard_ttl = "1h", skip(value, cache), cache = cache)]
async fn any<T>(id: u64, value: T, cache: &Cache) -> T
where
    T: Clone + Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let _ = (id, cache);
    value
}

/// As above, with what it takes to compare them.
#[cached(key = "any:<id>", ttl_only = "a test", hard_ttl = "1h", skip(value, cache), cache = cache)]
async fn any_equal<T>(id: u64, value: T, cache: &Cache) -> T
where
    T: Clone + PartialEq + Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let _ = (id, cache);
    value
}

#[tokio::test]
async fn a_generic_function_compares_by_what_its_bounds_say() {
    let cache = in_process();
    any_equal(1, account(""), &cache).await;
    any_equal(1, "a".to_owned(), &cache).await;
    cache.assert_no_findings();
    any_equal(2, account("$argon2"), &cache).await;
    assert_eq!(kinds(&cache), [FindingKind::ChangedByCodec]);

    let cache = in_process();
    any(1, (0..50).map(|key| (key.to_string(), key)).collect::<HashMap<_, _>>(), &cache).await;
    any(1, account("$argon2"), &cache).await;
    any(1, Unequal(1), &cache).await;
    let expected = [FindingKind::ChangedByCodec, FindingKind::NotCompared, FindingKind::NotCompared];
    assert_eq!(kinds(&cache), expected, "one for each instance");
    let message = &cache.findings()[1].message;
    assert!(message.contains("`T: Serialize + DeserializeOwned + Debug`"), "{message}");
}

#[tokio::test]
async fn what_is_local_is_not_looked_at() {
    #[cached(key = "account:<id>", ttl_only = "a test", hard_ttl = "1h", local, skip(cache), cache = cache)]
    async fn local(id: u64, cache: &Cache) -> Account {
        let _ = (id, cache);
        account("$argon2")
    }
    let cache = in_process();
    local(1, &cache).await;
    cache.assert_no_findings();
}
