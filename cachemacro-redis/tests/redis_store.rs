//! What the contract of stores does not say of the one on Redis: its keys, its round trips, and what it does with a server
//! that is full, or that others write to.

#[path = "kit/server.rs"]
mod kit;
#[path = "kit/process.rs"]
mod process;

use std::time::Duration;

use cachemacro_runtime::Clock;
use cachemacro_runtime::store::{Absence, Applied, Fence, Fill, Move, Payload, Refused, RemoteStore, StoreErrorKind};
use kit::{Server, namespace};
use process::{Process, entry, find, on};

/// Every random id as `id`.
fn without_ids(text: &str) -> String {
    let is_id = |word: &str| word.len() == 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = text.split_inclusive([' ', '.', '=', ',']);
    let words = words.map(|word| match word.trim_end_matches([' ', '.', '=', ',']) {
        bare if is_id(bare) => word.replace(bare, "id"),
        _ => word.to_owned(),
    });
    words.collect()
}

#[tokio::test]
async fn keys_and_records_are_what_they_were() {
    let server = Server::start().await;
    let process = Process::new(server.redis(), "shop");
    let (user, page) = (find("user:123"), on("org:5:members:2", &["org:5", "user:123"]));
    process.load(&user, 7).await;
    let entered = process.enter(&page).await;
    assert_eq!(process.fill(&page, &entered.snapshots, Fence::Unversioned, b"page").await, Ok(()));
    let _loading = process.enter(&find("user:9")).await;
    process.apply("user:123", Move::Bump(8)).await;
    process.apply("user:123", Move::Restore { version: 9, of: 7 }).await;
    let keys: Vec<_> = server.keys("*").await.iter().map(|key| without_ids(key)).collect();
    assert_eq!(
        keys,
        [
            "{shop:org:5}:find(org:5:members:2):s0.id",
            "{shop:org:5}:index",
            "{shop:user:123}:find:v7.id",
            "{shop:user:123}:index",
            "{shop:user:9}:find:lease",
            "{shop:user:9}:index",
        ]
    );
    let record: String = server.ask(&["GET", "{shop:user:123}:index"]).await;
    let (before, young) = record.split_once(" young=").expect("a record");
    let (young, after) = young.split_once(' ').expect("a record");
    assert!(young.len() == 13, "milliseconds since 1970: {young}");
    assert_eq!(
        without_ids(&format!("{before} {after}")),
        "2 floor=00000000000000000009 turn=id alias=00000000000000000007 cold=0 rotates=0 server=id \
         marks=00000000000000000000.id key={shop:user:123}:index"
    );
    let lease: String = server.ask(&["GET", "{shop:user:9}:find:lease"]).await;
    assert_eq!(without_ids(&lease), "id 00000000000000000000.id");
}

/// How often the server was asked what since the last call.
async fn commands(server: &Server) -> Vec<String> {
    let stats: String = server.ask(&["INFO", "commandstats"]).await;
    let counts = stats.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        Some(format!("{name} {}", rest.split(',').next()?))
    });
    let is_the_tests = |count: &str| ["info", "config", "client", "hello"].iter().any(|name| count.starts_with(name));
    let mut counts: Vec<_> = counts.filter(|count| !is_the_tests(count)).collect();
    counts.sort();
    server.ask::<()>(&["CONFIG", "RESETSTAT"]).await;
    counts
}

#[tokio::test]
async fn a_warm_lookup_is_one_command() {
    let server = Server::start().await;
    let namespace = namespace();
    let (writer, reader) = (Process::new(server.redis(), &namespace), Process::new(server.redis(), &namespace));
    let call = find("user:1");
    writer.load(&call, 7).await;
    commands(&server).await;
    for _ in 0..10 {
        assert_eq!(writer.served(&call).await.as_deref(), Some("7"));
    }
    assert_eq!(commands(&server).await, ["mget 10"]);
    for _ in 0..10 {
        assert_eq!(reader.served(&call).await.as_deref(), Some("7"));
    }
    // The first asks for the record and the time, and then for the entry.
    assert_eq!(commands(&server).await, ["eval 1", "evalsha 1", "mget 12", "time 1"].map(str::to_owned).to_vec());
    writer.load(&call, 8).await;
    commands(&server).await;
    for _ in 0..10 {
        assert_eq!(reader.served(&call).await.as_deref(), Some("8"));
    }
    assert_eq!(commands(&server).await, ["mget 11"], "one more when the token has moved");
}

