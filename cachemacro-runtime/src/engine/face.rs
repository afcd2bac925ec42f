//! The typed rim of the engine: a function's own return value, from the engine's steps and to them.

use std::sync::Arc;

use super::call::{Call, Served, Step};
use super::fill::Loaded;
use super::ticket::Ticket;
use crate::entry::Absence;
use crate::error::CacheError;
use crate::telemetry::Event;
use crate::value::{FailFace, Judged, Outcome, Shape, Values};

/// How a typed function turns the engine's steps into its own return value.
pub(super) struct Face<'a, S: Shape, A: ?Sized> {
    pub(super) values: Values<S::Value>,
    pub(super) fail: FailFace<S::Return>,
    pub(super) absent: &'a A,
}

/// What the caller does next.
pub(super) enum Next<S: Shape> {
    Return(S::Return),
    Refresh(Ticket, S::Return),
    Load(Ticket),
}

impl<S: Shape, A: Fn(Absence) -> S::Return + ?Sized> Face<'_, S, A> {
    pub(super) fn next(&self, call: &mut Call, step: Step) -> Next<S> {
        match step {
            Step::Serve(served) => self.served(call, served).map_or_else(|| Next::Load(call.unstored()), Next::Return),
            Step::ServeAndRefresh(served, ticket) => match self.served(call, served) {
                Some(returned) => Next::Refresh(ticket, returned),
                None => Next::Load(ticket),
            },
            Step::Load(ticket) => Next::Load(ticket),
            Step::Failed(error) => match self.fail.share.and_then(|share| (share.unpack)(&error)) {
                Some(returned) => Next::Return(returned),
                None => Next::Load(call.unstored()),
            },
            Step::Refuse(error) => match self.refused(error) {
                Some(returned) => Next::Return(returned),
                None => Next::Load(call.unstored()),
            },
        }
    }

    /// `None` for a value of another type, which no store of one process can hold: it is loaded then.
    pub(super) fn served(&self, call: &Call, served: Served) -> Option<S::Return> {
        match served {
            Served::Absent(kind) => Some((self.absent)(kind)),
            Served::Value(object) => {
                let value = (self.values.own)(object);
                if value.is_none() {
                    call.count(Event::DecodeError);
                }
                value.map(S::close)
            }
        }
    }

    fn refused(&self, error: CacheError) -> Option<S::Return> {
        match error {
            CacheError::NotCached { .. } if S::absent().is_some() => S::absent(),
            error => self.fail.refusal.map(|refuse| refuse(error)),
        }
    }

    /// What the caller of a load returns: the value it loaded.
    pub(super) fn loaded(&self, kept: Kept<S>) -> S::Return {
        match kept {
            Kept::Value(value) => S::close((self.values.clone)(&value)),
            Kept::Returned(returned) => returned,
        }
    }
}

/// The caller's own part of a load.
pub(super) enum Kept<S: Shape> {
    Value(Arc<S::Value>),
    Returned(S::Return),
}

/// Parts a load into what the engine needs and what the caller keeps.
pub(super) fn part<S: Shape>(
    judged: Judged<S>,
    values: Values<S::Value>,
    fail: FailFace<S::Return>,
) -> (Loaded, Kept<S>) {
    let Judged { outcome, version, keep, weight } = judged;
    match outcome {
        Outcome::Value(value) => {
            (Loaded::Value { object: (values.share)(Arc::clone(&value)), version, keep, weight }, Kept::Value(value))
        }
        Outcome::Absent(kind, returned) => (Loaded::Absent(kind), Kept::Returned(returned)),
        Outcome::Error(returned) => {
            let shared = fail.share.and_then(|share| (share.pack)(&returned));
            (Loaded::Error(shared), Kept::Returned(returned))
        }
    }
}
