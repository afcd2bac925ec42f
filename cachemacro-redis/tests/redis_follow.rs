//! The channel of announcements: its reader has read all of them, or knows that it has not (R14).

#[path = "kit/server.rs"]
mod kit;
#[path = "kit/process.rs"]
mod process;

use std::time::{Duration, Instant};

use cachemacro_redis::{OnFailover, Redis};
use cachemacro_runtime::store::{Aggregate, Announcement, Followed, InvalidationChannel, Move, Notice, Position};
use kit::{Server, namespace};
use process::Process;

fn moved(id: u64) -> (Aggregate, Notice) {
    (Aggregate::new(&format!("user:{id}")), Notice::Moved(Move::Bump(id)))
}

fn announcement(id: u64) -> Announcement {
    Announcement { event: Some(("user.updated", format!("{{\"id\":{id}}}"))), notices: vec![moved(id)] }
}

impl Process {
    async fn announce(&self, ids: impl IntoIterator<Item = u64>) {
        let all: Vec<_> = ids.into_iter().map(announcement).collect();
        self.channel.announce(&all).await.expect("it is announced");
    }

    async fn follow(&self, from: Option<&Position>, wait: Duration) -> Followed {
        self.channel.follow(from, wait).await.expect("it is read")
    }

    async fn end(&self) -> Position {
        let end = self.follow(None, Duration::ZERO).await;
        assert!(!end.has_gap && end.notices.is_empty());
        end.position
    }

    /// Reads on, and expects exactly these.
    async fn hears(&self, position: &mut Position, ids: impl IntoIterator<Item = u64>) {
        let followed = self.follow(Some(position), Duration::ZERO).await;
        assert!(!followed.has_gap);
        assert_eq!(followed.notices, ids.into_iter().map(moved).collect::<Vec<_>>());
        *position = followed.position;
    }

    /// Reads on, and expects to have missed something; then all is well again.
    async fn has_gap(&self, position: &mut Position) {
        let followed = self.follow(Some(position), Duration::from_millis(20)).await;
        assert!(followed.has_gap);
        *position = followed.position;
        self.hears(position, []).await;
        self.announce([77]).await;
        self.hears(position, [77]).await;
    }
}

async fn two() -> (Server, Process, Process, Position) {
    let (server, name) = (Server::start().await, namespace());
    let (writer, reader) = (Process::new(server.redis(), &name), Process::new(server.redis(), &name));
    let position = reader.end().await;
    (server, writer, reader, position)
}

#[tokio::test]
async fn all_that_was_announced_is_heard_once_and_in_order() {
    let (_server, writer, reader, mut position) = two().await;
    reader.hears(&mut position, []).await;
    writer.announce([1]).await;
    writer.announce([2, 3]).await;
    reader.hears(&mut position, [1, 2, 3]).await;
    reader.hears(&mut position, []).await;
    writer.announce(0..1_234).await;
    let late = reader.end().await;
    reader.hears(&mut position, 0..1_234).await;
    assert_eq!(position, late, "who reads and who comes later are at the same place");
}

#[tokio::test]
async fn every_kind_of_notice_comes_through() {
    let (_server, writer, reader, position) = two().await;
    let name = Aggregate::new("user:a%20b c\n}");
    let notices = vec![
        (name.clone(), Notice::Moved(Move::Bump(u64::MAX))),
        (name.clone(), Notice::Moved(Move::Next)),
        (name.clone(), Notice::Moved(Move::Restore { version: 9, of: 5 })),
        (name.clone(), Notice::Moved(Move::Rollback { to: 0 })),
        (name.clone(), Notice::Reset),
    ];
    let silent = Announcement { event: None, notices: Vec::new() };
    let all = [Announcement { event: None, notices: notices.clone() }, silent];
    writer.channel.announce(&all).await.expect("it is announced");
    assert_eq!(reader.follow(Some(&position), Duration::ZERO).await.notices, notices);
}

#[tokio::test]
async fn who_waits_is_woken() {
    let (_server, writer, reader, mut position) = two().await;
    let began = Instant::now();
    let waits = async {
        let followed = reader.follow(Some(&position), Duration::from_secs(20)).await;
        (followed, began.elapsed())
    };
    let tells = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        writer.announce([1]).await;
    };
    let ((followed, after), ()) = tokio::join!(waits, tells);
    assert!(after < Duration::from_secs(10), "{after:?}");
    assert_eq!(followed.notices, [moved(1)]);
    position = followed.position;
    let followed = reader.follow(Some(&position), Duration::from_millis(200)).await;
    assert!(!followed.has_gap && followed.notices.is_empty());
}

/// A reader that was dropped while it waited.
#[tokio::test]
async fn who_gives_up_waiting_misses_nothing() {
    let (_server, writer, reader, mut position) = two().await;
    for id in 1..4 {
        let waits = reader.follow(Some(&position), Duration::from_secs(20));
        assert!(tokio::time::timeout(Duration::from_millis(30), waits).await.is_err());
        writer.announce([id]).await;
        reader.hears(&mut position, [id]).await;
    }
}

#[tokio::test]
async fn a_channel_that_was_emptied_has_a_gap() {
    let (server, writer, reader, mut position) = two().await;
    for (command, tells) in [
        (&["FLUSHALL"][..], false),
        (&["FLUSHALL"], true),
        (&["DEL", "{test0}:events"], true),
        (&["XTRIM", "{test0}:events", "MAXLEN", "0"], true),
        (&["DEL", "{test0}:events:head"], false),
        (&["DEL", "{test0}:events:head"], true),
    ] {
        writer.announce([5]).await;
        reader.hears(&mut position, [5]).await;
        let tag = tag(&server).await;
        let command: Vec<_> = command.iter().map(|word| word.replace("test0", &tag)).collect();
        let command: Vec<_> = command.iter().map(String::as_str).collect();
        writer.announce([6]).await;
        server.ask::<redis::Value>(&command).await;
        if tells {
            writer.announce([7]).await;
        }
        reader.has_gap(&mut position).await;
    }
}

