//! How a local tier knows that it has received all announcements: it follows the channel, and counts as coherent only
//! for a bounded time after its last question.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::control::Control;
use super::detection::DETECTION;
use crate::local::LocalTier;
use crate::observe::{Jobs, Outage, log};
use crate::remote::{Followed, InvalidationChannel, Notice, Position};
use crate::util::clock::{AtomicMoment, Clock, Moment};

/// How long one question waits for an announcement. Several questions fit into one [`DETECTION`].
const WAIT: Duration = Duration::from_millis(200);
/// The pause after a question that failed.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Coherence {
    local: Arc<LocalTier>,
    /// `None`: the tier keeps no copies.
    channel: Option<Arc<dyn InvalidationChannel>>,
    /// Copies are not served beyond what this process knows of the control record.
    control: Option<Arc<Control>>,
    clock: Arc<dyn Clock>,
    /// Told of what other processes announce.
    jobs: Arc<Jobs>,
    /// Copies may be served before this moment.
    until: AtomicMoment,
    /// The position in the channel; `None` until the channel was found. It outlives the task that follows the channel.
    position: Mutex<Option<Position>>,
    is_following: AtomicBool,
    /// Whether loads of such copies have begun before the channel was found. What was announced until then, this process has not received.
    has_unannounced: AtomicBool,
    is_running: AtomicBool,
    outage: Outage,
}

impl Coherence {
    pub(super) fn new(
        local: Arc<LocalTier>,
        channel: Option<Arc<dyn InvalidationChannel>>,
        control: Option<Arc<Control>>,
        clock: Arc<dyn Clock>,
        jobs: Arc<Jobs>,
    ) -> Self {
        Self {
            local,
            channel,
            control,
            clock,
            jobs,
            until: AtomicMoment::default(),
            position: Mutex::new(None),
            is_following: AtomicBool::new(false),
            has_unannounced: AtomicBool::new(false),
            is_running: AtomicBool::new(false),
            outage: Outage::default(),
        }
    }

    #[inline]
    pub(super) fn holds(&self, now: Moment) -> bool {
        now < self.until.load() && self.control.as_ref().is_none_or(|control| now < control.until())
    }

    /// Whether the channel was found: its announcements end the copies that are fetched from now on.
    pub(super) fn is_following(&self) -> bool {
        self.is_following.load(Ordering::Acquire)
    }

    /// A load begins whose value is a copy that is not from the shared store. If the channel is found while it runs, its records are void. If the
    /// channel was found before, it began after everything that was announced until then.
    pub(super) fn loads_in_outage(&self) {
        if !self.is_following() {
            self.has_unannounced.store(true, Ordering::Release);
        }
    }

    pub(super) fn start(this: &Arc<Self>) {
        this.control.iter().for_each(Control::start);
        let Some(channel) = this.channel.as_ref().filter(|_| !this.is_running.load(Ordering::Relaxed)) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current()
            && !this.is_running.swap(true, Ordering::AcqRel)
        {
            let follower = Follower { coherence: Arc::downgrade(this), channel: Arc::clone(channel) };
            runtime.spawn(follower.run());
        }
    }

    /// Asks one question. Returns whether the channel answered.
    async fn ask(&self, channel: &dyn InvalidationChannel) -> bool {
        let position = self.position.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let asked = self.clock.now();
        // A channel that does not answer counts as down.
        match tokio::time::timeout(DETECTION, channel.follow(position.as_ref(), WAIT)).await {
            Ok(Ok(followed)) => {
                self.take(followed, asked);
                if let Some(down) = self.outage.succeeded(&*self.clock) {
                    log::channel_up(down);
                }
                true
            }
            Ok(Err(error)) => self.failed(&error),
            Err(elapsed) => self.failed(&elapsed),
        }
    }

    fn failed(&self, reason: &dyn fmt::Display) -> bool {
        if let Some(down) = self.outage.failed(1, self.clock.now()) {
            log::channel_down(down, reason);
        }
        false
    }

    /// The order matters: first end what may have been missed, then what was announced, and only then serve copies
    /// again.
    fn take(&self, followed: Followed, asked: Moment) {
        let is_first = !self.is_following();
        if followed.has_gap || is_first && self.has_unannounced.swap(false, Ordering::AcqRel) {
            self.local.void();
        }
        self.jobs.announced(followed.notices.iter().map(|(aggregate, _)| aggregate), self.clock.now());
        for (aggregate, notice) in followed.notices {
            match notice {
                Notice::Moved(moved) => {
                    self.local.apply(&aggregate, moved);
                }
                Notice::Reset => self.local.reset(&aggregate),
            }
        }
        *self.position.lock().unwrap_or_else(PoisonError::into_inner) = Some(followed.position);
        self.is_following.store(true, Ordering::Release);
        self.until.store(asked.after(DETECTION));
    }
}

/// The task that follows the channel while the tier lives. If it is dropped with its runtime, the next one can start.
struct Follower {
    coherence: Weak<Coherence>,
    channel: Arc<dyn InvalidationChannel>,
}

impl Follower {
    async fn run(self) {
        while let Some(coherence) = self.coherence.upgrade() {
            if !coherence.ask(&*self.channel).await {
                drop(coherence);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if let Some(coherence) = self.coherence.upgrade() {
            coherence.is_running.store(false, Ordering::Release);
        }
    }
}
