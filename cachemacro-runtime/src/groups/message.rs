//! The messages to a consumer's worker, from its reader, its handlers and its owner.

use super::handler::Outcome;
use crate::remote::{Delivery, MessageId};

/// A message to a worker.
pub(super) enum Message {
    Read(Vec<Delivery>),
    Ended(MessageId, Outcome),
    Stop,
}
