//! One server: its faults, and what it remembers after them.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use cachemacro_servers::{Error, Options, Standalone};

fn get(server: &Standalone) -> String {
    server.command(&["GET", "key"]).expect("the server answers")
}

fn set(server: &Standalone, value: &str) {
    server.command(&["SET", "key", value]).expect("the server answers");
}

#[test]
fn answers_are_written_as_text() {
    let server = Standalone::start(Options::default());
    set(&server, "a\r\nb");
    assert_eq!(get(&server), "a\r\nb");
    assert_eq!(server.command(&["GET", "nothing"]).expect("null"), "");
    assert_eq!(server.command(&["DEL", "key"]).expect("a number"), "1");
    assert_eq!(server.command(&["EVAL", "return {1, {'two', 3}}", "0"]).expect("an array"), "1\ntwo\n3");
    let error = server.command(&["GET"]).expect_err("GET needs a key");
    assert!(matches!(&error, Error::Server(text) if text.contains("wrong number of arguments")), "{error}");
    server.command(&["SET", "key", "ünï\n"]).expect("any text");
    assert_eq!(get(&server), "ünï\n");
}

#[test]
fn remembers_what_it_saved() {
    let mut server = Standalone::start(Options::default());
    let port = server.port();
    set(&server, "1");
    let snapshot = server.snapshot();
    set(&server, "2");
    server.restart();
    assert_eq!((get(&server), server.port()), ("1".to_owned(), port), "what was not saved is lost");
    set(&server, "3");
    server.snapshot();
    server.kill9();
    let refused = server.command(&["PING"]).expect_err("it is down");
    assert!(matches!(refused, Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused));
    assert_eq!((server.id(), server.is_up()), (None, false));
    server.restart();
    assert_eq!(get(&server), "3");
    server.restart_with(&snapshot);
    assert_eq!(get(&server), "1");
    server.restart_empty();
    assert_eq!(get(&server), "");
}

#[test]
fn append_only_file_survives_a_crash_and_goes_back_in_time() {
    let mut server = Standalone::start(Options::default().append_only());
    set(&server, "1");
    let snapshot = server.snapshot();
    set(&server, "2");
    server.kill9();
    server.restart();
    assert_eq!(get(&server), "2");
    server.restart_with(&snapshot);
    assert_eq!(get(&server), "1");
    set(&server, "3");
    server.kill9();
    server.restart();
    assert_eq!(get(&server), "3");
    server.restart_empty();
    assert_eq!(get(&server), "");
}

#[test]
fn stopped_server_hangs_until_it_goes_on() {
    let server = Standalone::start(Options::default());
    server.stop();
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("the kernel accepts");
    stream.write_all(b"PING\r\n").expect("the kernel takes it");
    stream.set_read_timeout(Some(Duration::from_millis(50))).expect("not zero");
    let mut answer = [0; 7];
    assert!(stream.read(&mut answer).is_err(), "a stopped server answers nothing");
    server.cont();
    stream.set_read_timeout(None).expect("none is fine");
    stream.read_exact(&mut answer).expect("it answers what arrived meanwhile");
    assert_eq!(&answer, b"+PONG\r\n");
}

#[test]
fn memory_password_and_users_are_options() {
    let options = Options::default()
        .max_memory(2_000_000, "noeviction")
        .password("secret")
        .user("app", "pw", &["~*", "&*", "+@all", "-flushall"])
        .with(&["--timeout", "7"]);
    let server = Standalone::start(options);
    assert_eq!(server.url(), format!("redis://:secret@127.0.0.1:{}", server.port()));
    assert_eq!(server.url_of("app", "pw"), format!("redis://app:pw@127.0.0.1:{}", server.port()));
    assert_eq!(server.command(&["CONFIG", "GET", "timeout"]).expect("as default user"), "timeout\n7");
    let full = server.command(&["SET", "big", &"x".repeat(3_000_000)]).and_then(|_| server.command(&["SET", "a", "1"]));
    assert_eq!(server.url_at(1), "redis://:secret@127.0.0.1:1");
    assert!(full.expect_err("memory is short").to_string().contains("OOM"));

    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).expect("it listens");
    stream.write_all(b"FLUSHALL\r\nAUTH app pw\r\nFLUSHALL\r\nQUIT\r\n").expect("it reads");
    let mut answers = String::new();
    stream.read_to_string(&mut answers).expect("QUIT ends the answers");
    let answers: Vec<&str> = answers.lines().collect();
    assert!(
        answers[0].starts_with("-NOAUTH") && answers[1] == "+OK" && answers[2].starts_with("-NOPERM"),
        "{answers:?}"
    );
}
