//! Runtimes that do not exist, end, or stop.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tokio::runtime::{Builder, Runtime};

use super::*;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn without_a_runtime_operations_fail_and_nothing_panics() {
    let link = link("redis://127.0.0.1:1");
    let mut running = pin!(run(&link, "PING"));
    let Poll::Ready(Err(error)) = running.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("it fails at once");
    };
    assert!(error.to_string().contains("no tokio runtime"), "{error}");
    let mut owning = pin!(link.own());
    assert!(matches!(owning.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Err(_))));
}

#[test]
fn a_connection_whose_runtime_has_ended_is_replaced() {
    let server = TestServer::start();
    let link = link(&server.url());
    for _ in 0..3 {
        runtime().block_on(insist(&link, "PING"));
    }
}

#[test]
fn a_connection_whose_runtime_stands_still_is_replaced() {
    let server = TestServer::start();
    let link = link(&server.url());
    let still = runtime();
    still.block_on(insist(&link, "PING"));
    runtime().block_on(insist(&link, "PING"));
    drop(still);
}

#[test]
fn connecting_goes_on_elsewhere_when_its_runtime_ends() {
    let server = TestServer::start();
    let link = link(&server.url());
    for _ in 0..10 {
        // One poll, so that the task is spawned but has not run.
        runtime().block_on(async {
            let mut running = pin!(run(&link, "PING"));
            assert!(running.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        });
    }
    runtime().block_on(insist(&link, "PING"));
    assert_eq!(link.health().openings, 0);
}

#[test]
fn a_probe_whose_runtime_has_ended_is_taken_over() {
    let port = free_port();
    let link = link(&format!("redis://127.0.0.1:{port}"));
    runtime().block_on(fail(&link));
    let _server = TestServer::start_with(port, &[]);
    assert!(link.is_open());
    runtime().block_on(insist(&link, "PING"));
}