#[tokio::test]
async fn a_lookup_over_many_aggregates_asks_for_all_at_once() {
    let server = Server::start().await;
    let process = Process::new(server.redis(), &namespace());
    let call = on("page:1", &["a:1", "b:1", "c:1"]);
    process.load(&call, 1).await;
    commands(&server).await;
    assert_eq!(process.served(&call).await.as_deref(), Some("1"));
    assert_eq!(commands(&server).await, ["mget 1"]);
    process.apply("c:1", Move::Next).await;
    assert_eq!(process.served(&call).await, None);
}

#[tokio::test]
async fn a_server_that_forgot_the_scripts_is_told_again() {
    let server = Server::start().await;
    let process = Process::new(server.redis(), &namespace());
    let call = on("page:1", &["a:1", "b:1"]);
    for version in 1..4 {
        server.ask::<()>(&["SCRIPT", "FLUSH"]).await;
        process.load(&call, version).await;
        assert_eq!(process.served(&call).await, Some(version.to_string()));
        server.ask::<()>(&["SCRIPT", "FLUSH"]).await;
        assert_eq!(process.apply("a:1", Move::Bump(version)).await, Applied::Duplicate);
    }
}

#[tokio::test]
async fn a_value_that_is_too_large_moves_the_record_and_is_not_kept() {
    let server = Server::start().await;
    let process = Process::new(server.redis().max_entry(1000), &namespace());
    let call = find("user:1");
    process.load(&call, 7).await;
    let entered = process.enter(&call).await;
    let large = process.fill(&call, &entered.snapshots, Fence::Row(7), &[b'x'; 1000]).await;
    assert_eq!(large, Err(Refused::TooLarge));
    assert_eq!(process.served(&call).await, None, "what it replaces is no longer true");
    assert_eq!(process.fill(&call, &entered.snapshots, Fence::Row(8), &[b'x'; 1000]).await, Err(Refused::TooLarge));
    assert_eq!(process.enter(&call).await.snapshots[0].floor, 8);
    assert_eq!(process.fill(&call, &entered.snapshots, Fence::Row(7), b"late").await, Err(Refused::Old));
}

#[tokio::test]
async fn events_get_through_when_the_server_is_full() {
    let server = Server::start().await;
    let process = Process::new(server.redis(), &namespace());
    let (call, other) = (find("user:1"), find("user:2"));
    process.load(&call, 7).await;
    process.load(&other, 7).await;
    let entered = process.enter(&call).await;
    server.ask::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let fill = Fill {
        snapshots: entered.snapshots.clone(),
        fence: Fence::Row(7),
        from_primary: true,
        entry: entry(process.clock.now(), b"new"),
    };
    let error = process.store.fill(call.query(), fill).await.expect_err("there is no room");
    assert_eq!(error.kind, StoreErrorKind::Rejected);
    let source = error.source.as_ref().expect("the error of the server").to_string();
    assert!(source.contains("OOM") && !error.to_string().contains("OOM"), "{error}: {source}");
    assert_eq!(process.served(&call).await.as_deref(), Some("7"), "what is there is served");
    assert_eq!(process.apply("user:1", Move::Bump(8)).await, Applied::Moved);
    assert_eq!(process.served(&call).await, None, "but not after an event");
    assert_eq!(process.served(&other).await.as_deref(), Some("7"));
    server.ask::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    assert_eq!(process.served(&call).await, None);
    process.load(&call, 8).await;
    assert_eq!(process.served(&call).await.as_deref(), Some("8"));
}

