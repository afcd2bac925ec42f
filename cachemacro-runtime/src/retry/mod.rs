//! What a store did not take, or may have forgotten, is told again.

mod queue;
mod recent;
mod retries;

pub(crate) use self::retries::{Retries, Untold};
