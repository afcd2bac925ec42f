//! How a local tier knows that it has heard everything: it follows the channel of announcements, and counts as coherent
//! only for so long after it last asked.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::local::MemoryStore;
use crate::remote::{Followed, Notice, Position, Store};
use crate::util::clock::{AtomicMoment, Clock, Moment};

/// The longest that a local tier answers without having heard from the channel: the bound of G3.
pub const DETECTION: Duration = Duration::from_secs(1);

/// How long one question waits for an announcement. Some are asked within each [`DETECTION`].
const WAIT: Duration = Duration::from_millis(200);
/// Between questions that fail.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Coherence {
    memory: Arc<MemoryStore>,
    shared: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Copies may be served before this moment.
    until: AtomicMoment,
    /// Where to go on; none until the channel was found. Outlives the task that follows it.
    position: Mutex<Option<Position>>,
    is_following: AtomicBool,
    is_running: AtomicBool,
    has_channel: AtomicBool,
}

impl Coherence {
    pub(super) fn new(memory: Arc<MemoryStore>, shared: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            memory,
            shared,
            clock,
            until: AtomicMoment::default(),
            position: Mutex::new(None),
            is_following: AtomicBool::new(false),
            is_running: AtomicBool::new(false),
            has_channel: AtomicBool::new(true),
        }
    }

    #[inline]
    pub(super) fn holds(&self, now: Moment) -> bool {
        now < self.until.load()
    }

    /// Whether the channel was found: whatever is fetched from now on is ended by its announcements.
    pub(super) fn is_following(&self) -> bool {
        self.is_following.load(Ordering::Acquire)
    }

    pub(super) fn start(this: &Arc<Self>) {
        if this.is_running.load(Ordering::Relaxed) || !this.has_channel.load(Ordering::Relaxed) {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current()
            && !this.is_running.swap(true, Ordering::AcqRel)
        {
            runtime.spawn(Follower(Arc::downgrade(this)).run());
        }
    }

    /// One question. Says whether to ask on at once.
    async fn ask(&self) -> bool {
        let position = self.position.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let asked = self.clock.now();
        // A channel that hangs is a channel that is down.
        match tokio::time::timeout(DETECTION, self.shared.follow(position.as_ref(), WAIT)).await {
            Ok(Ok(Some(followed))) => {
                self.take(followed, asked);
                true
            }
            Ok(Ok(None)) => {
                self.has_channel.store(false, Ordering::Relaxed);
                false
            }
            Ok(Err(_)) | Err(_) => false,
        }
    }

    /// The order is the rule: first what was missed ends, then what was announced, and only then copies count again.
    fn take(&self, followed: Followed, asked: Moment) {
        if followed.has_gap {
            self.memory.void();
        }
        for (aggregate, notice) in followed.notices {
            match notice {
                Notice::Moved(moved) => {
                    self.memory.moved(&aggregate, moved);
                }
                Notice::Reset => self.memory.reset(&aggregate),
            }
        }
        *self.position.lock().unwrap_or_else(PoisonError::into_inner) = Some(followed.position);
        self.is_following.store(true, Ordering::Release);
        self.until.store(asked.after(DETECTION));
    }
}

/// The task that follows, while the tier lives. Dropped with its runtime, it leaves its place to the next.
struct Follower(Weak<Coherence>);

impl Follower {
    async fn run(self) {
        while let Some(coherence) = self.0.upgrade() {
            if coherence.ask().await {
                continue;
            }
            if !coherence.has_channel.load(Ordering::Relaxed) {
                return;
            }
            drop(coherence);
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if let Some(coherence) = self.0.upgrade() {
            coherence.is_running.store(false, Ordering::Release);
        }
    }
}
