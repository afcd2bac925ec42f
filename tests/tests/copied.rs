//! What stands under a key of Redis belongs to that key: copied or renamed to another one, it is nothing there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachemacro::store::Redis;
use cachemacro::{Cache, CacheEvent, cached};
use cachemacro_servers::{Options, Standalone};

#[derive(Clone, Debug, CacheEvent)]
#[event(name = "account.changed", key = "account:<id>", version = version)]
struct AccountChanged {
    id: u64,
    version: u64,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Account {
    id: u64,
    version: u64,
}

/// A database, and a process that reads it.
#[derive(Clone)]
struct Process {
    cache: Cache,
    versions: Arc<Mutex<HashMap<u64, u64>>>,
}

impl Process {
    fn row(&self, id: u64) -> Account {
        Account { id, version: self.versions.lock().expect("no panic").get(&id).copied().unwrap_or(1) }
    }

    #[cached(key = "account:<id>", version_from = |row| row.version, invalidated_by(AccountChanged { id }), hard_ttl = "1h", cache = self.cache)]
    async fn find(&self, id: u64) -> Account {
        self.row(id)
    }

    #[cached(key = "account:<id>", version_from = |row| row.version, invalidated_by(AccountChanged { id }), hard_ttl = "1h", cache = self.cache)]
    async fn other(&self, id: u64) -> Account {
        Account { id: id + 1_000, ..self.row(id) }
    }

    #[cached(key = "opaque:<id>", ttl_only = "a test", hard_ttl = "1h", cache = self.cache)]
    async fn opaque(&self, id: u64) -> Option<u64> {
        (id != 1).then_some(id)
    }

    #[cached(key = "part:<id>:<part>", version_from = |row| row.version, invalidated_by(AccountChanged { id }), hard_ttl = "1h", cache = self.cache)]
    async fn part(&self, id: u64, part: u64) -> Account {
        Account { id: part, ..self.row(id) }
    }