/// The namespace, as the test's first key shows it.
async fn tag(server: &Server) -> String {
    let keys = server.keys("*:events*").await;
    keys.first().map_or_else(|| "none".to_owned(), |key| key[1..key.find('}').expect("a tag")].to_owned())
}

#[tokio::test]
async fn one_that_was_trimmed_before_all_was_read_has_a_gap() {
    let (server, writer, reader, mut position) = two().await;
    writer.announce([1, 2, 3]).await;
    let key = format!("{{{}}}:events", tag(&server).await);
    server.ask::<u64>(&["XTRIM", &key, "MAXLEN", "3"]).await;
    reader.hears(&mut position, [1, 2, 3]).await;
    server.ask::<u64>(&["XTRIM", &key, "MAXLEN", "1"]).await;
    reader.hears(&mut position, []).await;
    writer.announce([4, 5, 6]).await;
    server.ask::<u64>(&["XTRIM", &key, "MAXLEN", "2"]).await;
    reader.has_gap(&mut position).await;
}

#[tokio::test]
async fn one_of_the_past_has_a_gap() {
    for on_failover in [OnFailover::SuspectReplay, OnFailover::Rotate, OnFailover::Trust] {
        let (mut server, name) = (Server::start().await, namespace());
        let make = || Process::new(server.redis().on_failover(on_failover), &name);
        let (writer, reader) = (make(), make());
        let mut position = reader.end().await;
        writer.announce([1]).await;
        server.ask::<()>(&["SAVE"]).await;
        writer.announce([2]).await;
        reader.hears(&mut position, [1, 2]).await;
        server.crash().await;
        while writer.channel.announce(&[announcement(3)]).await.is_err()
            || reader.channel.follow(None, Duration::ZERO).await.is_err()
        {
            tokio::task::yield_now().await;
        }
        let followed = async {
            loop {
                // The reader's own connection is made anew, too.
                if let Ok(followed) = reader.channel.follow(Some(&position), Duration::ZERO).await {
                    return followed;
                }
            }
        };
        let followed = followed.await;
        // With trust the user vouches that nothing is ever lost; numbers still tell in most cases.
        assert!(followed.has_gap || on_failover == OnFailover::Trust, "{on_failover:?}");
    }
}

#[tokio::test]
async fn positions_of_others_have_a_gap() {
    let (_server, _writer, reader, position) = two().await;
    for foreign in ["", "0", "1-0", &format!("{} more", position.0), &position.0.replacen(' ', " x", 1)] {
        reader.has_gap(&mut Position(foreign.to_owned())).await;
    }
}

#[tokio::test]
async fn words_of_a_later_version_are_a_gap() {
    let (server, writer, reader, mut position) = two().await;
    writer.announce([1]).await;
    let head: String = server.ask(&["GET", &format!("{{{}}}:events:head", tag(&server).await)]).await;
    let life = head.split(' ').next().expect("a life");
    let stream = format!("{{{}}}:events", tag(&server).await);
    server.ask::<String>(&["XADD", &stream, "*", "n", "2", "life", life, "moves", "shake user:1"]).await;
    server.ask::<()>(&["SET", &format!("{stream}:head"), &format!("{life} 2")]).await;
    reader.has_gap(&mut position).await;
}

#[tokio::test]
async fn a_connection_manager_is_polled() {
    let (server, name) = (Server::start().await, namespace());
    let client = redis::Client::open(server.url()).expect("a URL");
    let manager = client.get_connection_manager().await.expect("it connects");
    let reader = Process::new(Redis::from(manager).timeout(Duration::from_secs(5)), &name);
    let writer = Process::new(server.redis(), &name);
    let mut position = reader.end().await;
    let waits = reader.follow(Some(&position), Duration::from_secs(20));
    let tells = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        writer.announce([1]).await;
    };
    let (followed, ()) = tokio::join!(waits, tells);
    assert_eq!(followed.notices, [moved(1)]);
    position = followed.position;
    reader.hears(&mut position, []).await;
}

#[tokio::test]
async fn other_programs_can_read_it() {
    let (server, writer, _reader, _position) = two().await;
    writer.announce([1]).await;
    let stream = format!("{{{}}}:events", tag(&server).await);
    let read: redis::streams::StreamRangeReply = server.ask(&["XRANGE", &stream, "-", "+"]).await;
    let fields = &read.ids[0].map;
    let text = |name: &str| redis::from_redis_value_ref::<String>(&fields[name]).expect("text");
    assert_eq!(text("n"), "1");
    assert_eq!(text("event"), "user.updated");
    assert_eq!(text("body"), "{\"id\":1}");
    assert_eq!(text("moves"), "bump user:1 1");
    let head: String = server.ask(&["GET", &format!("{stream}:head")]).await;
    assert_eq!(head, format!("{} 1", text("life")));
}

#[cfg(feature = "cluster")]
#[tokio::test]
async fn a_cluster_has_a_channel() {
    let cluster = kit::Cluster::start().await;
    for _ in 0..4 {
        let name = namespace();
        let (writer, reader) = (Process::new(cluster.redis(), &name), Process::new(cluster.redis(), &name));
        let mut position = reader.end().await;
        writer.announce([1, 2]).await;
        reader.hears(&mut position, [1, 2]).await;
        let waits = reader.follow(Some(&position), Duration::from_secs(20));
        let tells = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            writer.announce([3]).await;
        };
        let (followed, ()) = tokio::join!(waits, tells);
        assert_eq!(followed.notices, [moved(3)]);
    }
}
