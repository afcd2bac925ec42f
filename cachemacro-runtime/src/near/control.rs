//! What was cleared in the whole namespace, as far as this process knows. It asks the shared store for the control record, and no
//! answer of the store is used that is not covered by such a question within [`DETECTION`].

use std::collections::HashMap;
use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::detection::DETECTION;
use crate::callsite::registry::sites;
use crate::callsite::{Callsite, site_name};
use crate::error::StoreError;
use crate::local::{LocalTier, Scope};
use crate::remote::{ControlNumber, Raise, RaiseTo, RemoteStore};
use crate::util::clock::{AtomicMoment, Clock, Moment};

/// The pause between two questions. Several fit into one [`DETECTION`].
const PAUSE: Duration = Duration::from_millis(250);

/// The control record, and what this process does by it. It begins with the record's first answer: a process clears what it has
/// when it hears of a clear, also if that was before its start.
pub(crate) struct Control {
    store: Arc<dyn RemoteStore>,
    clock: Arc<dyn Clock>,
    local: Arc<LocalTier>,
    known: Mutex<Known>,
    /// Whether there is a number. Until then nothing else is read.
    any: AtomicBool,
    /// Until then the record is known.
    until: AtomicMoment,
    /// Whether a call asks, and others wait for its answer.
    is_asking: AtomicBool,
    /// The questions that have ended, and the error of the last one.
    ended: AtomicU64,
    failed: Mutex<Option<StoreError>>,
    answered: Notify,
    is_running: AtomicBool,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct Known {
    /// By the names of functions; the one of all functions has none.
    numbers: HashMap<String, u64>,
    /// The number of each function that was asked for, by its index: the greater of the one of all functions and its own.
    of_sites: HashMap<usize, u64>,
    /// What the store was not told yet.
    raises: Vec<Raise>,
}

impl Known {
    fn number(&self, name: &str) -> u64 {
        self.numbers.get(name).copied().unwrap_or(0)
    }

    fn greatest(&self) -> u64 {
        self.numbers.values().copied().max().unwrap_or(0)
    }
}

/// A number that is greater than those that were made in earlier milliseconds, and differs from those of other processes in most cases. It has
/// at most 15 digits until the year 2090.
fn number_of_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(since.as_millis()).unwrap_or(0).min(u64::MAX >> 9);
    (millis << 8) | u64::from(fastrand::u8(..) & !1)
}

