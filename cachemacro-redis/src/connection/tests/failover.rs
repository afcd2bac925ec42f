//! Servers that are replaced by others: R21.

use redis::aio::{ConnectionManager, ConnectionManagerConfig};

use super::*;

/// Longer than the interval of the identity check.
const LATER: Duration = Duration::from_secs(1);

#[tokio::test]
async fn r21_a_replica_serves_no_lookup_on_a_connection_that_was_the_primarys() {
    let server = TestServer::start();
    let (link, clock) = link_with_clock(&server.url());
    insist(&link, "GET a").await;
    server.tell("REPLICAOF 127.0.0.1 1");
    clock.advance(LATER);
    let error = run(&link, "GET a").await.expect_err("it is a replica now");
    assert!(error.to_string().contains("no primary"), "{error}");
}

#[tokio::test]
async fn r21_a_primary_that_took_another_replication_id_is_noticed() {
    let server = TestServer::start();
    let (link, clock) = link_with_clock(&server.url());
    let former = insist(&link, "GET a").await.epoch;
    server.tell("DEBUG CHANGE-REPL-ID");
    clock.advance(LATER);
    let error = run(&link, "GET a").await.expect_err("this answer is thrown away");
    assert!(error.to_string().contains("failed over"), "{error}");
    let present = run(&link, "GET a").await.expect("the next one is not").epoch;
    assert_ne!(present, former);
    assert_eq!(link.health().openings, 0);
    // Between two checks the identity is not asked for.
    server.tell("DEBUG CHANGE-REPL-ID");
    assert_eq!(run(&link, "GET a").await.expect("it was looked at just now").epoch, present);
}

#[tokio::test]
async fn r21_a_connection_manager_that_reconnected_out_of_sight_serves_nothing_under_the_former_stamp() {
    let mut server = TestServer::start();
    let client = redis::Client::open(server.url()).expect("the URL is right");
    let config = ConnectionManagerConfig::new().set_min_delay(Duration::from_millis(10));
    let mut users = ConnectionManager::new_with_config(client, config).await.expect("it connects");
    let clock = ManualClock::default();
    let link = Link::new(Redis::from(users.clone()).endpoint().clone(), TIMEOUT, Arc::new(clock));
    let former = insist(&link, "SET a 1").await.epoch;
    assert_eq!(link.own().await.expect("a connection").longest_block(), Duration::ZERO);

    server.restart();
    // A command of the user gets the error, which makes the manager reconnect.
    while redis::cmd("PING").exec_async(&mut users).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let error = run(&link, "GET a").await.expect_err("this answer is thrown away");
    assert!(error.to_string().contains("failed over"), "{error}");
    assert_ne!(run(&link, "GET a").await.expect("the next one is not").epoch, former);
}

#[tokio::test]
async fn r21_after_a_failover_the_sentinels_lead_to_the_new_master_and_its_stamp() {
    let mut master = TestServer::start();
    let replica = TestServer::start_with(free_port(), &["--replicaof", "127.0.0.1", &master.port.to_string()]);
    server::eventually("the replica follows", || {
        replica.ask("INFO replication").is_some_and(|info| info.contains("master_link_status:up"))
    });
    let sentinel = TestServer::start_sentinel(master.port);
    server::eventually("the sentinel knows the replica", || {
        sentinel.ask("INFO sentinel").is_some_and(|info| info.contains("slaves=1"))
    });
    let link = link_to(Redis::sentinel([sentinel.url()], "mymaster").expect("the URL is right"));
    let former = insist(&link, "SET a 1").await.epoch;

    master.kill();
    let present = insist(&link, "SET a 2").await;
    assert_ne!(present.epoch, former);
    let info = replica.ask("INFO replication").expect("an answer");
    assert!(info.contains("role:master") && info.contains(&present.epoch.to_string()), "{info}");

    let unknown = link_to(Redis::sentinel([sentinel.url()], "other").expect("the URL is right"));
    let error = run(&unknown, "PING").await.expect_err("there is no such master");
    assert!(error.to_string().contains("sentinel monitor"), "{error}");
}

#[cfg(feature = "cluster")]
mod cluster {
    use super::*;

    const SLOTS: [&str; 3] = ["0 5460", "5461 10922", "10923 16383"];
    /// One key of each node.
    const KEYS: [&str; 3] = ["b", "c", "a"];

    fn start() -> Vec<TestServer> {
        let settings = ["--cluster-enabled", "yes", "--cluster-require-full-coverage", "no"];
        let nodes: Vec<_> = SLOTS.iter().map(|_| TestServer::start_with(free_port(), &settings)).collect();
        for (node, slots) in nodes.iter().zip(SLOTS) {
            node.tell(&format!("CLUSTER ADDSLOTSRANGE {slots}"));
            node.tell(&format!("CLUSTER MEET 127.0.0.1 {}", nodes[0].port));
        }
        server::eventually("every node knows all slots", || {
            nodes
                .iter()
                .all(|node| node.ask("CLUSTER INFO").is_some_and(|info| info.contains("cluster_slots_ok:16384")))
        });
        nodes
    }

    #[tokio::test]
    async fn r21_a_cluster_has_one_stamp_and_another_after_one_of_its_nodes_was_restarted() {
        let mut nodes = start();
        let urls: Vec<_> = nodes.iter().map(TestServer::url).collect();
        let link = link_to(Redis::cluster(&urls).expect("the URLs are right"));
        let former = insist(&link, "SET a 1").await.epoch;
        for key in KEYS {
            let reply = run(&link, &format!("SET {key} 1")).await.expect("a reply");
            assert!(matches!(&reply.values[..], [Value::Okay]), "{:?}", reply.values);
            assert_eq!(reply.epoch, former);
        }
        let other = link_to(Redis::cluster(&urls[1..]).expect("the URLs are right"));
        assert_eq!(insist(&other, "GET a").await.epoch, former, "processes agree");

        nodes[0].restart();
        let first = insist(&link, &format!("GET {}", KEYS[0])).await.epoch;
        assert_ne!(first, former, "the restarted node does not answer under the former stamp");
        let begin = Instant::now();
        while insist(&other, "GET a").await.epoch != first {
            assert!(begin.elapsed() < Duration::from_secs(30), "a process that does not ask that node never learns");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn while_one_node_is_down_the_others_are_used() {
        let mut nodes = start();
        let link = link_to(Redis::cluster([nodes[1].url()]).expect("the URL is right"));
        insist(&link, "SET a 1").await;
        nodes[0].kill();
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(3) {
            let _ = run(&link, &format!("GET {}", KEYS[0])).await;
            run(&link, &format!("GET {}", KEYS[2])).await.expect("its node is up");
        }
        nodes[0].restart();
        insist(&link, &format!("SET {} 1", KEYS[0])).await;
    }
}
