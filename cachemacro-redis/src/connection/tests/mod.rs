//! The link against real servers that start late, die, stop answering and are replaced.

mod failover;
mod outage;
mod runtime;
mod server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::{Pipeline, Value};

use self::server::{TestServer, free_port};
use crate::config::Redis;
use crate::connection::{Link, Reply, ServerEpoch};
use cachemacro_runtime::store::StoreError;
use cachemacro_runtime::{ManualClock, SystemClock};

/// Much longer than an answer takes, and much shorter than a test may take.
const TIMEOUT: Duration = Duration::from_millis(200);

fn link_to(redis: Redis) -> Arc<Link> {
    Link::new(redis.endpoint().clone(), TIMEOUT, Arc::new(SystemClock))
}

fn link(url: &str) -> Arc<Link> {
    link_to(Redis::url(url).expect("the URL is right"))
}

/// A link whose clock is manual, so that it checks its server's identity only when the test moves the clock.
fn link_with_clock(url: &str) -> (Arc<Link>, ManualClock) {
    let clock = ManualClock::default();
    let redis = Redis::url(url).expect("the URL is right").timeout(TIMEOUT);
    (Link::new(redis.endpoint().clone(), TIMEOUT, Arc::new(clock.clone())), clock)
}

fn pipeline(commands: &[&str]) -> Pipeline {
    let mut pipeline = Pipeline::new();
    for command in commands {
        let mut words = command.split(' ');
        pipeline.cmd(words.next().unwrap_or_default()).arg(words.collect::<Vec<_>>());
    }
    pipeline
}

/// Runs one command, and checks that the reply has the epoch for which the command was built.
async fn run(link: &Link, command: &str) -> Result<Reply, StoreError> {
    let mut told = ServerEpoch::default();
    let reply = link
        .run("test", |session| {
            told = session.epoch;
            pipeline(&[command])
        })
        .await?;
    assert_eq!(told, reply.epoch);
    assert_eq!(reply.values.len(), 1, "proofs are no replies: {:?}", reply.values);
    assert!(reply.sent <= reply.received);
    Ok(reply)
}

/// Runs it until there is a reply.
async fn insist(link: &Link, command: &str) -> Reply {
    let begin = Instant::now();
    loop {
        match run(link, command).await {
            Ok(reply) => return reply,
            Err(error) => assert!(begin.elapsed() < Duration::from_secs(30), "not within 30 s: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Runs until the breaker opens.
async fn fail(link: &Link) {
    for _ in 0..5 {
        assert!(!link.is_open());
        run(link, "PING").await.expect_err("no server answers");
    }
    assert!(link.is_open(), "five failures in a row open it");
}

#[tokio::test]
async fn a_pipeline_gets_one_reply_per_command_and_errors_among_them() {
    let server = TestServer::start();
    let link = link(&server.url());
    let reply = link.run("test", |_| pipeline(&["SET a 1", "LPUSH a 2", "GET a"])).await.expect("a reply");
    assert!(matches!(&reply.values[..], [Value::Okay, Value::ServerError(_), Value::BulkString(one)] if one == b"1"));
    let replid = server.ask("INFO replication").expect("an answer");
    assert!(replid.contains(&format!("master_replid:{}", reply.epoch)), "{replid}");
    assert_eq!((link.health().connects, link.health().timeouts, link.health().openings), (1, 0, 0));
}

#[tokio::test]
async fn a_password_is_used_and_never_shown() {
    let server = TestServer::start_with(free_port(), &["--requirepass", "secret"]);
    let url = format!("redis://:secret@127.0.0.1:{}", server.port);
    let redis = Redis::url(&url).expect("the URL is right");
    assert!(!format!("{redis:?}").contains("secret"));
    run(&link_to(redis), "PING").await.expect("it is the right one");

    let wrong = link(&url.replace("secret", "hidden"));
    let error = run(&wrong, "PING").await.expect_err("it is the wrong one");
    let shown = format!("{error} {error:?} {wrong:?}");
    assert!(shown.contains("see the user name and the password"), "{shown}");
    assert!(!shown.contains("hidden"), "{shown}");
    let none = link(&server.url());
    run(&none, "PING").await.expect_err("there is none");
}

#[tokio::test]
async fn a_user_who_may_not_ask_for_the_servers_identity_is_told_so() {
    let server = TestServer::start();
    server.tell("ACL SETUSER weak on >weak ~* +@all -@dangerous");
    let link = link(&server.url().replace("//", "//weak:weak@"));
    let error = run(&link, "PING").await.expect_err("INFO is one of the dangerous commands");
    assert!(error.to_string().contains("allow this user INFO"), "{error}");
    server.tell("ACL SETUSER weak +info");
    insist(&link, "PING").await;
}

#[tokio::test]
async fn both_protocols_are_spoken() {
    let server = TestServer::start();
    let (link, clock) = link_with_clock(&format!("{}/?protocol=resp3", server.url()));
    insist(&link, "PING").await;
    clock.advance(Duration::from_secs(1));
    run(&link, "PING").await.expect("its proof is read");
}

#[tokio::test]
async fn a_connection_of_its_own_may_block_for_longer_than_an_operation_takes() {
    use redis::aio::ConnectionLike;
    let server = TestServer::start();
    let link = link(&server.url());
    let mut own = link.own().await.expect("a connection");
    assert_eq!(own.longest_block(), Duration::MAX);
    assert_eq!(own.epoch(), run(&link, "PING").await.expect("a reply").epoch);
    let blocking = tokio::spawn(async move {
        let mut read = redis::cmd("XREAD");
        read.arg(&["BLOCK", "10000", "STREAMS", "events", "$"]);
        own.req_packed_command(&read).await
    });
    tokio::time::sleep(3 * TIMEOUT).await;
    assert!(!blocking.is_finished());
    run(&link, "XADD events * a b").await.expect("others are not blocked");
    let read = blocking.await.expect("it did not panic").expect("an answer");
    assert!(matches!(read, Value::Array(streams) if streams.len() == 1));
    assert_eq!(link.health().timeouts, 0);
}
