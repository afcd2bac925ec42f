//! No server outlives the process that started it, however that ends.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cachemacro_servers::{Options, Standalone};

/// Set in the process that is to be killed: this very test once more.
const IS_CHILD: &str = "CACHEMACRO_SERVERS_CHILD";

/// Starts a server, says where it is, and waits for the end.
fn be_the_child() {
    let server = Standalone::start(Options::default());
    let folder = server.command(&["CONFIG", "GET", "dir"]).expect("it answers").replace("dir\n", "");
    println!("\nserver {} {folder}", server.port());
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn server_ends_with_a_killed_process() {
    if std::env::var_os(IS_CHILD).is_some() {
        return be_the_child();
    }
    let mut child = Command::new(std::env::current_exe().expect("a test runs from a file"))
        .args(["--exact", "server_ends_with_a_killed_process", "--nocapture"])
        .env(IS_CHILD, "")
        .stdout(Stdio::piped())
        .spawn()
        .expect("this very program can be started");
    let output = BufReader::new(child.stdout.take().expect("piped above"));
    let line = output.lines().map_while(Result::ok).find(|line| line.starts_with("server ")).expect("a server starts");
    let words: Vec<&str> = line.split(' ').collect();
    let (port, folder): (u16, &Path) = (words[1].parse().expect("a port"), Path::new(words[2]));
    assert!(is_up(port) && folder.exists());
    child.kill().expect("it sleeps");
    child.wait().expect("it was killed");
    let end = Instant::now() + Duration::from_secs(10);
    while (is_up(port) || folder.exists()) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!is_up(port) && !folder.exists());
}

#[test]
fn server_ends_with_a_panic() {
    let started = std::thread::spawn(|| {
        let server = Standalone::start(Options::default());
        std::panic::panic_any(server.port());
    });
    let port = *started.join().expect_err("it panics").downcast::<u16>().expect("the port");
    assert!(!is_up(port));
}

fn is_up(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}
