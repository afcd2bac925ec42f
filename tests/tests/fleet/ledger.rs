//! The second database of the checked fleet: rows that are written in every way that an application has.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::database::Row;
use crate::history::History;

/// Rows whose events carry no version.
pub(crate) const ACCOUNTS: usize = 40;
/// Rows with versions, written in transactions of which many are rolled back.
pub(crate) const DOCUMENTS: usize = 12;
/// Rows that no event speaks of.
pub(crate) const RATES: usize = 8;

pub(crate) struct Ledger {
    accounts: Vec<Mutex<History>>,
    documents: Vec<Mutex<History>>,
    /// Held by the transaction that writes the document.
    row_locks: Vec<tokio::sync::Mutex<()>>,
    drafts: AtomicU64,
    rates: Vec<Mutex<History>>,
    /// How many loads of each rate are in progress.
    loading: Vec<AtomicU64>,
    /// How often two were.
    pub(crate) doubled: AtomicU64,
}

/// A transaction that has written one document, and is not committed. Dropped, it is rolled back.
pub(crate) struct Draft<'a> {
    history: &'a Mutex<History>,
    _row_lock: tokio::sync::MutexGuard<'a, ()>,
    pub(crate) row: Row,
}

impl Draft<'_> {
    /// The position of what was committed.
    pub(crate) fn commit(self) -> usize {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).commit(Some(Some(self.row.content)))
    }
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
        Self {
            accounts: rows(ACCOUNTS),
            documents: rows(DOCUMENTS),
            row_locks: (0..DOCUMENTS).map(|_| tokio::sync::Mutex::new(())).collect(),
            drafts: AtomicU64::new(0),
            rates: rows(RATES),
            loading,
            doubled: AtomicU64::new(0),
        }
    }

    pub(crate) fn account(&self, id: u64) -> MutexGuard<'_, History> {
        lock(&self.accounts, id)
    }

    pub(crate) fn document(&self, id: u64) -> MutexGuard<'_, History> {
        lock(&self.documents, id)
    }

    /// Begins a transaction and writes the document, under the version that the next commit will have.
    pub(crate) async fn draft(&self, id: u64) -> Draft<'_> {
        let at = usize::try_from(id).expect("a row of ours");
        let row_lock = self.row_locks[at].lock().await;
        let version = self.document(id).current().version + 1;
        // A content that no other transaction writes.
        let content = 1 << 40 | self.drafts.fetch_add(1, SeqCst);
        Draft { history: &self.documents[at], _row_lock: row_lock, row: Row { version, content } }
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
