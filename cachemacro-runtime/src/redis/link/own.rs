//! A connection that blocks nobody but its owner.

use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value};

use super::live::Live;
use super::stamp::Stamp;

/// A connection of its own. It is not made again: after an error its owner asks the link for another.
///
/// The client does not give up on an answer, so that its owner must: a server that vanished says nothing.
pub(crate) struct OwnConnection {
    live: Live,
    longest_block: Duration,
}

impl OwnConnection {
    pub(super) fn new(live: Live, longest_block: Duration) -> Self {
        Self { live, longest_block }
    }

    /// Which life of which server it was connected to. Behind a connection manager, and in a cluster, the server may since
    /// have become another.
    pub(crate) fn stamp(&self) -> Stamp {
        self.live.session.stamp
    }

    /// For how long a command may block. Zero, that is without `BLOCK`, on a connection manager that the user handed over: it
    /// is the one connection that everybody shares.
    pub(crate) fn longest_block(&self) -> Duration {
        self.longest_block
    }
}

impl ConnectionLike for OwnConnection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(self.live.wire.send_one(command))
    }

    /// All commands' answers: transactions are not for this connection.
    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        _offset: usize,
        _count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(self.live.wire.send(pipeline))
    }

    fn get_db(&self) -> i64 {
        0
    }
}
