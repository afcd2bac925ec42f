//! A call that missed, and takes turns with its function: the function alone knows how a load begins, and what an absence
//! is. Nothing here is made anew for every function, but for those whose loads borrow.

use super::adapter::{Answer, Due, Face, Next};
use super::permit::Ticket;
use super::served::Served;
use super::state::{Call, Miss, Spawner, Step};
use crate::entry::Deferred;
use crate::value::{FailFace, Shape, Values};

/// What the function does next.
pub enum Turn<S: Shape> {
    /// Nothing: it returns this.
    Answer(Answer<S>),
    /// It gives a load.
    Load,
}

/// Where a load runs that nobody waits for.
pub(super) type Refresh<S, L> = fn(Call, Ticket, Face<S>, L);

/// A call, and how it runs loads of this kind: `T` is what one gives, or the future of that.
pub struct Reading<S: Shape, L, T> {
    pub(super) call: Box<Call>,
    pub(super) face: Face<S>,
    pub(super) run: fn(&L) -> T,
    /// None where a refresh is the caller's.
    refresh: Option<Refresh<S, L>>,
    due: Option<Due>,
    load: Option<L>,
    /// Last, so that it outlives what is due.
    pub(super) deferred: Deferred,
}

impl<S: Shape, L, T> Reading<S, L, T> {
    pub(super) fn new(miss: Miss, values: Values<S::Value>, fail: FailFace<S::Return>, run: fn(&L) -> T) -> Self {
        Self {
            call: miss.0,
            face: Face { values, fail },
            run,
            refresh: None,
            due: None,
            load: None,
            deferred: Deferred::default(),
        }
    }

    pub(super) fn with_refresh(mut self, spawner: Spawner, refresh: Refresh<S, L>) -> Self {
        self.call.spawner = spawner;
        self.refresh = Some(refresh);
        self
    }

    /// The load that was asked for.
    pub fn give(&mut self, load: L) {
        self.load = Some(load);
    }

    /// The load that was asked for and given.
    pub(super) fn given(&mut self) -> Option<(Due, L)> {
        self.due.take().zip(self.load.take())
    }

    /// Begins a load that the caller does not wait for.
    pub(super) fn refresh(&mut self, ticket: Ticket, load: L, meanwhile: Served) -> Next<S> {
        if let Some(refresh) = self.refresh {
            refresh(self.call.for_refresh(), ticket, self.face, load);
        }
        self.face.next(&mut self.call, Step::Serve(meanwhile))
    }

    pub(super) fn turn_to(&mut self, next: Next<S>) -> Turn<S> {
        match next {
            Next::Answer(answer) => {
                self.deferred.release();
                Turn::Answer(answer)
            }
            Next::Load(due) => {
                self.due = Some(due);
                Turn::Load
            }
        }
    }
}
