//! How many loads of one function run at once in the process (`max_loads`).

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::util::sync::{Mutex, lock};

/// By the indexes of the functions.
pub(crate) struct LoadSlots(Mutex<HashMap<usize, Arc<Semaphore>>>);

/// Held while a load runs.
pub(crate) type LoadSlot = OwnedSemaphorePermit;

impl LoadSlots {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    /// Those of one function.
    pub(crate) fn of(&self, function: usize, most: u32) -> Arc<Semaphore> {
        let slots = || Arc::new(Semaphore::new(most.max(1) as usize));
        Arc::clone(lock(&self.0).entry(function).or_insert_with(slots))
    }
}
