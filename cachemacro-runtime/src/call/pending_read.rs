//! A call that missed. It alternates with its function: only the function knows how to start a load, and what an
//! absence is. The code here is not compiled once per function, except for functions whose loads borrow.

use super::adapter::{Answer, Due, Face, Next};
use super::permit::Ticket;
use super::served::Served;
use super::state::{Call, Miss, Spawner, Step};
use crate::entry::Deferred;
use crate::value::{FailFace, Shape, Values};

/// What the function does next.
pub enum Turn<S: Shape> {
    /// It returns this.
    Answer(Answer<S>),
    /// It supplies a load.
    Load,
}

/// Runs a load that no caller waits for.
pub(super) type Refresh<S, L> = fn(Call, Ticket, Face<S>, L);

/// A call, and how it runs loads of this kind. `T` is the result of a load, or the future of the result.
pub struct Reading<S: Shape, L, T> {
    pub(super) call: Box<Call>,
    pub(super) face: Face<S>,
    pub(super) run: fn(&L) -> T,
    /// `None` where the caller itself runs a refresh.
    refresh: Option<Refresh<S, L>>,
    due: Option<Due>,
    load: Option<L>,
    /// The last field, so that it is dropped after `due`.
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

    /// Supplies the load that [`Turn::Load`] asked for.
    pub fn give(&mut self, load: L) {
        self.load = Some(load);
    }

    /// The load that was asked for and supplied.
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
