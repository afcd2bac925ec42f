//! Consumer groups on a real server: every event at least once, whatever dies.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cachemacro::store::{Environment, Redis, SharedStore};
use cachemacro::{Cache, CacheEvent, Consumer, Group, SystemClock, cached, invalidates};
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize, CacheEvent)]
#[event(name = "order.paid", key = "order:<id>", version = version)]
struct OrderPaid {
    id: u64,
    version: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated {
    id: u64,
    version: u64,
}

/// A server of its own, killed on drop.
struct Server {
    child: Child,
    port: u16,
    folder: std::path::PathBuf,
    is_durable: bool,
}

impl Server {
    async fn start() -> Self {
        Self::start_as(false).await
    }

    async fn start_as(is_durable: bool) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
        let folder = std::env::temp_dir().join(format!("cachemacro-bus-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let child = spawn(port, &folder, is_durable);
        let server = Self { child, port, folder, is_durable };
        server.wait().await;
        server
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    async fn revive(&mut self) {
        self.child = spawn(self.port, &self.folder, self.is_durable);
        self.wait().await;
    }

    async fn wait(&self) {
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            if let Ok(mut connection) = self.try_connect().await
                && redis::cmd("PING").query_async::<String>(&mut connection).await.is_ok()
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("redis-server does not answer");
    }

    async fn try_connect(&self) -> redis::RedisResult<MultiplexedConnection> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port))?;
        // Patient, as the machine may be busy.
        let patience = Some(Duration::from_secs(10));
        let config = AsyncConnectionConfig::new().set_connection_timeout(patience).set_response_timeout(patience);
        client.get_multiplexed_async_connection_with_config(&config).await
    }