impl Control {
    pub(crate) fn new(store: Arc<dyn RemoteStore>, clock: Arc<dyn Clock>, local: Arc<LocalTier>) -> Self {
        Self {
            store,
            clock,
            local,
            known: Mutex::default(),
            any: AtomicBool::new(false),
            until: AtomicMoment::default(),
            is_asking: AtomicBool::new(false),
            ended: AtomicU64::new(0),
            failed: Mutex::default(),
            answered: Notify::new(),
            is_running: AtomicBool::new(false),
            changed: Arc::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when the record is known.
    pub(super) fn until(&self) -> Moment {
        self.until.load()
    }

    /// The number of a function. Entries under different numbers are different ones.
    pub(crate) fn number(&self, site: &Callsite) -> u64 {
        if !self.any.load(Ordering::Acquire) {
            return 0;
        }
        let mut known = self.known();
        if let Some(number) = known.of_sites.get(&site.index()) {
            return *number;
        }
        let number = known.number("").max(known.number(&site_name(site.info())));
        known.of_sites.insert(site.index(), number);
        number
    }

    /// What has to be told to the store.
    pub(crate) fn pending(&self) -> usize {
        self.known().raises.len()
    }

    /// Clears one function, or all of them with an empty name: in this process at once, in the others when they have asked.
    pub(crate) fn raise(this: &Arc<Self>, name: String, is_off: bool) {
        let least = number_of_now();
        {
            let mut known = this.known();
            let next = RaiseTo::Next { least, is_off }.of(known.number(&name), known.greatest());
            known.raises.retain(|raise| raise.name != name);
            known.raises.push(Raise { name: name.clone(), to: RaiseTo::Next { least: next, is_off } });
            this.adopt(&mut known, &name, next);
        }
        Self::start(this);
        this.changed.notify_one();
    }

    /// Asks for the record, if the last answer is older than [`DETECTION`]. One caller asks for all, who then go on together.
    pub(crate) async fn confirm(this: &Arc<Self>) -> Result<(), StoreError> {
        Self::start(this);
        let before = this.ended.load(Ordering::Acquire);
        loop {
            if this.clock.now() < this.until() {
                return Ok(());
            }
            let mut answered = pin!(this.answered.notified());
            // Registered before the state is read, so that no answer is missed.
            answered.as_mut().enable();
            if let Some(_asking) = Asking::begin(this) {
                return this.ask().await;
            }
            answered.await;
            if this.ended.load(Ordering::Acquire) > before
                && let Some(error) = this.last_error().clone()
            {
                return Err(error);
            }
        }
    }

    /// Tells the store what it was not told yet.
    pub(crate) async fn flush(&self) -> Result<(), StoreError> {
        while self.pending() > 0 {
            self.ask().await?;
        }
        Ok(())
    }

    fn last_error(&self) -> MutexGuard<'_, Option<StoreError>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self) -> Result<(), StoreError> {
        let asked = self.clock.now();
        let answer = self.ask_once().await;
        *self.last_error() = answer.as_ref().err().cloned();
        if answer.is_ok() {
            self.until.store(asked.after(DETECTION));
        }
        self.ended.fetch_add(1, Ordering::AcqRel);
        answer
    }

    async fn ask_once(&self) -> Result<(), StoreError> {
        loop {
            let raises = self.known().raises.clone();
            let Some(answer) = self.store.control(&raises) else { return Ok(()) };
            let numbers = answer.await?;
            let mut known = self.known();
            known.raises.retain(|raise| !raises.contains(raise));
            for ControlNumber { name, number } in &numbers {
                if *number > known.number(name) {
                    self.adopt(&mut known, name, *number);
                }
            }
            let mut lost: Vec<_> = known.lost(&numbers).collect();
            if lost.is_empty() {
                return Ok(());
            }
            // The server has lost what it had acknowledged.
            known.raises.append(&mut lost);
        }
    }

    /// The entries end before the number is known: a call that knows the number begins its load after that.
    fn adopt(&self, known: &mut Known, name: &str, number: u64) {
        let is_off = number % 2 == 1;
        if name.is_empty() {
            self.local.clear(Scope::All);
        }
        for site in sites().filter(|site| !name.is_empty() && site_name(site.info()) == name) {
            self.local.clear(Scope::Function(site));
            self.local.set_off(site, is_off);
        }
        known.numbers.insert(name.to_owned(), number);
        known.of_sites.clear();
        self.any.store(true, Ordering::Release);
    }

    pub(super) fn start(this: &Arc<Self>) {
        if this.is_running.load(Ordering::Relaxed) {
            return;
        }
        if let Ok(runtime) = Handle::try_current()
            && !this.is_running.swap(true, Ordering::AcqRel)
        {
            runtime.spawn(Follower(Arc::downgrade(this)).run());
        }
    }
}

/// The right to ask for all callers. It passes on when its caller is cancelled.
struct Asking<'a>(&'a Control);

impl<'a> Asking<'a> {
    fn begin(control: &'a Control) -> Option<Self> {
        (!control.is_asking.swap(true, Ordering::AcqRel)).then_some(Self(control))
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.is_asking.store(false, Ordering::Release);
        self.0.answered.notify_waiters();
    }
}

impl Known {
    /// The numbers of this process that the record does not have.
    fn lost<'a>(&'a self, numbers: &'a [ControlNumber]) -> impl Iterator<Item = Raise> + 'a {
        let has = |name: &str, number| numbers.iter().any(|at| at.name == name && at.number >= number);
        let is_raised = |name: &str| self.raises.iter().any(|raise| raise.name == name);
        self.numbers
            .iter()
            .filter(move |(name, number)| !has(name, **number) && !is_raised(name))
            .map(|(name, number)| Raise { name: name.clone(), to: RaiseTo::AtLeast(*number) })
    }
}

/// The task that asks while the cache lives. If it is dropped with its runtime, the next one can start.
struct Follower(Weak<Control>);

impl Follower {
    async fn run(self) {
        while let Some(control) = self.0.upgrade() {
            // The calls that need the answer see the error.
            let _ = control.ask().await;
            let changed = Arc::clone(&control.changed);
            drop(control);
            let _ = tokio::time::timeout(PAUSE, changed.notified()).await;
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if let Some(control) = self.0.upgrade() {
            control.is_running.store(false, Ordering::Release);
        }
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}
