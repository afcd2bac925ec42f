//! The second database of the checked fleet: rows that are written in every way that an application has.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::history::History;

/// Rows whose events carry no version.
pub(crate) const ACCOUNTS: usize = 24;
/// Rows that no event speaks of.
pub(crate) const RATES: usize = 8;

pub(crate) struct Ledger {
    accounts: Vec<Mutex<History>>,
    rates: Vec<Mutex<History>>,
    /// How many loads of each rate are in progress.
    loading: Vec<AtomicU64>,
    /// How often two were.
    pub(crate) doubled: AtomicU64,
}

/// A load that is in progress.
pub(crate) struct Loading<'a>(&'a AtomicU64);

impl Drop for Loading<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

fn lock(rows: &[Mutex<History>], id: u64) -> MutexGuard<'_, History> {
    rows[usize::try_from(id).expect("a row of ours")].lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    pub(crate) fn new() -> Self {
        let rows = |count| (0..count).map(|_| Mutex::new(History::new())).collect();
        let loading = (0..RATES).map(|_| AtomicU64::new(0)).collect();
        Self { accounts: rows(ACCOUNTS), rates: rows(RATES), loading, doubled: AtomicU64::new(0) }
    }

    pub(crate) fn account(&self, id: u64) -> MutexGuard<'_, History> {
        lock(&self.accounts, id)
    }

    pub(crate) fn rate(&self, id: u64) -> MutexGuard<'_, History> {
        lock(&self.rates, id)
    }

    /// Counts a load for as long as the guard lives.
    pub(crate) fn loading(&self, id: u64) -> Loading<'_> {
        let count = &self.loading[usize::try_from(id).expect("a row of ours")];
        if count.fetch_add(1, SeqCst) > 0 {
            self.doubled.fetch_add(1, SeqCst);
        }
        Loading(count)
    }
}