    async fn ask<T: redis::FromRedisValue>(&self, line: &[&str]) -> T {
        let mut connection = self.try_connect().await.expect("a connection");
        let mut command = redis::cmd(line[0]);
        command.arg(&line[1..]).query_async(&mut connection).await.unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    /// As the store announces it.
    async fn announce(&self, event: &str, body: &str) -> String {
        self.ask(&["XADD", EVENTS, "*", "n", "1", "life", LIFE, "moves", "next a", "event", event, "body", body]).await
    }

    async fn pay(&self, ids: std::ops::Range<u64>) {
        for id in ids {
            let event = OrderPaid { id, version: 1 };
            self.announce("order.paid", &event.wire().expect("serializable")).await;
        }
    }

    fn group(&self, name: &str) -> Group {
        let redis = Redis::url(format!("redis://127.0.0.1:{}", self.port)).expect("a URL");
        let environment = Environment::new("shop", Arc::new(SystemClock), Duration::ZERO);
        let log = redis.timeout(Duration::from_secs(2)).connect(&environment).log.expect("Redis has a log");
        Group::new(log, name).backoff(Duration::from_millis(20)).claim_after(Duration::from_millis(400))
    }

    /// Waits until the group is there: before, its first events are none of its.
    async fn joined(&self, group: &str) {
        self.groups_are(|groups| groups.iter().any(|name| name == group)).await;
    }

    async fn groups_are(&self, right: impl Fn(&[String]) -> bool) {
        until("the group is there", || async {
            let mut connection = self.try_connect().await.expect("a connection");
            let info: redis::RedisResult<Vec<BTreeMap<String, redis::Value>>> =
                redis::cmd("XINFO").arg("GROUPS").arg(EVENTS).query_async(&mut connection).await;
            let name = |group: BTreeMap<String, redis::Value>| {
                redis::from_redis_value::<String>(group.get("name").cloned().unwrap_or_default()).unwrap_or_default()
            };
            right(&info.unwrap_or_default().into_iter().map(name).collect::<Vec<_>>())
        })
        .await;
    }

    async fn pending(&self, group: &str) -> u64 {
        let (count, ..): (u64, redis::Value, redis::Value, redis::Value) = self.ask(&["XPENDING", EVENTS, group]).await;
        count
    }

    async fn consumers(&self, group: &str) -> usize {
        self.ask::<Vec<redis::Value>>(&["XINFO", "CONSUMERS", EVENTS, group]).await.len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

const EVENTS: &str = "{shop}:events";
const LIFE: &str = "00000000000000aa";

fn spawn(port: u16, folder: &std::path::Path, is_durable: bool) -> Child {
    let durable = if is_durable { "yes" } else { "no" };
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", durable])
        .args(["--appendfsync", "always", "--dir"])
        .arg(folder)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed (apt-get install redis-server)")
}

async fn until<F: Future<Output = bool>>(what: &str, check: impl Fn() -> F) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !check().await {
        assert!(Instant::now() < deadline, "not in 20 s: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What handlers were given, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u64>>>);

impl Log {
    fn add(&self, id: u64) {
        self.0.lock().expect("no handler panics here").push(id);
    }

    fn all(&self) -> Vec<u64> {
        self.0.lock().expect("no handler panics here").clone()
    }

    fn set(&self) -> BTreeSet<u64> {
        self.all().into_iter().collect()
    }

    async fn has(&self, ids: std::ops::Range<u64>) {
        let wanted: BTreeSet<u64> = ids.collect();
        until(&format!("{wanted:?} were handled"), || async { self.set().is_superset(&wanted) }).await;
    }

    fn handler(&self) -> impl Fn(OrderPaid) -> std::future::Ready<Result<(), String>> + Send + Sync + 'static + use<> {
        let log = self.clone();
        move |event: OrderPaid| {
            log.add(event.id);
            std::future::ready(Ok(()))
        }
    }
}

#[tokio::test]
async fn every_group_gets_every_event_and_its_consumers_share_them() {
    let server = Server::start().await;
    let (first, second, other) = (Log::default(), Log::default(), Log::default());
    // Slow enough that one consumer alone would not be done before the other has looked.
    let slow = |log: &Log| {
        let log = log.clone();
        move |event: OrderPaid| {
            let log = log.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                log.add(event.id);
                Ok::<_, String>(())
            }
        }
    };
    let one = server.group("billing").on(slow(&first)).start();
    let two = server.group("billing").on(slow(&second)).start();
    let three = server.group("mail").on(other.handler()).start();
    server.joined("billing").await;
    server.joined("mail").await;
    server.pay(0..60).await;
    other.has(0..60).await;
    until("both have handled all", || async { one.handled() + two.handled() == 60 }).await;
    assert!(first.set().is_disjoint(&second.set()), "each event went to one of them");
    assert!(one.handled() > 5 && two.handled() > 5, "they shared: {} and {}", one.handled(), two.handled());
    assert_eq!(three.handled(), 60);
    assert_eq!(other.all(), (0..60).collect::<Vec<_>>(), "one consumer, in order");
    until("all is settled", || async { server.pending("billing").await == 0 }).await;
}

#[tokio::test]
async fn a_new_group_begins_with_what_comes_or_with_what_there_is() {
    let server = Server::start().await;
    server.pay(0..3).await;
    let (now, oldest) = (Log::default(), Log::default());
    let _now = server.group("now").on(now.handler()).start();
    let _oldest = server.group("oldest").from_start().on(oldest.handler()).start();
    server.joined("now").await;
    oldest.has(0..3).await;
    server.pay(3..5).await;
    oldest.has(0..5).await;
    now.has(3..5).await;
    assert_eq!(now.all(), [3, 4]);
}

#[tokio::test]
async fn a_failing_event_is_retried_and_then_a_dead_letter_that_can_be_replayed() {
    let server = Server::start().await;
    let (attempts, is_mended, log, other) =
        (Log::default(), Arc::new(AtomicU64::new(0)), Log::default(), Log::default());
    let handler = {
        let (attempts, is_mended, log) = (attempts.clone(), Arc::clone(&is_mended), log.clone());
        move |event: OrderPaid| {
            attempts.add(event.id);
            let is_bad = event.id == 1 && is_mended.load(SeqCst) == 0;
            if !is_bad {
                log.add(event.id);
            }
            std::future::ready(if is_bad { Err("the bank is closed") } else { Ok(()) })
        }
    };
    let consumer = server.group("billing").deliveries(3).on(handler).start();
    let _other = server.group("mail").on(other.handler()).start();
    server.joined("billing").await;
    server.joined("mail").await;
    let id = {
        server.pay(0..1).await;
        let id = server.announce("order.paid", r#"{"id":1,"version":1}"#).await;
        server.pay(2..3).await;
        id
    };
    until("it is dead", || async { consumer.dead() == 1 }).await;
    assert_eq!(log.set(), BTreeSet::from([0, 2]), "the others went on");
    assert_eq!(attempts.all().iter().filter(|id| **id == 1).count(), 3);
    assert_eq!((consumer.handled(), consumer.retried()), (2, 2));
    assert_eq!(server.pending("billing").await, 0);

    let desk = server.group("billing");
    let letters = desk.dead_letters().await.expect("the server is there");
    let [letter] = letters.as_slice() else { panic!("one letter, and not {letters:?}") };
    assert_eq!((letter.event.as_str(), letter.error.as_str()), ("order.paid", "the bank is closed"));
    assert_eq!((letter.first_id.as_str(), letter.deliveries), (id.as_str(), 3));
    assert_eq!(letter.body, r#"{"id":1,"version":1}"#);
    assert!(letter.died_at.elapsed().expect("in the past") < Duration::from_secs(60));

    // Still closed: it dies again, with its first id.
    assert_eq!(desk.replay_dead_letters().await.expect("the server is there"), 1);
    until("it is dead again", || async { consumer.dead() == 2 }).await;
    let again = desk.dead_letters().await.expect("the server is there").remove(0);
    assert_eq!((again.first_id.as_str(), again.deliveries), (id.as_str(), 3));
    assert_ne!(again.id, letter.id);

    is_mended.store(1, SeqCst);
    assert!(!desk.replay_dead_letter("1-1").await.expect("the server is there"), "no such letter");
    assert!(desk.replay_dead_letter(&again.id).await.expect("the server is there"));
    log.has(0..3).await;
    until("the letter is gone", || async { desk.dead_letters().await.expect("the server is there").is_empty() }).await;
    until("the group's own stream is empty", || async {
        server.ask::<u64>(&["XLEN", "{shop}:retry:billing"]).await == 0
    })
    .await;
    assert_eq!(other.all(), [0, 1, 2], "a replay is for its own group");
}

#[tokio::test]
async fn a_dead_letter_can_be_thrown_away() {
    let server = Server::start().await;
    let consumer = server.group("billing").deliveries(1).on(|_: OrderPaid| async { Err("no") }).start();
    server.joined("billing").await;
    server.pay(0..250).await;
    until("all are dead", || async { consumer.dead() == 250 }).await;
    let desk = server.group("billing");
    let letters = desk.dead_letters().await.expect("the server is there");
    assert_eq!(letters.len(), 250, "over several pages");
    assert!(desk.discard_dead_letter(&letters[7].id).await.expect("the server is there"));
    assert!(!desk.discard_dead_letter(&letters[7].id).await.expect("the server is there"));
    assert_eq!(
        desk.replay_dead_letters().await.expect("the server is there"),
        249,
        "and what dies again is not replayed"
    );
}

/// A process that dies: its runtime goes, and everything on it with no last word.
struct Doomed {
    runtime: Option<tokio::runtime::Runtime>,
    _consumer: Consumer,
}

impl Doomed {
    fn start(group: impl FnOnce() -> Consumer) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let entered = runtime.enter();
        let consumer = group();
        drop(entered);
        Self { runtime: Some(runtime), _consumer: consumer }
    }

    fn die(&mut self) {
        self.runtime.take().expect("it dies once").shutdown_background();
    }
}

#[tokio::test]
async fn what_a_dead_consumer_had_in_hand_is_handled_by_another() {
    let server = Server::start().await;
    let (began, log) = (Log::default(), Log::default());
    let mut doomed = Doomed::start(|| {
        let began = began.clone();
        let hang = move |event: OrderPaid| {
            began.add(event.id);
            std::future::pending::<Result<(), String>>()
        };
        server.group("billing").concurrency(3).on(hang).start()
    });
    server.joined("billing").await;
    server.pay(0..3).await;
    began.has(0..3).await;
    let consumer = server.group("billing").on(log.handler()).start();
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(log.all().is_empty(), "a handler that takes three times as long as a silence may is heard of");
    doomed.die();
    log.has(0..3).await;
    until("all is settled", || async { server.pending("billing").await == 0 }).await;
    assert_eq!(consumer.handled(), 3);
}

#[tokio::test]
async fn an_event_that_kills_its_consumers_is_buried_by_the_last() {
    let server = Server::start().await;
    let log = Log::default();
    let _: String = server.ask(&["XGROUP", "CREATE", EVENTS, "billing", "$", "MKSTREAM"]).await;
    server.pay(0..1).await;
    let _: redis::Value = server.ask(&["XREADGROUP", "GROUP", "billing", "a", "STREAMS", EVENTS, ">"]).await;
    let [id]: [String; 1] = {
        let pending: Vec<(String, String, u64, u64)> =
            server.ask(&["XPENDING", EVENTS, "billing", "-", "+", "9"]).await;
        [pending[0].0.clone()]
    };
    let _: redis::Value =
        server.ask(&["XCLAIM", EVENTS, "billing", "b", "0", &id, "RETRYCOUNT", "3", "IDLE", "99999", "JUSTID"]).await;
    let consumer = server.group("billing").deliveries(3).on(log.handler()).start();
    until("it is dead", || async { consumer.dead() == 1 }).await;
    assert!(log.all().is_empty());
    let letter = server.group("billing").dead_letters().await.expect("the server is there").remove(0);
    assert_eq!(letter.deliveries, 4);
    assert!(letter.error.contains("died"), "{}", letter.error);
}

#[tokio::test]
async fn what_no_handler_takes_is_skipped_and_what_none_can_read_is_dead() {
    let server = Server::start().await;
    let log = Log::default();
    let consumer = server.group("billing").on(log.handler()).start();
    server.joined("billing").await;
    server.announce("user.updated", "{}").await;
    let _: String = server.ask(&["XADD", EVENTS, "*", "n", "2", "life", LIFE, "moves", "next a"]).await;
    let _: String = server.ask(&["XADD", EVENTS, "*", "what", "ever"]).await;
    server.announce("order.paid", "{\"id\":").await;
    server.announce("order.paid", "{\"id\":\"text\",\"version\":1}").await;
    let _: String = server.ask(&["XADD", EVENTS, "*", "event", "order.paid"]).await;
    {
        let mut connection = server.try_connect().await.expect("a connection");
        let mut command = redis::cmd("XADD");
        command
            .arg(EVENTS)
            .arg("*")
            .arg(b"\xff\xfe")
            .arg(b"\xff")
            .arg("event")
            .arg("order.paid")
            .arg("body")
            .arg(b"{\xff");
        let _: String = command.query_async(&mut connection).await.expect("the server takes any bytes");
    }
    server.pay(0..1).await;
    log.has(0..1).await;
    until("four are dead", || async { consumer.dead() == 4 }).await;
    assert_eq!((consumer.handled(), consumer.skipped(), consumer.retried()), (1, 3, 0));
    let letters = server.group("billing").dead_letters().await.expect("the server is there");
    let mut errors: Vec<_> = letters.iter().map(|letter| letter.error.clone()).collect();
    errors.sort();
    assert!(errors[0].starts_with("the event came without a body"), "{errors:?}");
    assert!(errors[1].contains("does not fit its type: EOF"), "{errors:?}");
    assert!(errors[2].contains("does not fit its type: invalid type: string \"text\""), "{errors:?}");
    assert!(errors[3].contains("not UTF-8"), "{errors:?}");
    until("all is settled", || async { server.pending("billing").await == 0 }).await;
}

#[tokio::test]
async fn a_panic_and_a_hang_are_failures() {
    let server = Server::start().await;
    let log = Log::default();
    let handler = {
        let log = log.clone();
        move |event: OrderPaid| {
            let log = log.clone();
            async move {
                log.add(event.id);
                match event.id {
                    0 => panic!("order {}", event.id),
                    1 => std::future::pending().await,
                    _ => Ok::<_, String>(()),
                }
            }
        }
    };
    let consumer = server.group("billing").deliveries(2).timeout(Duration::from_millis(50)).on(handler).start();
    server.joined("billing").await;
    server.pay(0..3).await;
    until("both are dead", || async { consumer.dead() == 2 }).await;
    assert_eq!(consumer.handled(), 1);
    let mut all = log.all();
    all.sort_unstable();
    assert_eq!(all, [0, 0, 1, 1, 2]);
    let letters = server.group("billing").dead_letters().await.expect("the server is there");
    assert!(letters.iter().any(|letter| letter.error == "the handler panicked: order 0"), "{letters:?}");
    assert!(letters.iter().any(|letter| letter.error.contains("timeout of 50ms")), "{letters:?}");
}

/// Pays in the background, whatever happens to the server; returns what the server has confirmed.
async fn pay_through(port: u16, ids: std::ops::Range<u64>) -> BTreeSet<u64> {
    let mut paid = BTreeSet::new();
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).expect("a URL");
    for id in ids {
        let body = format!("{{\"id\":{id},\"version\":1}}");
        if let Ok(mut connection) = client.get_multiplexed_async_connection().await {
            let mut command = redis::cmd("XADD");
            command.arg(EVENTS).arg("*").arg("event").arg("order.paid").arg("body").arg(body);
            if command.query_async::<String>(&mut connection).await.is_ok() {
                paid.insert(id);
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    paid
}

#[tokio::test]
async fn no_event_is_lost_when_the_server_is_killed_and_comes_back() {
    let mut server = Server::start_as(true).await;
    let log = Log::default();
    let _one = server.group("billing").on(log.handler()).start();
    let _two = server.group("billing").on(log.handler()).concurrency(4).start();
    server.joined("billing").await;
    let paying = tokio::spawn(pay_through(server.port, 0..400));
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.kill();
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.revive().await;
    }
    let paid = paying.await.expect("no panic");
    assert!(paid.len() > 100, "the server was there most of the time");
    until("all confirmed events were handled", || async { log.set().is_superset(&paid) }).await;
    until("all is settled", || async { server.pending("billing").await == 0 }).await;
}

#[tokio::test]
async fn a_group_survives_the_loss_of_everything() {
    let mut server = Server::start().await;
    let log = Log::default();
    let (gate, release) = (Log::default(), Arc::new(tokio::sync::Notify::new()));
    let handler = {
        let (log, gate, release) = (log.clone(), gate.clone(), Arc::clone(&release));
        move |event: OrderPaid| {
            let (log, gate, release) = (log.clone(), gate.clone(), Arc::clone(&release));
            async move {
                if event.id == 1 {
                    gate.add(1);
                    release.notified().await;
                }
                log.add(event.id);
                Ok::<_, String>(())
            }
        }
    };
    let consumer = server.group("billing").on(handler).concurrency(2).start();
    server.joined("billing").await;
    server.pay(0..2).await;
    gate.has(1..2).await;
    // The ids of a new stream begin with the millisecond: in this one an event would have the id of one that is being handled.
    tokio::time::sleep(Duration::from_millis(3)).await;
    let _: String = server.ask(&["FLUSHALL"]).await;
    // At once, before the group is there again.
    server.pay(2..5).await;
    log.has(2..5).await;
    release.notify_one();
    log.has(0..5).await;
    assert_eq!(log.all().len(), 5, "nothing twice");

    server.kill();
    server.revive().await;
    server.pay(5..9).await;
    log.has(0..9).await;
    until("all is counted", || async { consumer.handled() == 9 }).await;
}

#[tokio::test]
async fn a_lost_group_goes_on_where_it_was() {
    let server = Server::start().await;
    let (log, is_bad) = (Log::default(), Arc::new(AtomicU64::new(1)));
    let handler = {
        let (log, is_bad) = (log.clone(), Arc::clone(&is_bad));
        move |event: OrderPaid| {
            let is_bad = event.id == 20 && is_bad.load(SeqCst) == 1;
            if !is_bad {
                log.add(event.id);
            }
            std::future::ready(if is_bad { Err("not yet") } else { Ok(()) })
        }
    };
    let group = || server.group("billing").backoff(Duration::from_millis(400)).deliveries(99);
    let consumer = group().on(handler).start();
    server.joined("billing").await;
    server.pay(0..21).await;
    log.has(0..20).await;
    // Longer than a tick: the consumer has noted how far the group is.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let _: u64 = server.ask(&["XGROUP", "DESTROY", EVENTS, "billing"]).await;
    server.pay(21..30).await;
    server.joined("billing").await;
    is_bad.store(0, SeqCst);
    log.has(0..30).await;
    assert_eq!(log.all().len(), 30, "what was settled did not come again");
    assert_eq!(consumer.dead(), 0);
}

#[tokio::test]
async fn a_consumer_that_stops_leaves_nothing_behind() {
    let server = Server::start().await;
    let (began, log) = (Log::default(), Log::default());
    let slow = {
        let (began, log) = (began.clone(), log.clone());
        move |event: OrderPaid| {
            let (began, log) = (began.clone(), log.clone());
            async move {
                began.add(event.id);
                match event.id {
                    5 => return Err("and is to wait for a minute"),
                    0..5 => tokio::time::sleep(Duration::from_millis(300 + 200 * event.id)).await,
                    _ => return Ok(()),
                }
                log.add(event.id);
                Ok(())
            }
        }
    };
    let patient = || server.group("billing").claim_after(Duration::from_secs(20)).backoff(Duration::from_secs(60));
    // Quick ones first, so that the consumer reads many at a time, and has some in hand that it has not begun.
    server.pay(100..200).await;
    server.pay(5..6).await;
    server.pay(0..5).await;
    let one = patient().from_start().concurrency(2).on(slow).start();
    began.has(0..2).await;
    let stopping = Instant::now();
    one.stop().await;
    assert!(stopping.elapsed() < Duration::from_secs(3), "{:?}", stopping.elapsed());
    let began: BTreeSet<_> = began.set().into_iter().filter(|id| *id < 100).collect();
    assert_eq!((began, log.set()), ([0, 1, 5].into(), [0, 1].into()), "handlers came to their end, and no other began");
    let (rest, beginning) = (Log::default(), Instant::now());
    let two = patient().on(rest.handler()).start();
    rest.has(2..6).await;
    assert!(beginning.elapsed() < Duration::from_secs(10), "at once, and not after 20 s of silence");
    assert_eq!(rest.set(), (2..6).collect());
    two.stop().await;
    let left = server.consumers("billing").await;
    assert!(left <= 1, "a consumer that holds nothing is removed; {left} left");
    assert_eq!(server.pending("billing").await, 0);
}

#[tokio::test]
async fn dropping_a_consumer_stops_it_and_forever_does_not() {
    let server = Server::start().await;
    let (dropped, kept, rest) = (Log::default(), Log::default(), Log::default());
    let consumer = server.group("dropped").on(dropped.handler()).start();
    server.group("kept").on(kept.handler()).start().forever();
    server.joined("dropped").await;
    server.joined("kept").await;
    drop(consumer);
    // Its last read, which waits at the server, may still get these: then they are handed back.
    server.pay(0..3).await;
    kept.has(0..3).await;
    let next = server.group("dropped").on(rest.handler()).start();
    rest.has(0..3).await;
    assert!(dropped.all().is_empty());
    drop(next);
    until("it has left", || async { server.pending("dropped").await == 0 && server.consumers("dropped").await <= 1 })
        .await;
}

#[tokio::test]
async fn as_many_handlers_run_at_once_as_were_allowed() {
    let server = Server::start().await;
    let (running, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let handler = {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        move |_: OrderPaid| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            async move {
                most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                tokio::time::sleep(Duration::from_millis(30)).await;
                running.fetch_sub(1, SeqCst);
                Ok::<_, String>(())
            }
        }
    };
    let consumer = server.group("billing").concurrency(8).on(handler).start();
    server.joined("billing").await;
    server.pay(0..40).await;
    until("all are handled", || async { consumer.handled() == 40 }).await;
    assert_eq!(most.load(SeqCst), 8);
}

#[tokio::test]
async fn entries_that_the_stream_has_dropped_are_counted_and_those_in_hand_are_handled() {
    let server = Server::start().await;
    let _: String = server.ask(&["XGROUP", "CREATE", EVENTS, "billing", "$", "MKSTREAM"]).await;
    server.pay(0..3).await;
    let _: redis::Value =
        server.ask(&["XREADGROUP", "GROUP", "billing", "gone", "COUNT", "2", "STREAMS", EVENTS, ">"]).await;
    let log = Log::default();
    let (began, release) = (Log::default(), Arc::new(tokio::sync::Notify::new()));
    let handler = {
        let (log, began, release) = (log.clone(), began.clone(), Arc::clone(&release));
        move |event: OrderPaid| {
            let (log, began, release) = (log.clone(), began.clone(), Arc::clone(&release));
            async move {
                let is_first = began.all().is_empty();
                began.add(event.id);
                if is_first {
                    release.notified().await;
                    return Err("once");
                }
                log.add(event.id);
                Ok(())
            }
        }
    };
    let consumer = server.group("billing").claim_after(Duration::from_secs(2)).on(handler).start();
    began.has(2..3).await;
    let _: u64 = server.ask(&["XTRIM", EVENTS, "MAXLEN", "0"]).await;
    // Longer than a tick: the server has been told that the third is still in hand, and has forgotten it.
    tokio::time::sleep(Duration::from_millis(700)).await;
    release.notify_one();
    log.has(2..3).await;
    until("two are counted", || async { consumer.forgotten() == 2 }).await;
    assert_eq!(log.all(), [2]);
}

#[tokio::test]
async fn without_a_server_a_consumer_waits_and_burns_nothing() {
    let mut server = Server::start().await;
    let log = Log::default();
    let consumers: Vec<_> = (0..4).map(|_| server.group("billing").on(log.handler()).start()).collect();
    server.joined("billing").await;
    server.kill();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = cpu_ticks();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let ticks = cpu_ticks() - before;
    assert!(ticks < 10, "{ticks} of 200 hundredths of a second: that is a loop");
    assert_eq!(consumers.iter().map(Consumer::handled).sum::<u64>(), 0);
    server.revive().await;
    server.joined("billing").await;
    server.pay(0..5).await;
    log.has(0..5).await;
}

/// Of this thread, which runs all of this test's tasks: in hundredths of a second.
fn cpu_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("Linux");
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    fields[11].parse::<u64>().expect("a number") + fields[12].parse::<u64>().expect("a number")
}

static LOADS: AtomicU64 = AtomicU64::new(0);

#[cached(key = "user:<id>", invalidated_by(UserUpdated { id }), hard_ttl = "1m", skip(cache), cache = cache)]
async fn name(id: u64, cache: &Cache) -> String {
    format!("{id} as loaded the {}th time", LOADS.fetch_add(1, SeqCst) + 1)
}

#[invalidates(event, cache = cache)]
async fn on_user_updated(cache: &Cache, event: UserUpdated) -> Result<(), String> {
    let _ = cache;
    if event.version == 13 { Err("unlucky".to_owned()) } else { Ok(()) }
}

#[tokio::test]
async fn a_tagged_handler_moves_the_aggregates_of_its_own_cache() {
    let server = Server::start().await;
    let cache = Cache::builder().build();
    let republished = Log::default();
    let log = republished.clone();
    let _here = cache.subscribe(move |event: UserUpdated| {
        log.add(event.version);
        std::future::ready(Ok::<_, String>(()))
    });
    let handler = {
        let cache = cache.clone();
        move |event: UserUpdated| {
            let cache = cache.clone();
            async move { on_user_updated(&cache, event).await }
        }
    };
    let consumer = server.group("names").deliveries(2).on(handler).start();
    server.joined("names").await;
    let first = name(7, &cache).await;
    assert_eq!(name(7, &cache).await, first);
    server.announce("user.updated", &UserUpdated { id: 7, version: 2 }.wire().expect("serializable")).await;
    until("it is handled", || async { consumer.handled() == 1 }).await;
    assert_ne!(name(7, &cache).await, first, "the event of another service moved it");
    server.announce("user.updated", &UserUpdated { id: 7, version: 13 }.wire().expect("serializable")).await;
    until("it is dead", || async { consumer.dead() == 1 }).await;
    assert!(republished.all().is_empty(), "a handler hands nothing on");
}
