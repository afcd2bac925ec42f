//! A Redis server of a test's own.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachemacro_redis::Redis;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;

/// Killed on drop.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    dir: PathBuf,
    args: Vec<String>,
}

/// Another one each time.
pub(crate) fn namespace() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("test{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// One that leaves room for a cluster's bus, 10,000 above it.
fn free_port() -> u16 {
    loop {
        let port = some_port();
        let is_free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
        if is_free(port) && is_free(port + 10_000) {
            return port;
        }
    }
}

/// A number that two tests hardly share, and that no client's end of a connection has.
fn some_port() -> u16 {
    use std::hash::{BuildHasher, RandomState};
    10_000 + u16::try_from(RandomState::new().hash_one(0) % 12_000).unwrap_or(0)
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub(crate) async fn start_with(args: &[&str]) -> Self {
        let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        for _ in 0..5 {
            let port = free_port();
            let dir = std::env::temp_dir().join(format!("cachemacro-redis-{}-{port}", std::process::id()));
            std::fs::create_dir_all(&dir).expect("a folder");
            let child = spawn(port, &dir, &args);
            let mut server = Self { child, port, dir, args: args.clone() };
            if server.is_up().await {
                return server;
            }
        }
        panic!("redis-server does not start: see what it says to `redis-server --port 0`");
    }

    /// Kills it, and starts it again with what it last saved.
    pub(crate) async fn crash(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.child = spawn(self.port, &self.dir, &self.args);
        assert!(self.is_up().await, "redis-server does not come back on port {}", self.port);
    }

    /// Whether it answers. Another process may have taken its port before it did.
    async fn is_up(&mut self) -> bool {
        for _ in 0..1_000 {
            let ended = self.child.try_wait().expect("the server is a child of this process");
            if ended.is_some() {
                return false;
            }
            if let Ok(mut connection) = self.try_connect().await
                && redis::cmd("PING").query_async::<String>(&mut connection).await.is_ok()
            {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    async fn try_connect(&self) -> redis::RedisResult<MultiplexedConnection> {
        // Patient, as the machine may be busy.
        let patience = Some(Duration::from_secs(10));
        let config = AsyncConnectionConfig::new().set_connection_timeout(patience).set_response_timeout(patience);
        redis::Client::open(self.url())?.get_multiplexed_async_connection_with_config(&config).await
    }

    pub(crate) async fn connect(&self) -> MultiplexedConnection {
        self.try_connect().await.expect("the server answers")
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Patient: the machine may be busy.
    pub(crate) fn redis(&self) -> Redis {
        Redis::url(self.url()).expect("a URL").timeout(Duration::from_secs(5))
    }

    pub(crate) async fn ask<T: redis::FromRedisValue>(&self, command: &[&str]) -> T {
        let (name, args) = command.split_first().expect("a command");
        let answer = redis::cmd(name).arg(args).query_async(&mut self.connect().await).await;
        answer.unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    pub(crate) async fn keys(&self, pattern: &str) -> Vec<String> {
        let mut keys: Vec<String> = self.ask(&["KEYS", pattern]).await;
        keys.sort();
        keys
    }

    pub(crate) async fn delete(&self, pattern: &str) {
        for key in self.keys(pattern).await {
            self.ask::<u64>(&["DEL", &key]).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Three primaries that share the slots.
#[cfg(feature = "cluster")]
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
}

#[cfg(feature = "cluster")]
impl Cluster {
    pub(crate) async fn start() -> Self {
        let mut nodes = Vec::new();
        for _ in 0..3 {
            nodes.push(Server::start_with(&["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"]).await);
        }
        for (node, (from, to)) in nodes.iter().zip([("0", "5460"), ("5461", "10922"), ("10923", "16383")]) {
            node.ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", from, to]).await;
            node.ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", &nodes[0].port.to_string()]).await;
        }
        for node in &nodes {
            let mut attempts = 0;
            while !node.ask::<String>(&["CLUSTER", "INFO"]).await.contains("cluster_state:ok") {
                attempts += 1;
                assert!(attempts < 500, "the cluster does not come together");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Self { nodes }
    }

    pub(crate) fn redis(&self) -> Redis {
        Redis::cluster(self.nodes.iter().map(Server::url)).expect("URLs").timeout(Duration::from_secs(5))
    }
}

fn spawn(port: u16, dir: &std::path::Path, args: &[String]) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]).arg(dir).args(args);
    command.stdout(Stdio::null()).spawn().expect("redis-server is installed: apt-get install redis-server")
}
