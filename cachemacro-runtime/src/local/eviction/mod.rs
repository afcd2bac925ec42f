//! Which entries are evicted when a cache is full.

mod classes;
mod ghosts;
mod queue;
mod queues;
mod slots;

pub(super) use self::queues::Queues;
pub(super) use self::slots::{Slots, hit};

#[cfg(test)]
mod tests;
