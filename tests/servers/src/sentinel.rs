//! A primary, two replicas, and three sentinels that watch them.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::program::{Program, free_port};
use crate::replication;
use crate::resp;
use crate::standalone::Standalone;
use crate::wait;

const MASTER: &str = "mymaster";
const SENTINELS: usize = 3;
const REPLICAS: usize = 2;

/// Servers behind Sentinel. Killed on drop.
///
/// A primary counts as down after 800 ms of silence; two of the three sentinels have to agree. One failover takes some
/// 1.5 s.
pub struct Sentinel {
    /// The first primary, the replica that comes next, the other one.
    servers: Vec<Standalone>,
    sentinels: Vec<Watch>,
}

/// One sentinel. Dropped in this order.
struct Watch {
    _program: Program,
    port: u16,
    _folder: TempDir,
}

impl Sentinel {
    /// Starts everything, and waits until the replicas follow and the sentinels agree.
    ///
    /// # Panics
    /// Where something does not start.
    #[must_use]
    pub fn start() -> Self {
        // The smallest number comes first, the first primary last.
        let server = |priority| Standalone::start(replication::options().with(&["--replica-priority", priority]));
        let servers = vec![server("3"), server("1"), server("2")];
        let port = servers[0].port().to_string();
        for replica in &servers[1..] {
            replica.expect(&["REPLICAOF", "127.0.0.1", &port]);
        }
        let sentinels = watch(&servers.iter().map(Standalone::port).collect::<Vec<_>>());
        let this = Self { servers, sentinels };
        this.agree();
        this
    }

    /// The sentinels, as the client wants them.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.sentinels.iter().map(|sentinel| format!("redis://127.0.0.1:{}", sentinel.port)).collect()
    }

    /// What they call what they watch.
    #[must_use]
    pub fn master(&self) -> &'static str {
        MASTER
    }

    /// The primary of now, as the sentinels have it. During a failover that is still the old one.
    ///
    /// # Panics
    /// If a sentinel does not answer.
    #[must_use]
    pub fn primary(&self) -> &Standalone {
        &self.servers[self.primary_at()]
    }

    /// The replica that becomes the first primary's successor.
    #[must_use]
    pub fn replica(&self) -> &Standalone {
        &self.servers[1]
    }

    /// All three servers, in the order in which they become primaries: the first primary first.
    #[must_use]
    pub fn servers(&self) -> &[Standalone] {
        &self.servers
    }

    /// What is written to the primary from now on never reaches the replicas, and is lost with a failover. Until
    /// [`Sentinel::heal`].
    ///
    /// After some 8 s the sentinels do not trust the replicas any more, and no failover happens.
    ///
    /// # Panics
    /// If the primary is down.
    pub fn cut_replication(&self) {
        replication::cut(self.primary());
    }

    /// Split brain: the primary is cut off from sentinels and replicas, while all other clients still reach it and get
    /// answers. Waits until the sentinels have made a replica another primary. Lasts until [`Sentinel::heal`].
    ///
    /// # Panics
    /// If they do not.
    pub fn isolate_primary(&self) {
        let primary = self.primary_at();
        replication::isolate(&self.servers[primary]);
        self.succeed(primary);
    }

    /// Kills the primary, and returns before a sentinel has noticed.
    pub fn kill_primary(&mut self) {
        let primary = self.primary_at();
        self.servers[primary].kill9();
    }

    /// Kills the primary, and waits until the sentinels have made a replica one.
    ///
    /// # Panics
    /// If they do not.
    pub fn fail_over(&mut self) {
        let primary = self.primary_at();
        self.servers[primary].kill9();
        self.succeed(primary);
    }

    /// Asks the sentinels for a failover while the primary is up, and waits until it is done. The old primary becomes a
    /// replica a moment later, and forgets what the new one does not have.
    ///
    /// # Panics
    /// If it does not happen.
    pub fn switch_over(&self) {
        let primary = self.primary_at();
        // Refused until the sentinels have heard that the replicas came back from the last one.
        wait::until("no failover begins", || self.ask(&["SENTINEL", "FAILOVER", MASTER]));
        self.succeed(primary);
    }

    /// Starts again who was killed, mends what was cut, and waits until both replicas follow.
    ///
    /// # Panics
    /// If they do not.
    pub fn heal(&mut self) {
        self.servers.iter_mut().filter(|server| !server.is_up()).for_each(Standalone::restart);
        self.servers.iter().for_each(replication::mend);
        self.agree();
    }

    /// Waits until another than `before` is the primary, and all sentinels say so.
    fn succeed(&self, before: usize) {
        wait::until("no failover happens", || {
            let now = self.primary_at();
            wait::check(now != before && replication::is_primary(&self.servers[now]), format!("{now} is the primary"))
        });
        wait::until("the sentinels do not agree", || {
            let mut names = self.sentinels.iter().map(address);
            let first = names.next();
            wait::check(names.all(|name| Some(name) == first.clone()), "they name different primaries".to_owned())
        });
    }

    fn primary_at(&self) -> usize {
        let port = wait::until("a sentinel does not answer", || address(&self.sentinels[0]));
        let known = self.servers.iter().position(|server| server.port() == port);
        known.expect("the sentinels know our servers only")
    }

    fn ask(&self, words: &[&str]) -> Result<String, String> {
        resp::command(self.sentinels[0].port, words).map_err(|error| error.to_string())
    }

    /// Until there is one primary which the others follow, and each sentinel sees it so.
    fn agree(&self) {
        wait::until("the replicas do not follow", || {
            let replicas = self.servers.iter().filter(|server| !replication::is_primary(server));
            let follow: Vec<_> = replicas.map(replication::follows).collect::<Result<_, _>>()?;
            wait::check(follow.len() == REPLICAS, format!("there are {} replicas", follow.len()))
        });
        for sentinel in &self.sentinels {
            wait::until("the sentinels do not agree", || sees_all(sentinel));
        }
    }
}

