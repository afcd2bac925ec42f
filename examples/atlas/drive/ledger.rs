//! Which writes were acknowledged when: what every later answer is held against.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// The acknowledged versions of each city, with the moment of the acknowledgement.
#[derive(Default)]
pub struct Ledger(Mutex<HashMap<u64, Vec<(Instant, u64)>>>);

impl Ledger {
    /// Notes that a writer has just been told that its change is version `version`.
    pub fn acknowledge(&self, city: u64, version: u64) {
        let mut writes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writes.entry(city).or_default().push((Instant::now(), version));
    }

    /// Whether an answer to a question from `asked` may say this version: it may not be older than a write that was
    /// acknowledged before.
    pub fn allows(&self, city: u64, version: u64, asked: Instant) -> bool {
        let writes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = writes.get(&city).into_iter().flatten();
        known.filter(|(at, _)| *at < asked).all(|(_, acknowledged)| *acknowledged <= version)
    }
}
