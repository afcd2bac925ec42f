//! The part of a consumer that waits for new messages.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::group_log::GroupLog;
use super::message::Message;
use crate::error::StoreError;
use crate::remote::{Delivery, GroupConsumer};
use crate::util::backoff::Backoff;

/// How long a read waits in the log. It is short, as a consumer that stops waits for its reader.
pub(super) const BLOCK: Duration = Duration::from_secs(1);

/// The delays of a reader or worker whose log does not answer.
pub(super) const SERVER_BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5)).jitter(0.5);

pub(super) struct Reader {
    log: Arc<dyn GroupConsumer>,
    lines: Arc<GroupLog>,
    backoff: Backoff,
    /// Whether the group has been seen since the last failure.
    has_group: bool,
}

impl Reader {
    pub(super) fn new(log: Arc<dyn GroupConsumer>, lines: Arc<GroupLog>) -> Self {
        Self { log, lines, backoff: SERVER_BACKOFF, has_group: false }
    }

    /// Reads once for each demand, which is a number of entries. An answer may be empty.
    pub(super) async fn run(mut self, mut demands: mpsc::Receiver<usize>, outbox: mpsc::UnboundedSender<Message>) {
        while let Some(count) = demands.recv().await {
            let read = self.read(count).await;
            self.lines.read(&read);
            let read = match read {
                Ok(read) => {
                    self.backoff.reset();
                    read
                }
                Err(_) => {
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

    async fn read(&mut self, count: usize) -> Result<Vec<Delivery>, StoreError> {
        if !self.has_group {
            self.log.join().await?;
            self.has_group = true;
        }
        self.log.read(count, BLOCK).await
    }
}
