//! A cluster: failover, what it loses, and slots on the move.

use std::time::{Duration, Instant};

use cachemacro_servers::{Cluster, Standalone};

fn set(server: &Standalone, value: &str) {
    server.command(&["SET", "key", value]).expect("it answers");
}

fn get(server: &Standalone) -> String {
    server.command(&["GET", "key"]).unwrap_or_else(|error| error.to_string())
}

#[test]
fn replica_takes_over_and_the_old_primary_returns_as_its_replica() {
    let mut cluster = Cluster::start();
    assert_eq!(cluster.urls().len(), 6);
    set(cluster.primary_of("key"), "old");
    let killed = cluster.kill_primary_of("key");
    let next = cluster.owner_of("key");
    assert_eq!((killed + 3, get(&cluster.nodes()[next])), (next, "old".to_owned()));
    cluster.heal();
    assert_eq!(cluster.owner_of("key"), next);

    // The old primary replicates now; with the link to it cut, what is acknowledged gets lost.
    cluster.cut_replication_of("key");
    set(cluster.primary_of("key"), "new");
    cluster.switch_over("key");
    assert_eq!((cluster.owner_of("key"), get(cluster.primary_of("key"))), (killed, "old".to_owned()));
    cluster.heal();
    assert_eq!(cluster.owner_of("key"), killed);
}

#[test]
fn slot_moves_with_its_keys_while_it_is_served() {
    let cluster = Cluster::start();
    let from = cluster.owner_of("key");
    set(&cluster.nodes()[from], "value");
    for at in 0..250 {
        let key = format!("{{key}}:{at}");
        cluster.nodes()[from].command(&["SET", &key, "value"]).expect("it answers");
    }
    let migration = cluster.begin_migration("key");
    let asked = cluster.nodes()[from].command(&["GET", "{key}:not:there"]).expect_err("it is to be asked elsewhere");
    assert!(asked.to_string().contains("ASK "), "{asked}");
    assert_eq!(get(&cluster.nodes()[from]), "value", "what has not moved is served");
    cluster.finish_migration(migration);

    let to = cluster.owner_of("key");
    assert_ne!(from, to);
    assert_eq!(get(&cluster.nodes()[to]), "value");
    let count = cluster.nodes()[to].command(&["CLUSTER", "COUNTKEYSINSLOT", "12539"]).expect("it answers");
    assert_eq!(count, "251");
    assert!(get(&cluster.nodes()[from]).contains("MOVED"));
    cluster.migrate_slot("key");
    assert_ne!(cluster.owner_of("key"), to);
    let end = Instant::now() + Duration::from_secs(5);
    while !get(&cluster.nodes()[to]).contains("MOVED") {
        assert!(Instant::now() < end, "the old owner still serves");
    }
}