/// Starts the sentinels, each knowing of the others and of the replicas: they would find each other, but in seconds.
fn watch(servers: &[u16]) -> Vec<Watch> {
    for _ in 0..10 {
        let ports: Vec<u16> = (0..SENTINELS).map(|_| free_port()).collect();
        let sentinels: Option<Vec<Watch>> = (0..SENTINELS).map(|at| start(at, &ports, servers)).collect();
        if let Some(sentinels) = sentinels {
            return sentinels;
        }
    }
    panic!("no sentinel starts");
}

/// `None` where another process has the port.
fn start(at: usize, ports: &[u16], servers: &[u16]) -> Option<Watch> {
    let folder = tempfile::Builder::new().prefix("cachemacro-").tempdir().expect("a temporary folder");
    let (port, file) = (ports[at], folder.path().join("sentinel.conf"));
    fs::write(&file, settings(at, ports, servers)).expect("a folder of our own");
    let mut program = Program::start(folder.path(), &[path(&file), "--sentinel".to_owned()]);
    let runs = wait::until("a sentinel does not start", || {
        if !program.is_running() {
            let log = program.log();
            assert!(log.contains("Address already in use"), "the sentinel ended at once:\n{log}");
            return Ok(false);
        }
        let info = resp::command(port, &["INFO", "server"]).map_err(|error| error.to_string())?;
        wait::check(resp::field(&info, "process_id") == Some(&program.id().to_string()), "another's port".to_owned())?;
        Ok::<_, String>(true)
    });
    // So that they hear of changes in half a second and not in ten; and that on a machine that stood still for two
    // seconds they pause for one and not for thirty. Older ones cannot.
    let pace = ["info-period", "500", "publish-period", "500", "tilt-period", "1000"];
    let _ = resp::command(port, &[&["SENTINEL", "DEBUG"], &pace[..]].concat());
    runs.then_some(Watch { _program: program, port, _folder: folder })
}

fn settings(at: usize, ports: &[u16], servers: &[u16]) -> String {
    let name = |at: usize| format!("{at:040x}");
    let mut settings = format!(
        "port {}\nbind 127.0.0.1\nprotected-mode no\nsentinel myid {}\nsentinel monitor {MASTER} 127.0.0.1 {} 2\n\
         sentinel down-after-milliseconds {MASTER} 800\nsentinel failover-timeout {MASTER} 4000\n\
         sentinel parallel-syncs {MASTER} 2\n",
        ports[at],
        name(at + 1),
        servers[0]
    );
    for replica in &servers[1..] {
        settings += &format!("sentinel known-replica {MASTER} 127.0.0.1 {replica}\n");
    }
    for (other, port) in ports.iter().enumerate().filter(|(other, _)| *other != at) {
        settings += &format!("sentinel known-sentinel {MASTER} 127.0.0.1 {port} {}\n", name(other + 1));
    }
    settings
}

fn path(file: &Path) -> String {
    file.display().to_string()
}

/// The port of the primary, as this sentinel has it.
fn address(sentinel: &Watch) -> Result<u16, String> {
    let answer = resp::command(sentinel.port, &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER]);
    let answer = answer.map_err(|error| error.to_string())?;
    answer.lines().nth(1).and_then(|port| port.parse().ok()).ok_or(answer)
}

/// Whether the primary, both replicas and both other sentinels are up as this one sees it.
fn sees_all(sentinel: &Watch) -> Result<(), String> {
    let ask = |what: &str| resp::command(sentinel.port, &["SENTINEL", what, MASTER]).map_err(|error| error.to_string());
    let values = |text: &str, name: &str| -> Vec<String> {
        text.lines()
            .zip(text.lines().skip(1))
            .filter(|(line, _)| *line == name)
            .map(|(_, next)| next.to_owned())
            .collect()
    };
    let (master, replicas, others) = (ask("MASTER")?, ask("REPLICAS")?, ask("SENTINELS")?);
    wait::check(values(&master, "flags") == ["master"], master)?;
    wait::check(values(&replicas, "flags") == ["slave"; REPLICAS], replicas.clone())?;
    wait::check(values(&replicas, "master-link-status") == ["ok"; REPLICAS], replicas)?;
    wait::check(values(&others, "flags") == ["sentinel"; SENTINELS - 1], others)
}
