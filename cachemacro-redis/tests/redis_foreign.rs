//! Keys of ours that hold what is not ours: another type, a stream whose ids are used up, a number that no counter reached.
//! Each is replaced, and no operation fails because of it.

#[path = "kit/server.rs"]
mod kit;
#[path = "kit/process.rs"]
mod process;

use std::time::Duration;

use cachemacro_runtime::store::{
    Aggregate, Announcement, Applied, Followed, InvalidationChannel, Lease, Move, Notice, Position, RemoteStore,
};
use kit::{Server, namespace};
use process::{Process, find};

/// Makes the key hold a value of each type that is not its own.
const OTHER_TYPES: [&[&str]; 3] = [&["RPUSH", "x"], &["HSET", "field", "x"], &["SADD", "x"]];

async fn overwrite(server: &Server, key: &str, with: &[&str]) {
    server.ask::<u64>(&["DEL", key]).await;
    let (command, rest) = with.split_first().expect("a command");
    let whole: Vec<_> = [*command, key].into_iter().chain(rest.iter().copied()).collect();
    server.ask::<redis::Value>(&whole).await;
}

#[tokio::test]
async fn records_leases_and_entries_of_another_type_are_replaced() {
    let (server, name) = (Server::start().await, namespace());
    let process = Process::new(server.redis(), &name);
    for (at, other) in OTHER_TYPES.into_iter().enumerate() {
        let user = format!("user:{at}");
        let call = find(&user);
        for key in ["index", "find:lease"] {
            overwrite(&server, &format!("{{{name}:{user}}}:{key}"), other).await;
            process.load(&call, 7).await;
            assert_eq!(process.served(&call).await.as_deref(), Some("7"), "{key} {other:?}");
        }
        let entries = server.keys(&format!("*{user}*:v7.*")).await;
        overwrite(&server, &entries[0], other).await;
        assert_eq!(process.served(&call).await, None);
        process.load(&call, 7).await;
        assert_eq!(process.served(&call).await.as_deref(), Some("7"), "{other:?}");
    }
}

#[tokio::test]
async fn every_operation_on_a_record_of_another_type_finds_none() {
    let (server, name) = (Server::start().await, namespace());
    let process = Process::new(server.redis(), &name);
    let call = find("user:1");
    let index = format!("{{{name}:user:1}}:index");
    for moved in [Move::Bump(8), Move::Next, Move::Restore { version: 9, of: 7 }, Move::Rollback { to: 3 }]
        .into_iter()
        .cycle()
        .take(8)
    {
        process.load(&call, 7).await;
        overwrite(&server, &index, OTHER_TYPES[0]).await;
        assert_eq!(process.apply("user:1", moved).await, Applied::Absent);
    }
    let entered = process.enter(&call).await;
    overwrite(&server, &index, OTHER_TYPES[0]).await;
    let detected = process.store.detect(&Aggregate::new("user:1"), entered.snapshots[0], 0).await;
    assert!(!detected.expect("DETECT"));
    overwrite(&server, &index, OTHER_TYPES[0]).await;
    process.store.discard(call.query()).await.expect("DISCARD");
}

/// A value of another type under a lease key counts as a free lease.
#[tokio::test]
async fn a_lease_of_another_type_delays_no_caller() {
    let (server, name) = (Server::start().await, namespace());
    let (first, second) = (Process::new(server.redis(), &name), Process::new(server.redis(), &name));
    let call = find("user:1");
    let loading = first.enter(&call).await;
    overwrite(&server, &format!("{{{name}:user:1}}:find:lease"), OTHER_TYPES[0]).await;
    assert!(matches!(second.lease(&call).await, Lease::Free));
    drop(loading);
}

fn announcement(id: u64) -> Announcement {
    let notices = vec![(Aggregate::new(&format!("user:{id}")), Notice::Moved(Move::Bump(id)))];
    Announcement { event: Some(("user.updated", format!("{{\"id\":{id}}}"))), notices }
}

async fn follow(process: &Process, from: &Position) -> Followed {
    let followed = process.channel.follow(Some(from), Duration::from_millis(20)).await;
    followed.expect("the channel is read")
}

