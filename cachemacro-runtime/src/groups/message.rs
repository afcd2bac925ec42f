//! What the worker of a consumer hears from its reader, its handlers and its owner.

use super::delivery::{Delivery, Place};
use super::handler::Outcome;

/// What a worker hears.
pub(super) enum Message {
    Read(Vec<Delivery>),
    Ended(Place, Outcome),
    Stop,
}
