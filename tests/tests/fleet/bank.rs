//! The checked bank: readers that give up, writers that block, are cancelled or fail, and functions that load through others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use cachemacro::store::DETECTION;
use cachemacro::{CacheBuilder, CacheError, Memory};
use tokio::task::JoinSet;

use crate::branch::{Branch, RATE_TTL};
use crate::history::History;
use crate::ledger::{ACCOUNTS, DOCUMENTS, Ledger, RATES};
use crate::world::{Seen, say};

pub(crate) const BRANCHES: usize = 3;
/// Of each kind, in each branch: a way that is slow is walked by many at once.
const READERS: usize = 96;
const WRITERS: usize = 4;
/// Accounts that every branch writes.
const BUSY: u64 = 16;
/// Accounts that one branch writes.
const CALM: u64 = 8;
/// A clock's tick, and the way from an answer to the check.
const SLACK: Duration = Duration::from_millis(25);

pub(crate) struct Bank {
    ledger: Arc<Ledger>,
    branches: Vec<Branch>,
    /// Branches whose writers are all cancelled, and nothing else is told by them.
    hasty: Vec<Branch>,
    /// Reads what they write.
    watcher: Branch,
    seen: Arc<Seen>,
    stops: AtomicBool,
}

/// What was written, and is to be told.
#[derive(Clone, Copy)]
struct Booked {
    from: (u64, usize),
    to: Option<(u64, usize)>,
}

impl Bank {
    /// Each branch has its own way to the server, then come the hasty ones, and one that watches these.
    pub(crate) fn new(builder: impl Fn(usize) -> CacheBuilder) -> Arc<Self> {
        let ledger = Arc::new(Ledger::new());
        let branch = |number| {
            let cache = builder(number).memory(Memory::entries(100)).build();
            Branch { cache, ledger: Arc::clone(&ledger) }
        };
        let branches = (0..BRANCHES).map(branch).collect();
        let hasty = (BRANCHES..2 * BRANCHES).map(branch).collect();
        let watcher = branch(2 * BRANCHES);
        Arc::new(Self { ledger, branches, hasty, watcher, seen: Arc::default(), stops: AtomicBool::new(false) })
    }

