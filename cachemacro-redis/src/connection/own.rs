//! A connection for one owner, which may block on it.

use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value};

use super::live::Live;
use super::server_epoch::ServerEpoch;

/// A connection for one owner. It does not reconnect: after an error its owner asks the link for another.
///
/// The client waits for an answer without a limit, so the owner needs a timeout: a server that vanished sends nothing.
pub(crate) struct OwnConnection {
    live: Live,
    longest_block: Duration,
}

impl OwnConnection {
    pub(crate) fn new(live: Live, longest_block: Duration) -> Self {
        Self { live, longest_block }
    }

    /// The epoch of the server that it was connected to. With a connection manager, and in a cluster, it may be another
    /// server by now.
    pub(crate) fn epoch(&self) -> ServerEpoch {
        self.live.session.epoch
    }

    /// How long a command may block. Zero means without `BLOCK`: a connection manager of the user has one connection,
    /// which all callers share.
    pub(crate) fn longest_block(&self) -> Duration {
        self.longest_block
    }
}

impl ConnectionLike for OwnConnection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(self.live.wire.send_one(command))
    }

    /// The answers of all commands. Transactions are not supported.
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
