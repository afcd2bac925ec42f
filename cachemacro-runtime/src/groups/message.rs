//! The messages to a consumer's worker, from its reader, its handlers and its owner.

use super::delivery::{Delivery, DeliveryId};
use super::handler::Outcome;

/// A message to a worker.
pub(super) enum Message {
    Read(Vec<Delivery>),
    Ended(DeliveryId, Outcome),
    Stop,
}