#[tokio::test]
async fn what_others_wrote_is_not_served() {
    let server = Server::start().await;
    let process = Process::new(server.redis(), "shop");
    let (call, other) = (find("user:1"), on("user:2", &["user:1"]));
    process.load(&call, 7).await;
    let find = |keys: Vec<String>, what: &str| keys.into_iter().find(|key| key.contains(what)).expect("a key");
    let (key, record) = (find(server.keys("*").await, ":find:v7."), "{shop:user:1}:index");
    // The same entry, under another token, and of another text.
    let bytes: Vec<u8> = redis::cmd("GET").arg(&key).query_async(&mut server.connect().await).await.expect("an entry");
    process.apply("user:1", Move::Bump(8)).await;
    let put = async |key: &str, bytes: &[u8]| {
        let set = redis::cmd("SET").arg(key).arg(bytes).query_async::<()>(&mut server.connect().await).await;
        set.expect("SET");
    };
    put(&key.replace(":v7.", ":v8."), &bytes).await;
    assert_eq!(process.served(&call).await, None, "an entry under a token that is not its own");
    process.load(&call, 8).await;
    for garbage in [&b""[..], b"\0", b"garbage", &bytes[..bytes.len() / 2]] {
        put(&key.replace(":v7.", ":v8."), garbage).await;
        assert_eq!(process.served(&call).await, None, "{garbage:?}");
    }
    assert_eq!(process.served(&other).await, None);
    for garbage in ["", "garbage", "1 floor=7", "1 floor=00000000000000000007"] {
        process.load(&call, 9).await;
        put(record, garbage.as_bytes()).await;
        assert_eq!(process.served(&call).await, None, "{garbage:?}");
        assert_eq!(process.apply("user:1", Move::Bump(9)).await, Applied::Absent, "{garbage:?}");
        assert!(process.enter(&call).await.needs_primary, "{garbage:?}");
    }
}

#[tokio::test]
async fn whatever_was_loaded_last_is_found() {
    let server = Server::start().await;
    let namespace = namespace();
    let process = Process::new(server.redis(), &namespace);
    let call = find("user:1");
    process.load(&call, 7).await;
    let snapshots = process.enter(&call).await.snapshots;
    for (nth, fence) in [Fence::Unversioned, Fence::Row(7), Fence::Unversioned, Fence::Row(7)].into_iter().enumerate() {
        let content = nth.to_string();
        assert_eq!(process.fill(&call, &snapshots, fence, content.as_bytes()).await, Ok(()));
        assert_eq!(process.served(&call).await, Some(content.clone()));
        let newcomer = Process::new(server.redis(), &namespace);
        assert_eq!(newcomer.served(&call).await, Some(content), "a process that has not seen it before");
    }
    let absent = cachemacro_runtime::store::Entry {
        payload: Payload::Absent(Absence::Error),
        ..entry(process.clock.now(), b"")
    };
    let fill = Fill { snapshots, fence: Fence::Unversioned, from_primary: true, entry: absent };
    assert_eq!(process.store.fill(call.query(), fill).await.expect("FILL"), Ok(()));
    assert_eq!(process.served(&call).await.as_deref(), Some("Absent(Error)"));
}

#[tokio::test]
async fn a_record_outlives_its_entries() {
    let server = Server::start().await;
    let process = Process::new(server.redis(), "shop");
    let call = find("user:1");
    let left = async || server.ask::<i64>(&["PTTL", "{shop:user:1}:index"]).await;
    let _entered = process.enter(&call).await;
    let hour = 3_600_000;
    assert!((hour - 10_000..=hour).contains(&left().await), "an hour where nothing is stored");
    let snapshots = process.enter(&call).await.snapshots;
    let long = Duration::from_secs(86_400);
    let hard = process.clock.now().after(long);
    let entry = cachemacro_runtime::store::Entry { hard, ..entry(process.clock.now(), b"x") };
    let fill = Fill { snapshots, fence: Fence::Row(1), from_primary: true, entry };
    assert_eq!(process.store.fill(call.query(), fill).await.expect("FILL"), Ok(()));
    let key = server.keys("*:v1.*").await.remove(0);
    let entrys: i64 = server.ask(&["PTTL", &key]).await;
    assert!((86_390_000..=86_400_000).contains(&entrys), "{entrys}");
    assert!(left().await > entrys + 55_000, "it has some time left when the entry has none");
    process.load(&call, 2).await;
    assert!(left().await > 86_400_000, "and never less than it had");
}