    async fn check(&self, ids: [u64; 2]) {
        for id in ids {
            assert_eq!(self.find(id).await, self.row(id));
            assert_eq!(self.other(id).await.id, id + 1_000);
            assert_eq!(self.opaque(id).await, (id != 1).then_some(id));
            assert_eq!(self.part(id, id + 5).await.id, id + 5);
            assert_eq!(self.part(id, id + 6).await.id, id + 6);
        }
    }
}

fn process(server: &Standalone, namespace: &str, versions: &Arc<Mutex<HashMap<u64, u64>>>) -> Process {
    let redis = Redis::url(server.url()).expect("a url").timeout(Duration::from_secs(5));
    let cache = Cache::builder().namespace(namespace).shared(redis).build();
    Process { cache, versions: Arc::clone(versions) }
}

fn keys(server: &Standalone) -> Vec<String> {
    let keys = server.command(&["KEYS", "*"]).expect("KEYS");
    keys.lines().filter(|key| !key.contains(":events")).map(str::to_owned).collect()
}

/// Moves whatever stands under these keys to the names that `to` makes of them. Says how much that was.
fn copy(server: &Standalone, from: &[String], to: impl Fn(&str) -> String) -> usize {
    let copies: Vec<_> = from.iter().map(|key| (key, to(key))).filter(|(key, other)| *key != other).collect();
    for (key, other) in &copies {
        server.command(&["COPY", key, other, "REPLACE"]).expect("COPY");
    }
    copies.len()
}

#[tokio::test]
async fn what_is_copied_under_the_names_of_another_is_not_served() {
    for is_warm in [false, true] {
        let (server, versions) = (Standalone::start(Options::default()), Arc::default());
        let writer = process(&server, "shop", &versions);
        writer.check([1, 1]).await;
        if is_warm {
            writer.check([2, 2]).await;
        }
        let copied = copy(&server, &keys(&server), |key| {
            let key = key.replace("account:1", "account:2").replace("opaque:1", "opaque:2");
            key.replace("part:1:6", "part:2:7").replace("part:1:7", "part:2:8")
        });
        assert!(copied >= 6, "{:?}", keys(&server));
        // One that knew them, and one that did not.
        writer.check([2, 1]).await;
        process(&server, "shop", &versions).check([2, 1]).await;
    }
}

#[tokio::test]
async fn an_entry_that_is_copied_beside_its_own_record_is_not_served() {
    let (server, versions) = (Standalone::start(Options::default()), Arc::default());
    let writer = process(&server, "shop", &versions);
    writer.check([1, 2]).await;
    let entries: Vec<_> = keys(&server).into_iter().filter(|key| key.contains("(part:1:6)")).collect();
    assert_eq!(copy(&server, &entries, |key| key.replace("(part:1:6)", "(part:1:7)")), 1);
    let entries: Vec<_> = keys(&server).into_iter().filter(|key| key.contains("::find:v")).collect();
    assert_eq!(copy(&server, &entries, |key| key.replace("::find:v", "::other:v")), 2);
    writer.check([1, 2]).await;
    process(&server, "shop", &versions).check([1, 2]).await;
}

#[tokio::test]
async fn another_namespace_is_another_name() {
    let (server, versions) = (Standalone::start(Options::default()), Arc::default());
    process(&server, "shop", &versions).check([1, 2]).await;
    assert!(copy(&server, &keys(&server), |key| key.replace("{shop:", "{mall:")) >= 10);
    versions.lock().expect("no panic").extend([(1, 9), (2, 9)]);
    let mall = process(&server, "mall", &versions);
    assert_eq!((mall.find(1).await.version, mall.find(2).await.version), (9, 9));
}

/// The record of another would take the event, and not move.
#[tokio::test]
async fn an_event_for_a_record_of_another_name_is_not_lost() {
    let (server, versions) = (Standalone::start(Options::default()), Arc::default());
    let reader = process(&server, "shop", &versions);
    versions.lock().expect("no panic").insert(1, 100);
    reader.check([1, 2]).await;
    copy(&server, &["{shop:account:1}:index".to_owned()], |_| "{shop:account:2}:index".to_owned());
    versions.lock().expect("no panic").insert(2, 2);
    let writer = process(&server, "shop", &versions);
    writer.cache.publish(AccountChanged { id: 2, version: 2 }).await.expect("published");
    for reader in [&reader, &process(&server, "shop", &versions)] {
        assert_eq!(reader.find(2).await.version, 2);
        assert_eq!(reader.find(1).await.version, 100);
    }
}

/// A record that another version of this crate has written is dropped by an event: it may hold what the event ends.
#[tokio::test]
async fn an_event_drops_what_is_no_record() {
    let (server, versions) = (Standalone::start(Options::default()), Arc::default());
    let process = process(&server, "shop", &versions);
    process.check([1, 1]).await;
    let index = "{shop:account:1}:index";
    server.command(&["SET", index, "9 a record of the future"]).expect("SET");
    process.cache.publish(AccountChanged { id: 1, version: 2 }).await.expect("published");
    assert_eq!(server.command(&["EXISTS", index]).expect("EXISTS").trim(), "0");
}

#[tokio::test]
async fn whatever_is_changed_of_an_entry_or_a_record_is_a_miss() {
    let (server, versions) = (Standalone::start(Options::default()), Arc::default());
    let writer = process(&server, "shop", &versions);
    writer.find(1).await;
    versions.lock().expect("no panic").insert(1, 1);
    let entry = keys(&server).into_iter().find(|key| key.contains("::find:v")).expect("an entry");
    let length: usize = server.command(&["STRLEN", &entry]).expect("STRLEN").trim().parse().expect("a length");
    let is_kept =
        |process: &Process| process.cache.stats().functions.iter().map(|function| function.loads).sum::<u64>();
    for at in 0..length {
        let before = is_kept(&writer);
        let script = "local v = redis.call('GET', KEYS[1]); local at = tonumber(ARGV[1]) \
             redis.call('SET', KEYS[1], string.sub(v, 1, at) .. string.char(bit.bxor(string.byte(v, at + 1), 1)) .. string.sub(v, at + 2), 'KEEPTTL')";
        server.command(&["EVAL", script, "1", &entry, &at.to_string()]).expect("EVAL");
        assert_eq!(writer.find(1).await, writer.row(1), "byte {at}");
        assert_eq!(is_kept(&writer), before + 1, "byte {at} was read");
    }
}