/// The reader hears what is announced, once it has noticed that it missed something.
async fn is_followed_again(writer: &Process, reader: &Process, position: &mut Position, id: u64) {
    for _ in 0..3 {
        writer.channel.announce(&[announcement(id)]).await.expect("it is announced");
        let followed = follow(reader, position).await;
        *position = followed.position;
        if !followed.has_gap {
            assert_eq!(followed.notices, announcement(id).notices);
            return;
        }
    }
    panic!("the reader misses each announcement");
}

const MAX_ID: &str = "18446744073709551615-18446744073709551615";

#[tokio::test]
async fn a_channel_that_holds_something_else_is_made_again() {
    let (server, name) = (Server::start().await, namespace());
    let (writer, reader) = (Process::new(server.redis(), &name), Process::new(server.redis(), &name));
    let (stream, head) = (format!("{{{name}}}:events"), format!("{{{name}}}:events:head"));
    let end = reader.channel.follow(None, Duration::ZERO).await.expect("the channel is read");
    let mut position = end.position;
    let damages: &[(&str, &[&str])] = &[
        (&stream, &["RPUSH", "x"]),
        (&stream, &["SET", "x"]),
        (&stream, &["XADD", MAX_ID, "n", "1"]),
        (&head, &["RPUSH", "x"]),
        (&head, &["SET", "x"]),
        (&head, &["SET", "abc 18446744073709551616"]),
        (&head, &["SET", "abc 18446744073709551615"]),
        (&head, &["SET", "abc 9007199254740993"]),
        (&head, &["SET", "abc 99999999999999999999999999999999"]),
    ];
    for (at, (key, damage)) in damages.iter().enumerate() {
        for writes_first in [false, true] {
            let id = 2 * at as u64 + u64::from(writes_first);
            writer.channel.announce(&[announcement(100 + id)]).await.expect("it is announced");
            overwrite(&server, key, damage).await;
            if writes_first {
                writer.channel.announce(&[announcement(200 + id)]).await.expect("it is announced");
                // What was announced before is not heard, so the reader must not take itself for whole.
                let followed = follow(&reader, &position).await;
                assert!(followed.has_gap, "{key} {damage:?}");
                position = followed.position;
            }
            is_followed_again(&writer, &reader, &mut position, id).await;
        }
    }
}

/// Other programs may read the channel: what they have not read yet is not lost to them.
#[tokio::test]
async fn a_stream_whose_ids_are_used_up_keeps_its_entries() {
    let (server, name) = (Server::start().await, namespace());
    let process = Process::new(server.redis(), &name);
    let stream = format!("{{{name}}}:events");
    process.channel.announce(&[announcement(1)]).await.expect("it is announced");
    server.ask::<String>(&["XADD", &stream, MAX_ID, "event", "last"]).await;
    process.channel.announce(&[announcement(2), announcement(3)]).await.expect("it is announced");
    let read: redis::streams::StreamRangeReply = server.ask(&["XRANGE", &stream, "-", "+"]).await;
    assert_eq!(read.ids.len(), 4);
    assert!(read.ids.iter().all(|entry| entry.id != MAX_ID));
}

/// `{}` is no hash tag, and would part the channel's two keys.
#[cfg(feature = "cluster")]
#[tokio::test]
async fn a_cluster_serves_the_empty_namespace() {
    let cluster = kit::Cluster::start().await;
    let (writer, reader) = (Process::new(cluster.redis(), ""), Process::new(cluster.redis(), ""));
    let end = reader.channel.follow(None, Duration::ZERO).await.expect("the channel is read");
    let mut position = end.position;
    is_followed_again(&writer, &reader, &mut position, 1).await;
    for id in 0..8 {
        let call = find(&format!("user:{id}"));
        writer.load(&call, 7).await;
        assert_eq!(reader.served(&call).await.as_deref(), Some("7"));
    }
    let nameless = find("");
    writer.load(&nameless, 7).await;
    assert_eq!(reader.served(&nameless).await.as_deref(), Some("7"));
}
