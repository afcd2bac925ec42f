//! Servers that do not exist, start late, end, or do not answer.

use std::net::TcpListener;

use super::server::eventually;
use super::*;

#[tokio::test]
async fn a_server_that_starts_late_is_found() {
    let port = free_port();
    let url = format!("redis://127.0.0.1:{port}");
    let error = run(&link(&url), "PING").await.expect_err("no server listens");
    assert!(error.to_string().contains("see whether the server is up"), "{error}");
    let link = link(&url);
    fail(&link).await;
    let _server = TestServer::start_with(port, &[]);
    insist(&link, "PING").await;
    assert!(!link.is_open());
    assert_eq!(link.health().openings, 1);
}

#[tokio::test]
async fn r21_no_operation_after_a_restart_is_served_under_the_former_stamp() {
    let mut server = TestServer::start();
    let link = link(&server.url());
    let mut former = insist(&link, "PING").await.epoch;
    for _ in 0..3 {
        server.restart();
        let present = insist(&link, "PING").await.epoch;
        assert_ne!(present, former);
        former = present;
    }
}

#[tokio::test]
async fn a_listener_that_never_answers_costs_a_timeout_each_until_the_breaker_opens_and_nothing_after() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it has one").port();
    let link = link(&format!("redis://127.0.0.1:{port}"));
    let begin = Instant::now();
    fail(&link).await;
    assert!(begin.elapsed() < 10 * TIMEOUT, "five cost {:?}", begin.elapsed());
    assert!(link.health().timeouts > 0);

    let begin = Instant::now();
    for _ in 0..1000 {
        run(&link, "PING").await.expect_err("it is open");
    }
    assert!(begin.elapsed() < TIMEOUT, "a thousand cost {:?}", begin.elapsed());

    drop(listener);
    let _server = TestServer::start_with(port, &[]);
    insist(&link, "PING").await;
}

#[tokio::test]
async fn a_connection_that_fell_silent_is_replaced_and_the_server_found_again() {
    let server = TestServer::start();
    let link = link(&server.url());
    insist(&link, "PING").await;
    server.signal("STOP");
    let begin = Instant::now();
    for _ in 0..4 {
        run(&link, "PING").await.expect_err("it is silent");
    }
    assert!(begin.elapsed() < 8 * TIMEOUT);
    server.signal("CONT");
    insist(&link, "PING").await;
    assert!(link.health().connects > 1, "the silent one is not used again");
    assert!(link.health().timeouts >= 4);
}

#[tokio::test]
async fn one_slow_answer_is_no_reason_to_reconnect() {
    let server = TestServer::start();
    let link = link(&server.url());
    for _ in 0..6 {
        insist(&link, "PING").await;
        run(&link, "DEBUG SLEEP 0.3").await.expect_err("it sleeps for longer than an operation may take");
        tokio::time::sleep(TIMEOUT).await;
    }
    assert_eq!(link.health().connects, 1);
    assert_eq!(link.health().openings, 0);
    assert_eq!(link.health().timeouts, 6);
}

#[tokio::test]
async fn operations_that_are_dropped_leave_nothing_wedged() {
    let server = TestServer::start();
    let link = link(&server.url());
    // While it connects.
    for _ in 0..20 {
        let _ = tokio::time::timeout(Duration::from_micros(100), run(&link, "PING")).await;
    }
    insist(&link, "PING").await;
    server.signal("STOP");
    // While it waits for an answer.
    for _ in 0..20 {
        tokio::time::timeout(Duration::from_millis(1), run(&link, "PING")).await.expect_err("it is silent");
    }
    server.signal("CONT");
    run(&link, "PING").await.expect("the connection is as it was");
    assert_eq!(link.health().connects, 1);
    assert_eq!(link.health().openings, 0);
}

#[tokio::test]
async fn a_loading_or_read_only_server_is_asked_again_only_by_a_new_connection() {
    let server = TestServer::start();
    let (link, _clock) = link_with_clock(&server.url());
    let former = insist(&link, "SET a 1").await.epoch;
    server.tell("REPLICAOF 127.0.0.1 1");
    let reply = run(&link, "SET a 2").await.expect("the server's own error is a reply");
    assert!(matches!(&reply.values[..], [Value::ServerError(error)] if error.code() == "READONLY"));
    let error = run(&link, "GET a").await.expect_err("the new connection sees that it is a replica");
    assert!(error.to_string().contains("no primary"), "{error}");
    server.tell("REPLICAOF NO ONE");
    assert_ne!(insist(&link, "SET a 2").await.epoch, former);
}

#[tokio::test]
async fn the_links_of_a_dropped_store_stop_probing() {
    let link = link(&format!("redis://127.0.0.1:{}", free_port()));
    fail(&link).await;
    let me = Arc::downgrade(&link);
    drop(link);
    eventually("nothing keeps it alive", || me.upgrade().is_none());
}

#[tokio::test]
async fn a_probe_asks_the_server_and_does_not_trust_the_connection_that_is_there() {
    let server = TestServer::start();
    let link = link(&server.url());
    insist(&link, "PING").await;
    server.signal("STOP");
    // Too few timeouts to end the connection, but enough failures to open the breaker.
    for _ in 0..2 {
        run(&link, "PING").await.expect_err("it is silent");
    }
    for _ in 0..3 {
        assert!(!link.is_open());
        assert!(link.own().await.is_err());
    }
    assert!(link.is_open());
    tokio::time::sleep(2 * TIMEOUT).await;
    assert!(link.is_open());
    server.signal("CONT");
    insist(&link, "PING").await;
}
