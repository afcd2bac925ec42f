//! A call that missed. It alternates with its function: only the function knows how to start a load, and what an
//! absence is. The code here is not compiled once per function, except for functions whose loads borrow.

use super::adapter::{Answer, Due, Next, ReturnAdapter};
use super::permit::LoadPermit;
use super::state::{Call, Miss, Spawner, Step};
use super::task_local::TaskLocals;
use crate::entry::Deferred;
use crate::value::{ErrorAdapter, Shape, Values};

/// What the function does next.
pub enum ReadStep<S: Shape> {
    /// It returns this.
    Answer(Answer<S>),
    /// It supplies a load.
    Load,
}

/// Runs a load that no caller waits for.
pub(super) type Refresh<S, L> = fn(Call, Box<LoadPermit>, ReturnAdapter<S>, L, TaskLocals);

/// A call, and how it runs loads of this kind. `T` is the result of a load, or the future of the result.
pub struct PendingRead<S: Shape, L, T> {
    pub(super) call: Box<Call>,
    pub(super) adapter: ReturnAdapter<S>,
    pub(super) run: fn(&L) -> T,
    /// `None` where the caller itself runs a refresh.
    refresh: Option<Refresh<S, L>>,
    pub(super) due: Option<Due>,
    load: Option<L>,
    /// The task-locals of the caller, for a refresh that outlives the call.
    locals: TaskLocals,
    /// The last field, so that it is dropped after `due`.
    pub(super) deferred: Deferred,
}

impl<S: Shape, L, T> PendingRead<S, L, T> {
    pub(super) fn new(miss: Miss, values: Values<S::Value>, fail: ErrorAdapter<S::Return>, run: fn(&L) -> T) -> Self {
        Self {
            call: miss.0,
            adapter: ReturnAdapter { values, fail },
            run,
            refresh: None,
            due: None,
            load: None,
            locals: TaskLocals::default(),
            deferred: Deferred::default(),
        }
    }

    pub(super) fn with_refresh(mut self, spawner: Spawner, refresh: Refresh<S, L>) -> Self {
        self.call.spawner = spawner;
        self.refresh = Some(refresh);
        self
    }

    /// Supplies the load that [`ReadStep::Load`] asked for.
    pub fn supply_loader(&mut self, load: L) {
        self.load = Some(load);
    }

    /// Where the task-locals of the caller are kept, if the load that was asked for outlives the call.
    pub fn task_locals(&mut self) -> Option<&mut TaskLocals> {
        let outlives = self.due.as_ref().is_some_and(|due| due.meanwhile.is_some());
        outlives.then_some(&mut self.locals)
    }

    /// Whether a load was asked for and supplied.
    pub(super) const fn is_supplied(&self) -> bool {
        self.due.is_some() && self.load.is_some()
    }

    /// Whether its caller does not wait for it.
    pub(super) fn refreshes(&self) -> bool {
        self.is_supplied() && self.due.as_ref().is_some_and(|due| due.meanwhile.is_some())
    }

    pub(super) fn supplied(&mut self) -> Option<(Due, L)> {
        self.due.take().zip(self.load.take())
    }

    /// Begins a load that the caller does not wait for, and serves what there is.
    pub(super) fn refresh(&mut self) -> Next<S> {
        let Some((Due { permit, meanwhile: Some(served) }, load)) = self.supplied() else {
            return Next::load(self.call.unstored());
        };
        if let Some(refresh) = self.refresh {
            let locals = std::mem::take(&mut self.locals);
            refresh(self.call.for_refresh(), permit, self.adapter, load, locals);
        }
        self.adapter.next(&mut self.call, Step::Serve(served))
    }

    pub(super) fn step_to(&mut self, next: Next<S>) -> ReadStep<S> {
        match next {
            Next::Answer(answer) => {
                self.deferred.release();
                ReadStep::Answer(answer)
            }
            Next::Load(due) => {
                self.due = Some(due);
                ReadStep::Load
            }
        }
    }
}
