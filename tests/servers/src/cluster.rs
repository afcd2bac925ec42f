//! A cluster of three primaries and three replicas.

use crate::replication;
use crate::resp::Error;
use crate::standalone::Standalone;
use crate::wait;

const PRIMARIES: usize = 3;
const NODES: usize = 2 * PRIMARIES;
const SLOTS: u16 = 16_384;

/// Servers that are a cluster. Killed on drop.
///
/// A node counts as down after a second of silence. One failover takes some 2.5 s.
pub struct Cluster {
    /// The first primaries, then the first replica of each.
    nodes: Vec<Standalone>,
}

/// A slot on its way: see [`Cluster::begin_migration`].
#[derive(Debug)]
#[must_use = "the slot stays on its way until the migration is finished"]
pub struct Migration {
    slot: String,
    from: usize,
    to: usize,
}

/// One line of `CLUSTER NODES`.
struct Line<'a> {
    flags: &'a str,
    epoch: u64,
    slots: Vec<&'a str>,
}

impl Cluster {
    /// Starts six nodes, makes them a cluster, and waits until all of them see it whole.
    ///
    /// # Panics
    /// Where something does not start.
    #[must_use]
    pub fn start() -> Self {
        let cluster = Self { nodes: (0..NODES).map(|_| node()).collect() };
        cluster.share_slots();
        cluster.meet();
        cluster.replicate();
        cluster.settle();
        cluster
    }