    /// Reads and writes until `chaos` has ended and there were this many reads. In the end everyone has heard everything.
    pub(crate) async fn run(self: &Arc<Self>, name: &str, reads: u64, chaos: impl Future<Output = u64>) -> Arc<Seen> {
        let mut tasks = JoinSet::new();
        for (number, branch) in self.hasty.iter().enumerate() {
            tasks.spawn(Arc::clone(self).write_and_cancel(number, branch.clone()));
        }
        for branch in &self.branches {
            for _ in 0..READERS {
                tasks.spawn(Arc::clone(self).read_accounts(branch.clone()));
            }
            for _ in 0..READERS / 8 {
                tasks.spawn(Arc::clone(self).read_quotes(branch.clone()));
                tasks.spawn(Arc::clone(self).read_documents(branch.clone()));
            }
            tasks.spawn(Arc::clone(self).write_documents(branch.clone()));
            for _ in 0..WRITERS {
                tasks.spawn(Arc::clone(self).write(branch.clone()));
            }
        }
        tasks.spawn(Arc::clone(self).move_rates());
        self.seen.faults.fetch_add(chaos.await, Relaxed);
        while self.seen.reads.load(Relaxed) < reads {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.stops.store(true, Relaxed);
        while let Some(ended) = tasks.join_next().await {
            ended.expect("no task panics");
        }
        self.settle().await;
        say(&format!("{name}: {}", self.seen));
        Arc::clone(&self.seen)
    }

    async fn read_accounts(self: Arc<Self>, branch: Branch) {
        while !self.stops.load(Relaxed) {
            // Some callers wait for no more than a part of a round trip.
            let patience = Duration::from_millis(if fastrand::u8(..8) == 0 { fastrand::u64(..60) } else { 60_000 });
            let read = self.read_account(&branch, fastrand::u64(..ACCOUNTS as u64), fastrand::bool());
            let _ = tokio::time::timeout(patience, read).await;
        }
    }

    async fn read_account(&self, branch: &Branch, id: u64, is_strict: bool) {
        let ago = if is_strict { Duration::ZERO } else { DETECTION };
        let promised = self.ledger.account(id).promised(ago);
        let (what, found) = branch.read(id, is_strict).await;
        self.check(&format!("{what} of account {id}"), &self.ledger.account(id), promised, found);
        self.count().await;
    }

    async fn read_quotes(self: Arc<Self>, branch: Branch) {
        while !self.stops.load(Relaxed) {
            let id = fastrand::u64(..RATES as u64);
            let promised =
                Instant::now().checked_sub(RATE_TTL + SLACK).map_or(0, |oldest| self.ledger.rate(id).at(oldest));
            let found = branch.quote(id).await;
            self.check(&format!("quote of rate {id}"), &self.ledger.rate(id), promised, found);
            self.count().await;
            tokio::time::sleep(Duration::from_millis(fastrand::u64(..4))).await;
        }
    }

    async fn read_documents(self: Arc<Self>, branch: Branch) {
        while !self.stops.load(Relaxed) {
            let id = fastrand::u64(..DOCUMENTS as u64);
            let promised = self.ledger.document(id).promised(Duration::ZERO);
            let found = branch.document(None, id).await.map(|row| row.content);
            self.check(&format!("document {id}"), &self.ledger.document(id), promised, found);
            self.count().await;
        }
    }

    /// Transactions that read what they wrote; of three two are rolled back, and the next uses their version again.
    async fn write_documents(self: Arc<Self>, branch: Branch) {
        while !self.stops.load(Relaxed) {
            let id = fastrand::u64(..DOCUMENTS as u64);
            let mut pending = branch.cache.pending_events();
            let draft = self.ledger.draft(id).await;
            branch.edited(&draft, &mut pending, id).await;
            let found = branch.document(Some(&draft), id).await;
            if found.is_none_or(|row| row.content != draft.row.content) {
                self.violated(&format!("document {id}: a transaction does not read what it wrote"));
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(..30))).await;
            if fastrand::u8(..3) > 0 {
                drop(draft);
                pending.discard();
                continue;
            }
            let position = draft.commit();
            if pending.publish().await.is_err() {
                while branch.cache.stats().pending_invalidations > 0 {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
            self.ledger.document(id).acknowledge(position);
            self.seen.acknowledged.fetch_add(1, Relaxed);
        }
    }

    async fn count(&self) {
        if self.seen.reads.fetch_add(1, Relaxed).is_multiple_of(32) {
            tokio::task::yield_now().await;
        }
    }

    fn check(&self, what: &str, history: &History, promised: usize, found: Option<u64>) {
        if !history.allows(promised, found) {
            self.violated(&format!("{what}: {found:?}, promised {promised}{}", history.told(promised, found)));
        }
    }

    fn violated(&self, what: &str) {
        if self.seen.violations.fetch_add(1, Relaxed) < 10 {
            say(&format!("violation: {what}"));
        }
    }

    async fn move_rates(self: Arc<Self>) {
        while !self.stops.load(Relaxed) {
            for id in 0..RATES as u64 {
                self.ledger.rate(id).commit(None);
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    async fn write(self: Arc<Self>, branch: Branch) {
        let mut waiting = JoinSet::new();
        while !self.stops.load(Relaxed) {
            let [from, to] = [fastrand::u64(..BUSY), fastrand::u64(..BUSY)];
            let booked = self.book(from, Some(to).filter(|_| from != to && fastrand::bool()));
            match self.tell(&branch, booked).await {
                Ok(()) => self.acknowledge(booked),
                Err(_) => drop(waiting.spawn(Arc::clone(&self).acknowledge_later(branch.clone(), booked))),
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(..120))).await;
        }
        while waiting.join_next().await.is_some() {}
    }

    /// Writers that are cancelled leave their events to the branch's queue, and the same rows change again while these are being
    /// sent. No other branch writes these rows, so that nothing hides an event that was lost.
    async fn write_and_cancel(self: Arc<Self>, number: usize, branch: Branch) {
        let first = BUSY + CALM * number as u64;
        while !self.stops.load(Relaxed) {
            let from = first + 2 * fastrand::u64(..CALM / 2);
            let earlier = self.cancel(&branch, from).await;
            // The queue's first pause.
            tokio::time::sleep(Duration::from_millis(45)).await;
            for _ in 0..fastrand::u64(5..30) {
                self.read_account(&self.watcher, from + 1, true).await;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            let later = self.cancel(&branch, from).await;
            for booked in [earlier, later] {
                Arc::clone(&self).acknowledge_later(branch.clone(), booked).await;
            }
            for _ in 0..10 {
                self.read_account(&self.watcher, from + 1, true).await;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    /// A transfer whose second event is not yet on its way when the writer is cancelled.
    async fn cancel(&self, branch: &Branch, from: u64) -> Booked {
        let booked = self.book(from, Some(from + 1));
        let patience = Duration::from_millis(if fastrand::u8(..4) == 0 { fastrand::u64(..80) } else { 0 });
        let _ = tokio::time::timeout(patience, branch.transferred(from, from + 1)).await;
        booked
    }

    /// What waits in the branch's queue is acknowledged when that is empty.
    async fn acknowledge_later(self: Arc<Self>, branch: Branch, booked: Booked) {
        while branch.cache.stats().pending_invalidations > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.acknowledge(booked);
    }

    fn book(&self, from: u64, to: Option<u64>) -> Booked {
        let commit = |id| (id, self.ledger.account(id).commit(None));
        Booked { from: commit(from), to: to.map(commit) }
    }

    /// By a writer that awaits, or by one that blocks.
    async fn tell(&self, branch: &Branch, Booked { from: (from, _), to }: Booked) -> Result<(), CacheError> {
        match (to, fastrand::bool()) {
            (None, true) => branch.changed(from).await,
            (Some((to, _)), true) => branch.transferred(from, to).await,
            (None, false) => tokio::task::block_in_place(|| branch.changed_sync(from)),
            (Some((to, _)), false) => tokio::task::block_in_place(|| branch.transferred_sync(from, to)),
        }
    }

    fn acknowledge(&self, Booked { from, to }: Booked) {
        for (id, position) in [from].into_iter().chain(to) {
            self.ledger.account(id).acknowledge(position);
        }
        self.seen.acknowledged.fetch_add(1, Relaxed);
    }

    /// When all has been told, every strict read finds what is there.
    async fn settle(&self) {
        for branch in self.branches.iter().chain(&self.hasty) {
            let patience = Instant::now() + Duration::from_secs(30);
            while branch.cache.stats().pending_invalidations > 0 {
                assert!(Instant::now() < patience, "a branch does not get rid of its events");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        for branch in &self.branches {
            for id in 0..ACCOUNTS as u64 {
                let (what, found) = branch.read(id, true).await;
                let history = self.ledger.account(id);
                self.check(&format!("{what} of account {id} in the end"), &history, history.newest(), found);
            }
        }
    }
}

/// Callers that wait for a load of another, also of another process, and give up: how often two loads of one report were in
/// progress.
pub(crate) async fn give_up_waiting(builder: impl Fn(usize) -> CacheBuilder, reads: u64) -> (u64, u64) {
    let bank = Bank::new(builder);
    let mut tasks = JoinSet::new();
    for branch in &bank.branches {
        for _ in 0..READERS / 8 {
            let (bank, branch) = (Arc::clone(&bank), branch.clone());
            tasks.spawn(async move {
                while bank.seen.reads.fetch_add(1, Relaxed) < reads {
                    let id = fastrand::u64(..RATES as u64 / 2);
                    let patience = if fastrand::bool() { fastrand::u64(..200) } else { 60_000 };
                    let _ = tokio::time::timeout(Duration::from_millis(patience), branch.report(id)).await;
                }
            });
        }
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no task panics");
    }
    (bank.seen.reads.load(Relaxed), bank.ledger.doubled.load(Relaxed))
}
