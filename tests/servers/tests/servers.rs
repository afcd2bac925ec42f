//! The servers start, break and recover as they are told.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use cachemacro_servers::{Faults, Options, Proxy, Sentinel, Standalone};

#[test]
fn a_server_keeps_what_it_saved_and_forgets_the_rest() {
    let mut server = Standalone::start(Options::default());
    server.command(&["SET", "key", "old"]).expect("it answers");
    server.snapshot();
    server.command(&["SET", "key", "new"]).expect("it answers");
    server.restart();
    assert_eq!(server.command(&["GET", "key"]).expect("it answers"), "old");
    server.restart_empty();
    assert_eq!(server.command(&["GET", "key"]).expect("it answers"), "");
    server.kill9();
    assert!(server.command(&["PING"]).is_err());
}

#[test]
fn a_stopped_server_answers_later() {
    let server = Standalone::start(Options::default());
    server.stop();
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("the system accepts");
    stream.write_all(b"PING\r\n").expect("the system takes it");
    stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
    assert!(stream.read(&mut [0; 16]).is_err());
    server.cont();
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    assert!(stream.read(&mut [0; 16]).is_ok_and(|length| length > 0));
}

#[test]
fn a_proxy_breaks_connections_on_demand() {
    let server = Standalone::start(Options::default());
    let proxy = Proxy::start(server.port());
    let ping = || {
        let mut stream = TcpStream::connect(("127.0.0.1", proxy.port())).ok()?;
        stream.set_read_timeout(Some(Duration::from_millis(200))).ok()?;
        stream.write_all(b"PING\r\n").ok()?;
        let mut answer = [0; 16];
        let length = stream.read(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer[..length]).into_owned())
    };
    assert_eq!(ping().as_deref(), Some("+PONG\r\n"));
    for faults in [
        Faults { cuts_requests: true, ..Faults::default() },
        Faults { cuts_answers: true, ..Faults::default() },
        Faults { refuses: true, ..Faults::default() },
    ] {
        proxy.set(faults);
        assert_ne!(ping().as_deref(), Some("+PONG\r\n"), "{faults:?}");
    }
    proxy.set(Faults { truncates_after: Some(3), ..Faults::default() });
    assert_eq!(ping().as_deref(), Some("+PO"));
    proxy.set(Faults::default());
    assert_eq!(ping().as_deref(), Some("+PONG\r\n"));
}

#[test]
fn a_failover_with_a_cut_link_loses_what_was_acknowledged() {
    let mut servers = Sentinel::start();
    servers.primary().command(&["SET", "key", "old"]).expect("it answers");
    servers.primary().command(&["WAIT", "1", "1000"]).expect("it answers");
    servers.cut_replication();
    servers.primary().command(&["SET", "key", "new"]).expect("it answers");
    servers.fail_over();
    assert_eq!(servers.replica().command(&["GET", "key"]).expect("it answers"), "old");
}
