//! Types in keys: those of the standard library and of other crates, and derived ones with fields that are skipped or converted.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, SystemTime};

use cachemacro::{Cache, CacheEvent, KeyPart, KeyWriter, cached};
use serde::{Deserialize, Serialize};

fn text(part: &(impl KeyPart + ?Sized)) -> String {
    let mut key = KeyWriter::new();
    part.render(&mut key);
    key.to_string()
}

#[derive(Clone, Debug, KeyPart)]
struct Filter<T> {
    #[key(with = str::to_lowercase)]
    text: String,
    #[key(with = |price: &f64| (price * 100.0).round() as i64)]
    price: f64,
    #[key(skip)]
    trace: T,
    page: Option<(u32, u32)>,
}

#[derive(Clone, Debug, KeyPart)]
enum Scope {
    All,
    Near {
        #[key(with = |at| at.to_bits())]
        at: f64,
        #[key(skip)]
        label: String,
    },
    Named(#[key(with = String::as_str)] String),
    Noted(#[key(skip)] f32),
}

#[test]
fn fields_are_skipped_and_converted() {
    struct NoPart;
    let filter = Filter { text: "Green Tea".to_owned(), price: 9.99, trace: NoPart, page: None };
    assert_eq!(text(&filter), "(green%20tea,999,%-)");
    let _ = filter.trace;
    assert_eq!(text(&Scope::Near { at: 0.0, label: "x".to_owned() }), "Near(0)");
    assert_eq!(text(&Scope::Named("a(b".to_owned())), "Named(a%28b)");
    assert_eq!((text(&Scope::Noted(1.0)), text(&Scope::All)), ("Noted".to_owned(), "All".to_owned()));
    let all = Scope::Near { at: 1.0, label: "y".to_owned() };
    if let Scope::Near { label, .. } = &all {
        assert_ne!(text(&all), text(&Scope::Near { at: -1.0, label: label.clone() }));
    }
    if let Scope::Noted(note) = Scope::Noted(1.0) {
        assert!(note > 0.0);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, KeyPart)]
struct UserId(u64);

#[derive(Clone, Debug, KeyPart)]
struct Name(#[key(with = String::as_str)] String);

/// A newtype is looked for as what is in it is, without the key being written.
#[test]
fn newtypes_are_as_simple_as_what_is_in_them() {
    use cachemacro::__private::{KeyPart as Part, Simple};
    assert_eq!(Part::simple(&UserId(7)), Simple::Word(7));
    #[derive(KeyPart)]
    struct Text<'a>(&'a str);
    assert_eq!(Part::simple(&Text("a")), Simple::Text(b"a"));
    #[derive(KeyPart)]
    struct Both(#[key(skip)] u8, UserId);
    let both = Both(1, UserId(8));
    assert_eq!((Part::simple(&both), both.0), (Simple::Word(8), 1));
    assert_eq!(Part::simple(&Name("a".to_owned())), Simple::No, "what a function makes lives no longer than the call");
}

static LOADS: AtomicU32 = AtomicU32::new(0);

#[cached(key = "list:<ids>:<hash>:<tags>", ttl_only = "a test", hard_ttl = "1m", local)]
async fn of_lists(ids: Vec<u64>, hash: [u8; 32], tags: &[String]) -> u32 {
    let _ = (ids, hash, tags);
    LOADS.fetch_add(1, SeqCst)
}

#[tokio::test]
async fn lists_are_told_apart_however_long_they_are() {
    let long: Vec<u64> = (0..5_000).collect();
    let mut other = long.clone();
    other.swap(0, 4_999);
    let tags = ["a".to_owned(), "b".to_owned()];
    let first = of_lists(long.clone(), [0; 32], &tags).await;
    assert_eq!(of_lists(long.clone(), [0; 32], &tags).await, first);
    for (ids, hash, tags) in [(other, [0; 32], &tags[..]), (long.clone(), [1; 32], &tags), (long, [0; 32], &tags[1..])]
    {
        assert_ne!(of_lists(ids, hash, tags).await, first);
    }
}

#[cached(key = "std:<at>:<path>:<since>:<wait>:<owned>", ttl_only = "a test", hard_ttl = "1m", local, skip(answer))]
async fn of_std(at: SocketAddr, path: &Path, since: SystemTime, wait: Duration, owned: PathBuf, answer: u32) -> u32 {
    let _ = (at, path, since, wait, owned);
    answer
}

#[tokio::test]
async fn types_of_the_standard_library_are_in_keys() {
    let at = "[::1]:80".parse().expect("an address");
    let since = SystemTime::UNIX_EPOCH;
    let call = async |path: &str, wait, answer| of_std(at, Path::new(path), since, wait, path.into(), answer).await;
    assert_eq!(call("a/b", Duration::ZERO, 1).await, 1);
    assert_eq!(call("a//b", Duration::ZERO, 2).await, 1, "an equal path");
    assert_eq!(call("a/b", Duration::from_nanos(1), 3).await, 3);
}

#[cached(key = "crates:<at>:<price>:<day>", ttl_only = "a test", hard_ttl = "1m", local, skip(answer))]
async fn of_crates(
    at: chrono::DateTime<chrono::FixedOffset>,
    price: rust_decimal::Decimal,
    day: time::Date,
    answer: u32,
) -> u32 {
    let _ = (at, price, day);
    answer
}

#[tokio::test]
async fn types_of_other_crates_are_in_keys_by_their_value() {
    let at = |text| chrono::DateTime::parse_from_rfc3339(text).expect("a time");
    let price = |number, scale| rust_decimal::Decimal::new(number, scale);
    let day = time::Date::MIN;
    assert_eq!(of_crates(at("2024-01-01T12:00:00Z"), price(150, 2), day, 1).await, 1);
    assert_eq!(of_crates(at("2024-01-01T14:00:00+02:00"), price(15, 1), day, 2).await, 1, "equal");
    assert_eq!(of_crates(at("2024-01-01T12:00:00Z"), price(151, 2), day, 3).await, 3);
}

#[derive(Clone, Serialize, Deserialize, CacheEvent)]
#[event(name = "file.changed", key = "file:<path>")]
struct FileChanged {
    path: PathBuf,
}

#[cached(key = "size:<path>", invalidated_by(FileChanged { path }), hard_ttl = "1m", local, skip(size))]
async fn size(path: &Path, size: u32) -> u32 {
    let _ = path;
    size
}

/// An argument and an event's field are compared by one type: `Path` for `PathBuf`, `[T]` for `Vec<T>`.
#[tokio::test]
async fn an_event_names_a_part_by_its_value() {
    let path = Path::new("a/b");
    assert_eq!(size(path, 1).await, 1);
    assert_eq!(size(path, 2).await, 1);
    Cache::current().publish(FileChanged { path: "a/./b".into() }).await.expect("published");
    assert_eq!(size(path, 3).await, 3);
}
