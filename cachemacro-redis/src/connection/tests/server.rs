//! Real servers on free ports, killed when dropped.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const MISSING: &str =
    "these tests start Redis: install `redis-server` and `redis-sentinel` (Debian: apt install redis)";

/// A free port. It is below those that the system assigns, and leaves room for a cluster's bus 10,000 above it.
pub(crate) fn free_port() -> u16 {
    loop {
        let port = fastrand::u16(10_000..22_000);
        if [port, port + 10_000].iter().all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()) {
            return port;
        }
    }
}

pub(crate) struct TestServer {
    pub(crate) port: u16,
    directory: PathBuf,
    program: &'static str,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl TestServer {
    pub(crate) fn start() -> Self {
        Self::start_with(free_port(), &[])
    }

    pub(crate) fn start_with(port: u16, settings: &[&str]) -> Self {
        let mut arguments =
            ["--save", "", "--appendonly", "no", "--enable-debug-command", "yes"].map(str::to_owned).to_vec();
        arguments.extend(settings.iter().map(|setting| (*setting).to_owned()));
        Self::launch("redis-server", port, directory(), arguments)
    }

    /// A sentinel of one server.
    pub(crate) fn start_sentinel(master: u16) -> Self {
        let config = format!(
            "sentinel monitor mymaster 127.0.0.1 {master} 1\nsentinel down-after-milliseconds mymaster 500\n\
             sentinel failover-timeout mymaster 2000\n"
        );
        let directory = directory();
        let path = directory.join("sentinel.conf");
        std::fs::write(&path, config).expect("the configuration can be written");
        Self::launch("redis-sentinel", free_port(), directory, vec![path.display().to_string()])
    }

    fn launch(program: &'static str, port: u16, directory: PathBuf, arguments: Vec<String>) -> Self {
        let mut server = Self { port, directory, program, arguments, child: None };
        server.restart();
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn restart(&mut self) {
        self.kill();
        let mut command = Command::new(self.program);
        let (files, options): (Vec<_>, Vec<_>) =
            self.arguments.iter().partition(|argument| argument.ends_with(".conf"));
        command.args(files).args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"]).args(options);
        let child = command.current_dir(&self.directory).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.child = Some(child.expect(MISSING));
        eventually("the server answers", || {
            self.ask("PING").is_some_and(|answer| answer.starts_with("+PONG") || answer.starts_with("-NOAUTH"))
        });
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().and_then(|()| child.wait()).expect("it can be killed");
        }
    }

    /// `STOP` pauses the server, `CONT` continues it.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().expect("`kill` is there").success());
    }

    /// Sends a line and returns the beginning of the answer.
    pub(crate) fn ask(&self, line: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
        stream.write_all(format!("{line}\r\n").as_bytes()).ok()?;
        let mut answer = [0; 4096];
        let length = stream.read(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer[..length]).into_owned())
    }

    /// Sends a command that must succeed.
    pub(crate) fn tell(&self, line: &str) {
        let answer = self.ask(line);
        assert!(answer.as_ref().is_some_and(|answer| answer.starts_with('+')), "{line}: {answer:?}");
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn directory() -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = format!("cachemacro-link-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let directory = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&directory).expect("the temporary folder can be written to");
    directory
}

/// Waits until the condition holds, with a limit.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
