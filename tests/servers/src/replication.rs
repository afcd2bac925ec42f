//! Replication that can be cut.
//!
//! Replicas log in at their primary as a user of their own. Without that user the primary goes on acknowledging writes
//! that reach no replica. A proxy could not do this: sentinels and cluster nodes tell replicas where their primary is, and
//! after some seconds would lead them around it.

use crate::resp;
use crate::standalone::{Options, Standalone};

const USER: &str = "replica";

/// What each server needs that is or may become a primary or a replica.
pub(crate) fn options() -> Options {
    Options::default().user(USER, USER, &["+psync", "+replconf", "+ping"]).with(&[
        "--masteruser",
        USER,
        "--masterauth",
        USER,
        // A replica is to follow at once, and not when more may have come.
        "--repl-diskless-sync-delay",
        "0",
        "--repl-ping-replica-period",
        "1",
    ])
}

/// What is written to `primary` from now on reaches no replica, and perhaps the very last before it neither.
pub(crate) fn cut(primary: &Standalone) {
    primary.expect(&["ACL", "SETUSER", USER, "off"]);
    primary.expect(&["CLIENT", "KILL", "TYPE", "replica"]);
}

/// As [`cut`], and for sentinels it is down from now on. All others reach it as before, and nothing tells it that it is alone.
pub(crate) fn isolate(primary: &Standalone) {
    cut(primary);
    // A sentinel takes any other answer for none. Nothing else here sends PING to a server that runs.
    primary.expect(&["ACL", "SETUSER", "default", "-ping"]);
}

/// Replicas come back within a second or two.
pub(crate) fn mend(primary: &Standalone) {
    primary.expect(&["ACL", "SETUSER", USER, "on"]);
    primary.expect(&["ACL", "SETUSER", "default", "+ping"]);
}

/// Whether `replica` follows, and has heard something of late.
pub(crate) fn follows(replica: &Standalone) -> Result<(), String> {
    let info = replica.command(&["INFO", "replication"]).map_err(|error| error.to_string())?;
    match resp::field(&info, "master_link_status") {
        Some("up") => Ok(()),
        _ => Err(info),
    }
}

/// Whether `server` is a primary.
pub(crate) fn is_primary(server: &Standalone) -> bool {
    server.command(&["ROLE"]).is_ok_and(|role| role.starts_with("master"))
}
