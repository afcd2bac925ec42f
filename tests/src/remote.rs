//! A store that behaves like one outside the process: bytes, awaits, and faults on demand.

use std::collections::HashSet;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachemacro::store::{
    Aggregate, Announcement, Answer, Applied, Entered, Fill, Followed, Form, InvalidationChannel, Lease, Lookup, Move,
    Notice, Position, Query, Refused, Shared, Snapshot, StoreError,
};
use cachemacro::{Clock, Memory, MemoryStore, RemoteStore};
use tokio::sync::{Notify, Semaphore, watch};

/// The store, and its switches.
pub struct Remote {
    inner: MemoryStore,
    /// Every operation fails.
    pub is_down: AtomicBool,
    /// Invalidations fail, everything else works: the worst case.
    pub loses_events: AtomicBool,
    /// Invalidations of these aggregates fail.
    pub refused: Mutex<HashSet<String>>,
    /// Entries come back as garbage.
    pub garbles: AtomicBool,
    /// The channel of announcements does not answer.
    pub is_silent: AtomicBool,
    /// Announcements are refused.
    pub loses_announcements: AtomicBool,
    /// Another process holds every lease.
    pub is_leased: AtomicBool,
    /// Lookups are answered, but their answers arrive only as permits are added. Closed: at once.
    pub answers: Semaphore,
    /// Moves reach the store only as permits are added. Closed: at once.
    pub moves: Semaphore,
    /// Moves are applied, but while this is set their answers are held back.
    pub holds_move_answers: watch::Sender<bool>,
    /// Announcements are made, but while this is set their answers are held back.
    pub holds_announcement_answers: watch::Sender<bool>,
    /// Which incarnation of the store this is.
    pub incarnation: AtomicU64,
    /// Operations so far, without those of the channel.
    pub operations: AtomicU64,
    channel: Mutex<Channel>,
    news: Notify,
}

/// What was announced.
#[derive(Default)]
struct Channel {
    first: usize,
    notices: Vec<(Aggregate, Notice)>,
    events: Vec<(&'static str, String)>,
}

impl Remote {
    /// An empty store.
    #[must_use]
    pub fn new(clock: impl Clock) -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryStore::new(Memory::default(), Arc::new(clock), Duration::ZERO),
            is_down: AtomicBool::new(false),
            loses_events: AtomicBool::new(false),
            refused: Mutex::default(),
            garbles: AtomicBool::new(false),
            is_silent: AtomicBool::new(false),
            loses_announcements: AtomicBool::new(false),
            is_leased: AtomicBool::new(false),
            answers: closed(),
            moves: closed(),
            holds_move_answers: watch::Sender::new(false),
            holds_announcement_answers: watch::Sender::new(false),
            incarnation: AtomicU64::new(0),
            operations: AtomicU64::new(0),
            channel: Mutex::default(),
            news: Notify::new(),
        })
    }

    /// The store with its channel.
    #[must_use]
    pub fn shared(self: &Arc<Self>) -> Shared {
        Shared::new(self.clone()).with_channel(self.clone())
    }

    /// From now on lookups wait for permits of [`Remote::answers`].
    #[must_use]
    pub fn with_held_answers(self: Arc<Self>) -> Arc<Self> {
        let mut this = Arc::into_inner(self).expect("the store is not in use yet");
        this.answers = Semaphore::new(0);
        Arc::new(this)
    }

    /// From now on moves wait for permits of [`Remote::moves`].
    #[must_use]
    pub fn with_held_moves(self: Arc<Self>) -> Arc<Self> {
        let mut this = Arc::into_inner(self).expect("the store is not in use yet");
        this.moves = Semaphore::new(0);
        Arc::new(this)
    }

    /// Forgets what was announced, as a channel that is trimmed does.
    pub fn trim(&self) {
        let mut channel = self.channel.lock().expect("no panic");
        channel.first += channel.notices.len();
        channel.notices.clear();
    }

    /// The events announced so far, as name and JSON.
    pub fn events(&self) -> Vec<(&'static str, String)> {
        self.channel.lock().expect("no panic").events.clone()
    }

    /// How many moves were announced so far.
    pub fn announced(&self) -> usize {
        let channel = self.channel.lock().expect("no panic");
        channel.first + channel.notices.len()
    }

    fn read_from(&self, from: Option<&Position>) -> Followed {
        let channel = self.channel.lock().expect("no panic");
        let end = channel.first + channel.notices.len();
        let start: usize = from.map_or(end, |position| position.0.parse().expect("one of ours"));
        let known = start.saturating_sub(channel.first);
        Followed {
            position: Position(end.to_string()),
            notices: channel.notices[known.min(channel.notices.len())..].to_vec(),
            has_gap: start < channel.first,
        }
    }

    fn append(&self, announcements: &[Announcement]) {
        let mut channel = self.channel.lock().expect("no panic");
        for announcement in announcements {
            channel.events.extend(announcement.event.clone());
            channel.notices.extend(announcement.notices.iter().cloned());
        }
        self.news.notify_waiters();
    }

    async fn reach(&self, operation: &'static str) -> Result<(), StoreError> {
        self.operations.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let lost = operation == "apply" && self.loses_events.load(Ordering::SeqCst);
        if lost || self.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::new(operation, "connection refused"));
        }
        Ok(())
    }
}

