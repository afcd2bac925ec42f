//! Sends again what a store did not accept, or may have forgotten.

mod queue;
mod recent;
mod retries;

pub(crate) use self::retries::{Retries, Untold};