    /// All nodes, as the client wants them.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Standalone::url).collect()
    }

    /// All nodes: the first three primaries, then the first replica of each.
    #[must_use]
    pub fn nodes(&self) -> &[Standalone] {
        &self.nodes
    }

    /// Where in [`Cluster::nodes`] the primary is that serves `key` now. Waits for it through a failover.
    ///
    /// # Panics
    /// If there is none for long.
    pub fn owner_of(&self, key: &str) -> usize {
        let slot = self.slot_of(key);
        wait::until("no node serves the slot", || self.owner(slot).ok_or(slot))
    }

    /// The primary that serves `key` now.
    ///
    /// # Panics
    /// If there is none for long.
    #[must_use]
    pub fn primary_of(&self, key: &str) -> &Standalone {
        &self.nodes[self.owner_of(key)]
    }

    /// Kills the primary that serves `key`, and returns its index in [`Cluster::nodes`], before another node has
    /// noticed. [`Cluster::owner_of`] then waits for its successor.
    ///
    /// # Panics
    /// If there is none for long.
    pub fn kill_primary_of(&mut self, key: &str) -> usize {
        let owner = self.owner_of(key);
        self.nodes[owner].kill9();
        owner
    }

    /// What is written to the primary that serves `key` from now on never reaches its replica, and is lost with a
    /// failover. Until [`Cluster::heal`].
    ///
    /// # Panics
    /// If the primary does not answer.
    pub fn cut_replication_of(&self, key: &str) {
        replication::cut(self.primary_of(key));
    }

    /// Makes the replica of the primary that serves `key` its successor while both are up, and waits for it. Nothing that
    /// was replicated is lost; what was not, for [`Cluster::cut_replication_of`], is.
    ///
    /// # Panics
    /// If it does not happen.
    pub fn switch_over(&self, key: &str) {
        let before = self.owner_of(key);
        let id = self.id(before);
        let is_replica = |at: &&Standalone| myself(at).is_ok_and(|line| line.contains(&format!(" {id} ")));
        let replica = self.nodes.iter().find(is_replica).expect("every primary has a replica");
        replica.expect(&["CLUSTER", "FAILOVER", "TAKEOVER"]);
        wait::until("no failover happens", || wait::check(self.owner_of(key) != before, "not yet".to_owned()));
    }

    /// Moves the slot of `key` with everything in it to another primary, while it is served.
    ///
    /// # Panics
    /// If a node does not play along.
    pub fn migrate_slot(&self, key: &str) {
        let migration = self.begin_migration(key);
        self.finish_migration(migration);
    }

    /// Opens the slot of `key` for a migration: what its primary does not have is asked of another one (ASK).
    ///
    /// # Panics
    /// If a node does not play along.
    pub fn begin_migration(&self, key: &str) -> Migration {
        let from = self.owner_of(key);
        let is_target =
            |at: &usize| *at != from && self.nodes[*at].is_up() && replication::is_primary(&self.nodes[*at]);
        let to = (from + 1..NODES).chain(0..from).find(is_target).expect("another primary");
        let slot = self.slot_of(key).to_string();
        self.nodes[to].expect(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &self.id(from)]);
        self.nodes[from].expect(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &self.id(to)]);
        Migration { slot, from, to }
    }

    /// Moves everything in the slot, and then the slot (MOVED).
    ///
    /// # Panics
    /// If a node does not play along.
    pub fn finish_migration(&self, migration: Migration) {
        let Migration { slot, from, to } = migration;
        let port = self.nodes[to].port().to_string();
        loop {
            let keys = self.nodes[from].expect(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"]);
            if keys.is_empty() {
                break;
            }
            let words = ["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            self.nodes[from].expect(&words.into_iter().chain(keys.lines()).collect::<Vec<_>>());
        }
        let id = self.id(to);
        // The new owner first: there is no moment without one.
        let others = (0..NODES).filter(|at| ![from, to].contains(at));
        for node in [to, from].into_iter().chain(others).map(|at| &self.nodes[at]) {
            if node.is_up() && replication::is_primary(node) {
                node.expect(&["CLUSTER", "SETSLOT", &slot, "NODE", &id]);
            }
        }
    }

    /// Starts again who was killed, mends what was cut, and waits until all nodes see the cluster whole.
    ///
    /// # Panics
    /// If they do not.
    pub fn heal(&mut self) {
        self.nodes.iter_mut().filter(|node| !node.is_up()).for_each(Standalone::restart);
        self.nodes.iter().for_each(replication::mend);
        self.settle();
    }

    fn share_slots(&self) {
        for (at, node) in self.nodes.iter().enumerate() {
            node.expect(&["CLUSTER", "SET-CONFIG-EPOCH", &(at + 1).to_string()]);
        }
        for (at, node) in self.nodes[..PRIMARIES].iter().enumerate() {
            let border = |at: usize| at * usize::from(SLOTS) / PRIMARIES;
            let (first, last) = (border(at).to_string(), (border(at + 1) - 1).to_string());
            node.expect(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]);
        }
    }

    /// Each node meets each other node: through gossip it would take longer.
    fn meet(&self) {
        for (at, node) in self.nodes.iter().enumerate() {
            for other in &self.nodes[at + 1..] {
                node.expect(&["CLUSTER", "MEET", "127.0.0.1", &other.port().to_string()]);
            }
        }
        for node in &self.nodes {
            wait::until("the nodes do not meet", || {
                let nodes = answer(node, &["CLUSTER", "NODES"])?;
                wait::check(nodes.lines().count() == NODES && !nodes.contains("handshake"), nodes)
            });
        }
    }

    fn replicate(&self) {
        for (at, node) in self.nodes.iter().enumerate().skip(PRIMARIES) {
            node.expect(&["CLUSTER", "REPLICATE", &self.id(at - PRIMARIES)]);
        }
    }

    /// Until every node sees all slots served and all nodes up, and every replica follows.
    fn settle(&self) {
        for node in &self.nodes {
            wait::until("the cluster does not come up", || {
                let info = answer(node, &["CLUSTER", "INFO"])?;
                wait::check(info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384"), info)?;
                let nodes = answer(node, &["CLUSTER", "NODES"])?;
                let count = |flag| lines(&nodes).filter(|line| line.flags.split(',').any(|own| own == flag)).count();
                let is_down = nodes.contains("fail") || nodes.contains("disconnected");
                wait::check(count("master") == PRIMARIES && count("slave") == PRIMARIES && !is_down, nodes)?;
                if replication::is_primary(node) { Ok(()) } else { replication::follows(node) }
            });
        }
    }

    fn slot_of(&self, key: &str) -> u16 {
        let node = self.nodes.iter().find(|node| node.is_up()).expect("a node that is up");
        node.expect(&["CLUSTER", "KEYSLOT", key]).parse().expect("a number")
    }

    /// The node that says it serves the slot; if two do, one has not heard yet that the other won.
    fn owner(&self, slot: u16) -> Option<usize> {
        let claim = |at: usize| {
            let line = myself(&self.nodes[at]).ok()?;
            let line = lines(&line).next()?;
            line.slots.iter().any(|range| contains(range, slot)).then_some((line.epoch, at))
        };
        (0..NODES).filter(|at| self.nodes[*at].is_up()).filter_map(claim).max().map(|(_, at)| at)
    }

    fn id(&self, at: usize) -> String {
        self.nodes[at].expect(&["CLUSTER", "MYID"])
    }
}

fn node() -> Standalone {
    Standalone::start(replication::options().with(&[
        "--cluster-enabled",
        "yes",
        "--cluster-node-timeout",
        "1000",
        // A replica may always succeed, also one that was cut off for long; and stays with its primary.
        "--cluster-replica-validity-factor",
        "0",
        "--cluster-allow-replica-migration",
        "no",
    ]))
}

fn answer(node: &Standalone, words: &[&str]) -> Result<String, String> {
    node.command(words).map_err(|error| error.to_string())
}

/// What a node says of itself, as in `CLUSTER NODES`.
fn myself(node: &Standalone) -> Result<String, Error> {
    let nodes = node.command(&["CLUSTER", "NODES"])?;
    Ok(nodes.lines().find(|line| line.contains("myself")).unwrap_or_default().to_owned())
}

/// `<id> <address> <flags> <primary> <ping> <pong> <epoch> <link> <slot>…`
fn lines(nodes: &str) -> impl Iterator<Item = Line<'_>> {
    nodes.lines().filter_map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let (&[_, _, flags, _, _, _, epoch, _], slots) = words.split_first_chunk()?;
        Some(Line { flags, epoch: epoch.parse().ok()?, slots: slots.to_vec() })
    })
}

/// Whether a range is `<first>-<last>` or one slot, and has `slot`. A slot on its way, `[<slot>->-<id>]`, is in another.
fn contains(range: &str, slot: u16) -> bool {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    match (first.parse::<u16>(), last.parse::<u16>()) {
        (Ok(first), Ok(last)) => (first..=last).contains(&slot),
        _ => false,
    }
}
