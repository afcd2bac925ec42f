//! Failovers of Sentinel, wanted and not, with what they lose.

use std::time::{Duration, Instant};

use cachemacro_servers::{Sentinel, Standalone};

fn set(server: &Standalone, value: &str) {
    server.command(&["SET", "key", value]).expect("it answers");
}

fn get(server: &Standalone) -> String {
    server.command(&["GET", "key"]).expect("it answers")
}

/// Until a replica has heard of it, too.
fn wait_for(server: &Standalone, value: &str) {
    let end = Instant::now() + Duration::from_secs(10);
    while get(server) != value {
        assert!(Instant::now() < end, "{value} never came");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn failover_with_cut_replication_loses_what_was_acknowledged_and_heals() {
    let mut servers = Sentinel::start();
    assert_eq!((servers.urls().len(), servers.servers().len()), (3, 3));
    let first = servers.primary().port();
    set(servers.primary(), "old");
    wait_for(servers.replica(), "old");
    servers.cut_replication();
    set(servers.primary(), "new");
    servers.fail_over();
    assert_eq!(servers.primary().port(), servers.replica().port(), "the one that is meant to come next");
    assert_eq!(get(servers.primary()), "old");

    set(servers.primary(), "newer");
    servers.heal();
    let returned = servers.servers().iter().find(|server| server.port() == first).expect("it is one of three");
    wait_for(returned, "newer");
    assert!(returned.command(&["ROLE"]).expect("it answers").starts_with("slave"));

    // A failover by command, with the primary up; what only the primary knows is lost.
    servers.cut_replication();
    let second = servers.primary().port();
    set(servers.primary(), "newest");
    servers.switch_over();
    assert_ne!(servers.primary().port(), second);
    assert_eq!(get(servers.primary()), "newer");
    servers.heal();
    assert!(servers.servers().iter().all(|server| get(server) == "newer"));
}

#[test]
fn cut_replication_stays_cut() {
    let servers = Sentinel::start();
    set(servers.primary(), "old");
    servers.servers().iter().for_each(|server| wait_for(server, "old"));
    servers.cut_replication();
    set(servers.primary(), "new");
    // Longer than sentinels take to lead replicas back to where they belong.
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(get(servers.replica()), "old");
}
