//! Programs that are found on the PATH, started, stopped and killed.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, kill_process_group};

/// Redis, or Valkey, which speaks the same.
const SERVERS: [&str; 2] = ["redis-server", "valkey-server"];

/// Reads until its standard input ends, which it does with the process that holds the other side, however that ends. Then
/// kills the group given first and removes the folder given second.
const GUARD: &str = r#"read -r _; kill -s KILL -- "-$0"; rm -rf -- "$1""#;

/// The file of a program's folder that has what it said.
const LOG: &str = "log";

static SERVER: OnceLock<Option<&'static str>> = OnceLock::new();

fn server() -> Option<&'static str> {
    *SERVER.get_or_init(|| SERVERS.iter().find(|name| is_there(name)).copied())
}

/// Whether there is a program of this name.
pub(crate) fn is_there(name: &str) -> bool {
    let mut command = Command::new(name);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}

/// Whether a server can be started on this machine.
#[must_use]
pub fn is_installed() -> bool {
    server().is_some()
}

/// A running server. Killed on drop with all it started, and by its guard where no drop happens.
pub(crate) struct Program {
    child: Child,
    guard: Child,
    log: PathBuf,
}

impl Program {
    /// # Panics
    /// Where no server is installed, with what to do about it.
    pub(crate) fn start(folder: &Path, arguments: &[String]) -> Self {
        let Some(name) = server() else {
            panic!(
                "neither redis-server nor valkey-server is on the PATH: `apt-get install redis-server`, \
                 or `cargo xtask test`, which does that where it may"
            );
        };
        let log = open_log(folder);
        let mut command = Command::new(name);
        command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone().expect("a file that was just opened"));
        Self::spawn(command, folder, log)
    }

    /// Starts what was described, in its folder, with this file of [`open_log`] for its errors.
    pub(crate) fn spawn(mut command: Command, folder: &Path, log: File) -> Self {
        // A group of its own: Ctrl-C in a terminal is for the tests, and a kill reaches the children that save.
        command.current_dir(folder).stderr(log).process_group(0);
        let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let guard = guard(&child, folder);
        Self { child, guard, log: folder.join(LOG) }
    }

    /// Its standard input and output.
    ///
    /// # Panics
    /// Where they are no pipes, or were taken already.
    pub(crate) fn pipes(&mut self) -> (ChildStdin, ChildStdout) {
        (self.child.stdin.take().expect("a pipe"), self.child.stdout.take().expect("a pipe"))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGSTOP: it holds its connections, and answers nothing.
    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub(crate) fn cont(&self) {
        self.signal(Signal::CONT);
    }

    /// What it said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn signal(&self, signal: Signal) {
        // Who has ended already needs none.
        let _ = kill_process_group(Pid::from_child(&self.child), signal);
    }
}

impl Drop for Program {
    /// The guard ends before the server is waited for: until then no other process can have its number.
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        let _ = self.child.wait();
    }
}

/// Emptied, so that why an earlier start failed is not read again.
pub(crate) fn open_log(folder: &Path) -> File {
    let file = OpenOptions::new().create(true).write(true).truncate(true).open(folder.join(LOG));
    file.expect("a file in a folder of our own")
}

fn guard(child: &Child, folder: &Path) -> Child {
    let group = child.id().to_string();
    let mut guard = Command::new("sh");
    guard.args([OsStr::new("-c"), OsStr::new(GUARD), OsStr::new(&group), folder.as_os_str()]);
    guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    guard.process_group(0).spawn().expect("every Unix has a shell")
}

/// A free port, with room for a cluster's bus 10,000 above it. Another process may take it before the server does: the
/// server then ends at once, and is started on another port.
///
/// Both are below 32,768, where Linux begins to take the ports of outgoing connections: while a server is down, none of
/// these takes its port.
pub(crate) fn free_port() -> u16 {
    use std::hash::{BuildHasher, RandomState};
    let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    loop {
        let port = 11_000 + u16::try_from(RandomState::new().hash_one(0) % 11_000).unwrap_or(0);
        if is_free(port) && is_free(port + 10_000) {
            return port;
        }
    }
}
