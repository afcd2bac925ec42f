//! The proxy: each fault, and that it heals.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use cachemacro_servers::{Faults, Options, Proxy, Standalone};

const SOON: Duration = Duration::from_millis(50);
const NONE: Faults = Faults {
    delay: Duration::ZERO,
    delay_answers: Duration::ZERO,
    cuts_requests: false,
    cuts_answers: false,
    truncates_after: None,
    refuses: false,
};

fn start() -> (Standalone, Proxy) {
    let server = Standalone::start(Options::default());
    let proxy = Proxy::start(server.port());
    (server, proxy)
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", proxy.port())).expect("the proxy listens");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("not zero");
    stream
}

/// Sends a command and reads what comes back until the line ends, the connection does, or `patience`.
fn ask(mut stream: &TcpStream, command: &str, patience: Duration) -> String {
    stream.set_read_timeout(Some(patience)).expect("not zero");
    let _ = stream.write_all(format!("{command}\r\n").as_bytes());
    let mut answer = String::new();
    let mut byte = [0];
    while !answer.ends_with('\n') && matches!(stream.read(&mut byte), Ok(1)) {
        answer.push(char::from(byte[0]));
    }
    answer
}

fn ping(stream: &TcpStream) -> String {
    ask(stream, "PING", Duration::from_secs(5))
}

#[test]
fn passes_bytes_of_many_connections() {
    let (_server, proxy) = start();
    let streams: Vec<TcpStream> = (0..10).map(|_| connect(&proxy)).collect();
    assert!(streams.iter().all(|stream| ping(stream) == "+PONG\r\n"));
    assert_eq!(proxy.connections(), 10);
    drop(streams);
    let end = Instant::now() + Duration::from_secs(5);
    while proxy.connections() > 0 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn delays_hold_for_each_direction() {
    let (_server, proxy) = start();
    let stream = connect(&proxy);
    for faults in [Faults { delay: 2 * SOON, ..NONE }, Faults { delay_answers: 2 * SOON, ..NONE }] {
        proxy.set(faults);
        let started = Instant::now();
        assert_eq!(ping(&stream), "+PONG\r\n");
        assert!(started.elapsed() >= 2 * SOON);
        proxy.set(NONE);
    }
    let started = Instant::now();
    assert_eq!(ping(&stream), "+PONG\r\n");
    assert!(started.elapsed() < 2 * SOON);
}

#[test]
fn cut_requests_lose_commands_and_cut_answers_what_came_of_them() {
    let (server, proxy) = start();
    let stream = connect(&proxy);
    assert_eq!(ping(&stream), "+PONG\r\n");
    proxy.set(Faults { cuts_requests: true, ..NONE });
    assert_eq!(ask(&stream, "SET key 1", SOON), "");
    assert_eq!(server.command(&["GET", "key"]).expect("up"), "");
    proxy.set(NONE);
    assert_eq!(ping(&stream), "", "a connection that lost bytes ends");

    let stream = connect(&proxy);
    proxy.set(Faults { cuts_answers: true, ..NONE });
    assert_eq!(ask(&stream, "SET key 2", SOON), "");
    assert_eq!(server.command(&["GET", "key"]).expect("up"), "2");
    proxy.set(NONE);
    assert_eq!(ping(&stream), "", "a connection that lost bytes ends");
    assert_eq!(ping(&connect(&proxy)), "+PONG\r\n");
}

#[test]
fn truncated_answer_ends_its_connection() {
    let (_server, proxy) = start();
    let stream = connect(&proxy);
    proxy.set(Faults { truncates_after: Some(10), ..NONE });
    assert_eq!(ping(&stream), "+PONG\r\n");
    assert_eq!(ping(&stream), "+PO");
    assert_eq!(ping(&stream), "");
    proxy.set(NONE);
    assert_eq!(ping(&connect(&proxy)), "+PONG\r\n");
}

#[test]
fn refused_connections_leave_those_there_are() {
    let (_server, proxy) = start();
    let stream = connect(&proxy);
    assert_eq!(ping(&stream), "+PONG\r\n");
    proxy.set(Faults { refuses: true, ..NONE });
    assert_eq!(ping(&connect(&proxy)), "");
    assert_eq!(ping(&stream), "+PONG\r\n");
    proxy.set(NONE);
    assert_eq!(ping(&connect(&proxy)), "+PONG\r\n");
}

#[test]
fn dropped_connections_can_be_made_again() {
    let (mut server, proxy) = start();
    let stream = connect(&proxy);
    assert_eq!(ping(&stream), "+PONG\r\n");
    proxy.drop_connections();
    assert_eq!((ping(&stream), proxy.connections()), (String::new(), 0));
    assert_eq!(ping(&connect(&proxy)), "+PONG\r\n");

    server.kill9();
    assert_eq!(ping(&connect(&proxy)), "", "a server that is down closes at once");
    server.restart();
    assert_eq!(ping(&connect(&proxy)), "+PONG\r\n");

    let (stream, port) = (connect(&proxy), proxy.port());
    drop(proxy);
    assert_eq!(ping(&stream), "");
    let end = Instant::now() + Duration::from_secs(5);
    while TcpStream::connect(("127.0.0.1", port)).is_ok() {
        assert!(Instant::now() < end, "the port is still open");
    }
}
