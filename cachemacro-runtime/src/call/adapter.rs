//! The typed layer of the engine: it converts the engine's steps to a function's return value, and back.
//!
//! The code here is generic over the return type. It is generic over the function only where it must be, so that two
//! hundred functions with one return type share one copy.

use std::sync::Arc;

use super::fill::Loaded;
use super::permit::LoadPermit;
use super::state::{Call, Step};
use crate::entry::{Absence, Content};
use crate::error::CacheError;
use crate::observe::Event;
use crate::value::{ErrorAdapter, LoadOutcome, Outcome, Shape, SharedError, Values, plain_absence};

/// How the engine's steps become a return value of this type.
pub(super) struct ReturnAdapter<S: Shape> {
    pub(super) values: Values<S::Value>,
    pub(super) fail: ErrorAdapter<S::Return>,
}

impl<S: Shape> Clone for ReturnAdapter<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Shape> Copy for ReturnAdapter<S> {}

/// What a caller gets.
pub struct Answer<S: Shape>(Answered<S>);

enum Answered<S: Shape> {
    Return(S::Return),
    Absent(Absence),
}

impl<S: Shape> Answer<S> {
    pub(super) fn of_value(value: S::Value) -> Self {
        Self(Answered::Return(S::close(value)))
    }

    pub(super) fn of_absence(kind: Absence) -> Self {
        Self(Answered::Absent(kind))
    }

    /// The return value of a function without `not_found`.
    ///
    /// # Panics
    /// Never: an absence is stored only for a return type that has one.
    #[inline]
    pub fn plain(self) -> S::Return {
        match self.0 {
            Answered::Return(returned) => returned,
            Answered::Absent(_) => plain_absence::<S>(),
        }
    }

    /// The return value. `absent` is from the function's annotation and converts an absence.
    #[inline]
    pub fn returned(self, absent: impl FnOnce(Absence) -> S::Return) -> S::Return {
        match self.0 {
            Answered::Return(returned) => returned,
            Answered::Absent(kind) => absent(kind),
        }
    }
}

/// A load that the call needs.
pub(super) struct Due {
    pub(super) permit: Box<LoadPermit>,
    /// What the caller gets without waiting for the load. The value is cloned after this call has given the permit
    /// away.
    pub(super) meanwhile: Option<Content>,
}

/// What the caller does next.
pub(super) enum Next<S: Shape> {
    Answer(Answer<S>),
    Load(Due),
}

impl<S: Shape> Next<S> {
    pub(super) fn load(permit: Box<LoadPermit>) -> Self {
        Self::Load(Due { permit, meanwhile: None })
    }

    fn returned(returned: S::Return) -> Self {
        Self::Answer(Answer(Answered::Return(returned)))
    }
}

impl<S: Shape> ReturnAdapter<S> {
    pub(super) fn next(self, call: &mut Call, step: Step) -> Next<S> {
        let returned = match step {
            Step::Load(permit) => return Next::load(permit),
            Step::ServeAndRefresh(served, permit) => return Next::Load(Due { permit, meanwhile: Some(served) }),
            Step::Serve(served) => self.served(call, served),
            Step::Failed(error) => {
                let rebuilt = SharedError::rebuilt(&error).and_then(S::fail);
                let shared = rebuilt.or_else(|| self.fail.share.and_then(|share| (share.unpack)(&error)));
                shared.map(|returned| Answer(Answered::Return(returned)))
            }
            Step::Refuse(error) => self.refused(*error).map(|returned| Answer(Answered::Return(returned))),
            // It was waited for before.
            Step::Wait(_) => None,
        };
        returned.map_or_else(|| Next::load(call.unstored()), Next::Answer)
    }

    /// `None` for a value of another type: then the call loads. A store of one process never holds such a value.
    fn served(self, call: &Call, served: Content) -> Option<Answer<S>> {
        let object = match served {
            Content::Absent(kind) => return Some(Answer(Answered::Absent(kind))),
            Content::Value(object) => object,
        };
        let value = (self.values.own)(object);
        if value.is_none() {
            call.count(Event::DecodeError);
        }
        value.map(|value| Answer(Answered::Return(S::close(value))))
    }

    /// Whether the return type can say that nothing is cached.
    pub(super) fn can_answer_nothing(self) -> bool {
        self.fail.refusal.is_some() || S::absent().is_some()
    }

    fn refused(self, error: CacheError) -> Option<S::Return> {
        match error {
            CacheError::NotCached { .. } if S::absent().is_some() => S::absent(),
            error => self.fail.refusal.map(|refuse| refuse(error)),
        }
    }

    /// What the caller of a load gets: the value it loaded.
    pub(super) fn loaded(self, kept: ForCaller<S>) -> Next<S> {
        Next::returned(match kept {
            ForCaller::Value(value) => S::close((self.values.clone)(&value)),
            ForCaller::Returned(returned) => returned,
        })
    }

    /// The load returned something older than what the cache knows. The caller gets the newer value where the return
    /// type can express it, else what was loaded.
    pub(super) fn stale(self, call: &Call, served: Content, kept: ForCaller<S>) -> Next<S> {
        self.served(call, served).map_or_else(|| self.loaded(kept), Next::Answer)
    }

    /// Splits the result of a load into what the engine needs and what the caller keeps.
    pub(super) fn part(self, load_outcome: LoadOutcome<S>) -> (Loaded, ForCaller<S>) {
        let LoadOutcome { outcome, version, keep, weight, shared, ttls } = load_outcome;
        match outcome {
            Outcome::Value(value) => {
                let object = (self.values.share)(Arc::clone(&value));
                (Loaded::Value { object, version, keep, weight, ttls }, ForCaller::Value(value))
            }
            Outcome::Absent(kind, returned) => (Loaded::Absent(kind, ttls), ForCaller::Returned(returned)),
            Outcome::Error(returned) => {
                let shared = shared.or_else(|| self.fail.share.and_then(|share| (share.pack)(&returned)));
                (Loaded::Error(shared), ForCaller::Returned(returned))
            }
        }
    }
}

/// The part of a load's result that the caller keeps.
pub(super) enum ForCaller<S: Shape> {
    Value(Arc<S::Value>),
    Returned(S::Return),
}
