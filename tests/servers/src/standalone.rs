//! One server.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::program::{Program, free_port};
use crate::resp::{self, Error};
use crate::wait;

const SNAPSHOT: &str = "dump.rdb";
const APPEND_ONLY: &str = "appendonlydir";

/// What a server is started with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    arguments: Vec<String>,
    password: Option<String>,
    is_append_only: bool,
}

impl Options {
    /// Settings of the command line, `["--maxmemory", "8mb"]`. Without any nothing is saved but on `SAVE`.
    #[must_use]
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// Saves every command before it is answered (`appendfsync always`): a crash loses nothing.
    #[must_use]
    pub fn append_only(mut self) -> Self {
        self.is_append_only = true;
        self.with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// No more memory than this, with a policy such as `allkeys-lru`, or `noeviction` for writes that are refused.
    #[must_use]
    pub fn max_memory(self, bytes: u64, policy: &str) -> Self {
        self.with(&["--maxmemory", &bytes.to_string(), "--maxmemory-policy", policy])
    }

    /// A password for all users (`requirepass`), which is in [`Standalone::url`].
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.with(&["--requirepass", password])
    }

    /// A user with rules of `ACL SETUSER`, `["~*", "&*", "+@all", "-flushall"]`; see [`Standalone::url_of`].
    #[must_use]
    pub fn user(self, name: &str, password: &str, rules: &[&str]) -> Self {
        self.with(&["--user", name, "on", &format!(">{password}")]).with(rules)
    }
}

/// What a server knew at one moment.
#[derive(Clone)]
pub struct Snapshot(Vec<u8>);

/// A server of one's own, in a temporary folder, on a free loopback port. Killed on drop.
pub struct Standalone {
    /// None while it is down. Before its folder, which it is not to miss.
    program: Option<Program>,
    port: u16,
    folder: TempDir,
    options: Options,
}

impl Standalone {
    /// Starts a server, and waits until it answers.
    ///
    /// # Panics
    /// Where no server is installed, or it does not start.
    #[must_use]
    pub fn start(options: Options) -> Self {
        // Another program may take a free port before the server does.
        for _ in 0..10 {
            let folder = tempfile::Builder::new().prefix("cachemacro-").tempdir().expect("a temporary folder");
            let mut server = Self { program: None, port: free_port(), folder, options: options.clone() };
            if server.launch() {
                return server;
            }
        }
        panic!("no server starts; its options are {options:?}");
    }

    /// Whether it runs now; if not, another process has the port.
    fn launch(&mut self) -> bool {
        let port = self.port.to_string();
        let own = ["--port", &port, "--bind", "127.0.0.1", "--save", "", "--dir", ".", "--enable-debug-command", "yes"];
        let arguments: Vec<_> = own.iter().map(ToString::to_string).chain(self.options.arguments.clone()).collect();
        let mut program = Program::start(self.folder.path(), &arguments);
        let runs = wait::until("the server does not start", || {
            if program.is_running() {
                return self.check(&program).map(|()| true);
            }
            let log = program.log();
            assert!(log.contains("Address already in use"), "the server ended at once:\n{log}");
            Ok(false)
        });
        self.program = runs.then_some(program);
        runs
    }

    /// Whether it is this program that answers, and no other that has the port.
    fn check(&self, program: &Program) -> Result<(), String> {
        let describe = |error| format!("{error}; its log is\n{}", program.log());
        // Not answered before everything is loaded, other than INFO.
        self.command(&["PING"]).map_err(describe)?;
        let info = self.command(&["INFO", "server"]).map_err(describe)?;
        wait::check(resp::field(&info, "process_id") == Some(&program.id().to_string()), "another's port".to_owned())
    }

    /// `redis://127.0.0.1:<port>`, with the password if there is one.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.port)
    }

    /// The same with the port of a [`Proxy`](crate::Proxy) in front of it.
    #[must_use]
    pub fn url_at(&self, port: u16) -> String {
        let password = self.options.password.as_ref().map(|password| format!(":{password}@")).unwrap_or_default();
        format!("redis://{password}127.0.0.1:{port}")
    }

    /// For one of its users.
    #[must_use]
    pub fn url_of(&self, user: &str, password: &str) -> String {
        format!("redis://{user}:{password}@127.0.0.1:{}", self.port)
    }

    /// Its port, also while it is down.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.program.as_ref().map(Program::id)
    }

    /// Sends a command, `["CONFIG", "SET", "maxmemory", "1mb"]`. Arrays come back as lines.
    ///
    /// # Errors
    /// [`Error`], also where the server is down.
    pub fn command(&self, words: &[&str]) -> Result<String, Error> {
        resp::command_with(self.port, self.options.password.as_deref(), words)
    }

    /// A command that cannot fail.
    #[track_caller]
    pub(crate) fn expect(&self, words: &[&str]) -> String {
        self.command(words).unwrap_or_else(|error| panic!("{}: {error}", words.join(" ")))
    }

    /// Whether it was started and not killed since.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.program.is_some()
    }

    /// SIGKILL.
    pub fn kill9(&mut self) {
        self.program = None;
    }

    /// Kills it if it runs, and starts it on the same port with what it last saved.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&mut self) {
        self.kill9();
        wait::until("the server does not start again", || {
            wait::check(self.launch(), format!("another process has port {}", self.port))
        });
    }

    /// As [`Standalone::restart`], with nothing.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart_empty(&mut self) {
        self.kill9();
        self.forget();
        self.restart();
    }

    /// As [`Standalone::restart`], with what it knew then.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart_with(&mut self, snapshot: &Snapshot) {
        self.kill9();
        self.forget();
        if self.options.is_append_only {
            self.begin_append_only(snapshot);
        } else {
            fs::write(self.file(SNAPSHOT), &snapshot.0).expect("a folder of our own");
        }
        self.restart();
    }

    /// Saves what is there now, for a [`Standalone::restart`] that forgets everything since, and for a later
    /// [`Standalone::restart_with`].
    ///
    /// # Panics
    /// If the server cannot save.
    pub fn snapshot(&self) -> Snapshot {
        self.expect(&["SAVE"]);
        Snapshot(fs::read(self.file(SNAPSHOT)).expect("a file that was just saved"))
    }

    /// A server with an append-only file looks at no snapshot, unless it is the first part of that file.
    fn begin_append_only(&self, snapshot: &Snapshot) {
        let folder = self.file(APPEND_ONLY);
        let base = "appendonly.aof.1.base.rdb";
        fs::create_dir(&folder).expect("a folder of our own");
        fs::write(folder.join(base), &snapshot.0).expect("a folder of our own");
        let manifest = format!("file {base} seq 1 type b\n");
        fs::write(folder.join("appendonly.aof.manifest"), manifest).expect("a folder of our own");
    }

    fn forget(&self) {
        // Neither need be there.
        let _ = fs::remove_file(self.file(SNAPSHOT));
        let _ = fs::remove_dir_all(self.file(APPEND_ONLY));
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// SIGSTOP: it holds its connections, and answers nothing.
    pub fn stop(&self) {
        self.program.as_ref().inspect(|program| program.stop());
    }

    /// SIGCONT: it does what arrived meanwhile.
    pub fn cont(&self) {
        self.program.as_ref().inspect(|program| program.cont());
    }
}