impl RemoteStore for Remote {
    fn form(&self) -> Form {
        Form::Bytes
    }

    fn lookup<'a>(&'a self, query: Query<'a>) -> Answer<'a, Lookup> {
        Box::pin(async move {
            self.reach("lookup").await?;
            let mut found = self.inner.lookup(query).await?;
            if let Ok(permit) = self.answers.acquire().await {
                permit.forget();
            }
            if let Lookup::Hit(entry, _) = &mut found
                && self.garbles.load(Ordering::SeqCst)
            {
                entry.payload = cachemacro::store::Payload::Bytes(Arc::new([0xFF; 3]));
            }
            Ok(found)
        })
    }

    fn enter<'a>(&'a self, query: Query<'a>, rotates: bool) -> Answer<'a, Entered> {
        Box::pin(async move {
            self.reach("enter").await?;
            let mut entered = self.inner.enter(query, rotates).await?;
            if self.is_leased.load(Ordering::SeqCst) {
                entered.lease = Lease::Held(Duration::from_secs(1));
            }
            Ok(entered)
        })
    }

    fn fill<'a>(&'a self, query: Query<'a>, fill: Fill) -> Answer<'a, Result<(), Refused>> {
        Box::pin(async move {
            self.reach("fill").await?;
            self.inner.fill(query, fill).await
        })
    }

    fn verify<'a>(
        &'a self,
        query: Query<'a>,
        snapshots: &'a [Snapshot],
        version: u64,
    ) -> Answer<'a, Result<Vec<Snapshot>, Refused>> {
        Box::pin(async move {
            self.reach("verify").await?;
            self.inner.verify(query, snapshots, version).await
        })
    }

    fn apply<'a>(&'a self, aggregate: &'a Aggregate, moved: Move) -> Answer<'a, Applied> {
        Box::pin(async move {
            self.reach("apply").await?;
            if self.refused.lock().expect("no panic").contains(aggregate.as_str()) {
                return Err(StoreError::new("apply", "refused"));
            }
            if let Ok(permit) = self.moves.acquire().await {
                permit.forget();
            }
            let applied = self.inner.apply(aggregate, moved).await;
            released(&self.holds_move_answers).await;
            applied
        })
    }

    fn detect<'a>(&'a self, aggregate: &'a Aggregate, snapshot: Snapshot, version: u64) -> Answer<'a, bool> {
        Box::pin(async move {
            self.reach("detect").await?;
            self.inner.detect(aggregate, snapshot, version).await
        })
    }

    fn discard<'a>(&'a self, query: Query<'a>) -> Answer<'a, ()> {
        Box::pin(async move {
            self.reach("discard").await?;
            self.inner.discard(query).await
        })
    }

    fn incarnation(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.incarnation.load(Ordering::SeqCst))
    }

    fn source_lag(&self) -> Duration {
        self.inner.source_lag()
    }
}

impl InvalidationChannel for Remote {
    fn announce<'a>(&'a self, announcements: &'a [Announcement]) -> Answer<'a, ()> {
        Box::pin(async move {
            self.reach("announce").await?;
            if self.loses_announcements.load(Ordering::SeqCst) {
                return Err(StoreError::new("announce", "connection refused"));
            }
            self.append(announcements);
            released(&self.holds_announcement_answers).await;
            Ok(())
        })
    }

    fn follow<'a>(&'a self, from: Option<&'a Position>, wait: Duration) -> Answer<'a, Followed> {
        Box::pin(async move {
            let followed = self.read_from(from);
            if from.is_some() && followed.notices.is_empty() && !followed.has_gap {
                let _ = tokio::time::timeout(wait, self.news.notified()).await;
            }
            if self.is_silent.load(Ordering::SeqCst) || self.is_down.load(Ordering::SeqCst) {
                return Err(StoreError::new("follow", "connection refused"));
            }
            Ok(self.read_from(from))
        })
    }
}

async fn released(holds: &watch::Sender<bool>) {
    // The sender lives as long as the store.
    let _ = holds.subscribe().wait_for(|holds| !holds).await;
}

fn closed() -> Semaphore {
    let semaphore = Semaphore::new(0);
    semaphore.close();
    semaphore
}
