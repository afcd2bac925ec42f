//! The checked bank: readers that give up, writers that block, are cancelled or fail, and functions that load through others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use cachemacro::store::DETECTION;
use cachemacro::{CacheBuilder, Memory};
use tokio::task::JoinSet;

use crate::branch::{Branch, RATE_TTL};
use crate::history::History;
use crate::ledger::{ACCOUNTS, DOCUMENTS, Ledger, RATES};
use crate::world::{Seen, say};

pub(crate) const BRANCHES: usize = 3;
/// Of each kind, in each branch: a way that is slow is walked by many at once.
const READERS: usize = 96;
const WRITERS: usize = 4;
/// A clock's tick, and the way from an answer to the check.
const SLACK: Duration = Duration::from_millis(25);

pub(crate) struct Bank {
    ledger: Arc<Ledger>,
    branches: Vec<Branch>,
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
    /// Each branch has its own way to the server.
    pub(crate) fn new(builder: impl Fn(usize) -> CacheBuilder) -> Arc<Self> {
        let ledger = Arc::new(Ledger::new());
        let branch = |number| {
            let cache = builder(number).memory(Memory::entries(100)).build();
            Branch { cache, ledger: Arc::clone(&ledger) }
        };
        let branches = (0..BRANCHES).map(branch).collect();
        Arc::new(Self { ledger, branches, seen: Arc::default(), stops: AtomicBool::new(false) })
    }

    /// Reads and writes until `chaos` has ended and there were this many reads. In the end everyone has heard everything.
    pub(crate) async fn run(self: &Arc<Self>, name: &str, reads: u64, chaos: impl Future<Output = u64>) -> Arc<Seen> {
        let mut tasks = JoinSet::new();
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
            let id = some_account();
            let is_strict = fastrand::bool();
            let ago = if is_strict { Duration::ZERO } else { DETECTION };
            let promised = self.ledger.account(id).promised(ago);
            // Some callers wait for no more than a part of a round trip.
            let patience = Duration::from_millis(if fastrand::u8(..8) == 0 { fastrand::u64(..60) } else { 60_000 });
            let Ok((what, found)) = tokio::time::timeout(patience, branch.read(id, is_strict)).await else { continue };
            self.check(&format!("{what} of account {id}"), &self.ledger.account(id), promised, found);
            self.count().await;
        }
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
            if pending.try_publish().await.is_err() {
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
            let booked = self.book();
            if self.tell(&branch, booked).await {
                self.acknowledge(booked);
            } else {
                // It is in the branch's queue, and acknowledged when that is empty.
                let (bank, branch) = (Arc::clone(&self), branch.clone());
                waiting.spawn(async move {
                    while branch.cache.stats().pending_invalidations > 0 {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                    bank.acknowledge(booked);
                });
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(..60))).await;
        }
        while waiting.join_next().await.is_some() {}
    }

    fn book(&self) -> Booked {
        let commit = |id| (id, self.ledger.account(id).commit(None));
        let (from, to) = (some_account(), some_account());
        let is_transfer = from != to && fastrand::bool();
        Booked { from: commit(from), to: is_transfer.then(|| commit(to)) }
    }

    /// Whether it was acknowledged: by a writer that awaits, by one that blocks, or by one that is cancelled in time.
    async fn tell(&self, branch: &Branch, Booked { from: (from, _), to }: Booked) -> bool {
        let tells = async {
            match to {
                None => branch.changed(from).await,
                Some((to, _)) => branch.transferred(from, to).await,
            }
        };
        let told = match fastrand::u8(..5) {
            0 | 1 => tokio::time::timeout(Duration::from_millis(fastrand::u64(..80)), tells).await.ok(),
            2 => Some(tokio::task::block_in_place(|| match to {
                None => branch.changed_sync(from),
                Some((to, _)) => branch.transferred_sync(from, to),
            })),
            _ => Some(tells.await),
        };
        told.is_some_and(|told| told.is_ok())
    }

    fn acknowledge(&self, Booked { from, to }: Booked) {
        for (id, position) in [from].into_iter().chain(to) {
            self.ledger.account(id).acknowledge(position);
        }
        self.seen.acknowledged.fetch_add(1, Relaxed);
    }

    /// When all has been told, every strict read finds what is there.
    async fn settle(&self) {
        for branch in &self.branches {
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

/// Some more often than others, so that their events meet.
fn some_account() -> u64 {
    let account = || fastrand::u64(..ACCOUNTS as u64);
    account().min(account()).min(account())
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
