//! Sync functions: the same engine, on stores that answer at once. To wait for a load, the thread is parked.

use std::thread;

use tokio::runtime::Handle;

use super::adapter::{Due, Next, ReturnAdapter};
use super::boxed;
use super::fill::Landed;
use super::loads::SyncLoad;
use super::pending_read::{PendingRead, ReadStep};
use super::permit::LoadPermit;
use super::state::{Call, Miss, Spawner, Step};
use super::task_local::TaskLocals;
use crate::entry::Deferred;
use crate::observe::RefreshSpan;
use crate::util::block_on::block_on;
use crate::util::context::{self, Entered};
use crate::value::{ErrorAdapter, LoadOutcome, Shape, Values};

impl<S: Shape, L> PendingRead<S, L, LoadOutcome<S>> {
    /// The next step: the answer, or a request for a load.
    pub fn step_sync(&mut self) -> ReadStep<S> {
        let next = if self.refreshes() {
            self.refresh()
        } else if let Some((Due { permit, .. }, load)) = self.supplied() {
            self.load_sync(permit, &load)
        } else {
            self.begin_sync()
        };
        self.step_to(next)
    }

    fn begin_sync(&mut self) -> Next<S> {
        // As in an async call.
        self.due = None;
        self.call.can_answer_nothing = self.adapter.can_answer_nothing();
        loop {
            let step = boxed::next_sync(&mut self.call, &mut self.deferred);
            let Step::Wait(waiting) = step else { return self.adapter.next(&mut self.call, step) };
            let ended = block_on(waiting);
            if let Some(step) = boxed::waited_sync(&mut self.call, &mut self.deferred, ended) {
                return self.adapter.next(&mut self.call, step);
            }
        }
    }

    fn load_sync(&mut self, permit: Box<LoadPermit>, load: &L) -> Next<S> {
        // The results of earlier loads, kept until the flight has landed.
        let mut refused = Vec::new();
        let mut permit = permit;
        // A sync call has no timeout.
        block_on(self.call.take_slot(&mut permit));
        loop {
            let (loaded, kept) = {
                let this = self.call.load(&permit);
                self.adapter.part(permit.run_sync(this, || (self.run)(load)))
            };
            match boxed::land_sync(&mut self.call, &mut self.deferred, permit, loaded) {
                Landed::Return => return self.adapter.loaded(kept),
                Landed::Stale(served) => return self.adapter.stale(&self.call, served, kept),
                Landed::Again(next) => {
                    refused.push(kept);
                    permit = next;
                }
                Landed::Restart => return self.begin_sync(),
            }
        }
    }
}

/// A sync call with `refresh = inline`, or with nothing to refresh.
pub fn read_sync_inline<S: Shape, L: Fn() -> LoadOutcome<S>>(
    miss: Miss,
    _: S,
    values: Values<S::Value>,
    fail: ErrorAdapter<S::Return>,
) -> PendingRead<S, L, LoadOutcome<S>> {
    PendingRead::new(miss, values, fail, |load: &L| load())
}

/// A sync call with `refresh = background`.
pub fn read_sync_background<S: Shape>(
    miss: Miss,
    _: S,
    values: Values<S::Value>,
    fail: ErrorAdapter<S::Return>,
) -> PendingRead<S, SyncLoad<S>, LoadOutcome<S>> {
    PendingRead::new(miss, values, fail, |load: &SyncLoad<S>| load()).with_refresh(Spawner::Thread, spawn)
}

/// The refresh runs on a new thread. In a thread pool it might be queued behind the callers that wait for it.
fn spawn<S: Shape>(
    call: Call,
    permit: Box<LoadPermit>,
    adapter: ReturnAdapter<S>,
    load: SyncLoad<S>,
    locals: TaskLocals,
) {
    let runtime = Handle::try_current().ok();
    let (mut scoped, span) = (context::scoped_cache(), RefreshSpan::new(call.site().info().name));
    let refresh = move || {
        let _entered = runtime.as_ref().map(Handle::enter);
        let _scoped = Entered::new(&mut scoped);
        locals.run(|| span.in_scope(|| refresh_sync(call, permit, adapter, &load)));
    };
    // Without a thread the permit is dropped, and the next reader refreshes.
    let _ = thread::Builder::new().name("cachemacro-refresh".to_owned()).spawn(refresh);
}

fn refresh_sync<S: Shape>(mut call: Call, permit: Box<LoadPermit>, adapter: ReturnAdapter<S>, load: &SyncLoad<S>) {
    // The values that the refresh replaces, and the results of its loads. They are dropped after the permit.
    let (mut deferred, mut brought) = (Deferred::default(), Vec::new());
    let mut permit = permit;
    loop {
        let (loaded, kept) = {
            let this = call.load(&permit);
            adapter.part(permit.run_sync(this, load))
        };
        brought.push(kept);
        match boxed::land_sync(&mut call, &mut deferred, permit, loaded) {
            Landed::Again(next) => permit = next,
            _ => return,
        }
    }
}
