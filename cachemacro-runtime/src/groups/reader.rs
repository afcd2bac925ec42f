//! The part of a consumer that waits for entries, on a separate connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::delivery::Delivery;
use super::message::Message;
use super::streams::{ReadError, SERVER_BACKOFF, Streams};
use crate::redis::link::OwnConnection;
use crate::util::backoff::Backoff;

/// How long a read blocks on the server. It is short, as a consumer that stops waits for its reader.
pub(super) const BLOCK: Duration = Duration::from_secs(1);
/// A server that does not answer within this time, beyond the time it was asked to block, counts as gone.
const GRACE: Duration = Duration::from_secs(2);
/// The pause between two reads, if the connection cannot block.
const POLL: Duration = Duration::from_millis(100);

pub(super) struct Reader {
    streams: Arc<Streams>,
    connection: Option<OwnConnection>,
    backoff: Backoff,
    /// Whether the group has been seen since the last failure.
    has_group: bool,
}

impl Reader {
    pub(super) fn new(streams: Arc<Streams>) -> Self {
        Self { streams, connection: None, backoff: SERVER_BACKOFF, has_group: false }
    }

    /// Reads once for each demand, which is a number of entries. An answer may be empty.
    pub(super) async fn run(mut self, mut demands: mpsc::Receiver<usize>, outbox: mpsc::UnboundedSender<Message>) {
        while let Some(count) = demands.recv().await {
            let read = match self.read(count).await {
                Ok(read) => {
                    self.backoff.reset();
                    read
                }
                Err(reason) => {
                    told(&reason);
                    self.has_group = false;
                    tokio::time::sleep(self.backoff.next_delay()).await;
                    Vec::new()
                }
            };
            if outbox.send(Message::Read(read)).is_err() {
                return;
            }
        }
    }

    async fn read(&mut self, count: usize) -> Result<Vec<Delivery>, String> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.streams.connect().await.map_err(|error| error.to_string())?,
        };
        if !self.has_group {
            self.streams.ensure().await.map_err(|error| error.to_string())?;
            self.has_group = true;
        }
        let wait = BLOCK.min(connection.longest_block());
        let read = self.streams.read(&mut connection, count, wait);
        let read = match tokio::time::timeout(wait + GRACE, read).await {
            Ok(Ok(read)) => read,
            Ok(Err(ReadError::NoGroup)) => {
                self.connection = Some(connection);
                return Err("the server has lost the group".to_owned());
            }
            Ok(Err(ReadError::Broken(reason))) => return Err(reason),
            Err(_) => return Err("the server did not answer in time".to_owned()),
        };
        self.connection = Some(connection);
        if read.is_empty() && wait.is_zero() {
            tokio::time::sleep(POLL).await;
        }
        Ok(read)
    }
}

#[cfg_attr(not(feature = "tracing"), expect(unused_variables, reason = "told through tracing only"))]
fn told(reason: &str) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "cachemacro", %reason, "an event consumer cannot read its stream, and will try again");
}
