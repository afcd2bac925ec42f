//! What the users were answered, and what the writer was told.

use std::ops::Sub;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::drive::{Check, Reply};
use crate::writer::Update;

/// What the answers of one process came to, so far or within a time. Each is in one of the first five fields.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Answers {
    /// From the process's own memory.
    pub local: u64,
    /// From Redis.
    pub redis: u64,
    /// From the database.
    pub loaded: u64,
    /// From the load of another caller.
    pub waited: u64,
    /// None at all, or the wrong one.
    pub errors: u64,
    /// City rows held against the acknowledged updates.
    pub checked: u64,
    /// Those that were older than they may be.
    pub stale: u64,
}

/// What the writer's updates came to.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Updates {
    pub acknowledged: u64,
    pub unannounced: u64,
}

/// Everything that is counted, and what the show did to the fleet.
#[derive(Clone, Default)]
pub struct Counts {
    pub members: Vec<Answers>,
    pub updates: Updates,
    /// The process that is killed at the moment.
    pub killed: Option<usize>,
    pub is_redis_down: bool,
    /// What the first error said of a process that was not killed.
    pub first_error: Option<String>,
    /// Who gave the first stale answer, and to what.
    pub first_stale: Option<String>,
}

/// The counts, for all who count.
pub struct Board(Mutex<Counts>);

impl Board {
    pub fn new(members: usize) -> Self {
        Self(Mutex::new(Counts { members: vec![Answers::default(); members], ..Counts::default() }))
    }

    pub fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn answered(&self, member: usize, path: &str, reply: &Reply, check: Check) {
        let mut counts = self.lock();
        if check.violations > 0 {
            counts.first_stale.get_or_insert_with(|| format!("process {} to {path} ({})", member + 1, reply.cache()));
        }
        let answers = &mut counts.members[member];
        match reply.cache() {
            hit if hit.contains("; hit") && hit.contains("; tier=shared") => answers.redis += 1,
            hit if hit.contains("; hit") => answers.local += 1,
            miss if miss.contains("; collapsed") => answers.waited += 1,
            _ => answers.loaded += 1,
        }
        answers.checked += check.checked;
        answers.stale += check.violations;
    }

    pub fn failed(&self, member: usize, error: &str) {
        let mut counts = self.lock();
        counts.members[member].errors += 1;
        if counts.killed != Some(member) {
            counts.first_error.get_or_insert_with(|| format!("process {}: {error}", member + 1));
        }
    }

    pub fn updated(&self, update: Update) {
        let updates = &mut self.lock().updates;
        match update {
            Update::Acknowledged { .. } => updates.acknowledged += 1,
            Update::Unannounced { .. } => updates.unannounced += 1,
        }
    }
}

impl Answers {
    pub fn total(&self) -> u64 {
        self.local + self.redis + self.loaded + self.waited + self.errors
    }
}

/// What came between two readings.
impl Sub for Answers {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            local: self.local - before.local,
            redis: self.redis - before.redis,
            loaded: self.loaded - before.loaded,
            waited: self.waited - before.waited,
            errors: self.errors - before.errors,
            checked: self.checked - before.checked,
            stale: self.stale - before.stale,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::Bytes;
    use axum::http::{HeaderMap, HeaderValue, StatusCode};

    use super::{Answers, Board};
    use crate::api::CACHE_STATUS;
    use crate::drive::{Check, Reply};

    #[test]
    fn answers_are_told_apart_by_the_header_of_the_service() {
        let board = Board::new(1);
        let headers = [
            "atlas; hit; detail=fresh; tier=local; age=0.1; version=3",
            "atlas; hit; detail=negative; tier=shared; age=0.1",
            "atlas; hit; detail=stale; tier=shared; age=31.0",
            "atlas; fwd=miss; collapsed",
            "atlas; fwd=miss; stored; version=4",
            "atlas; fwd=miss",
        ];
        for cache in headers {
            let headers = HeaderMap::from_iter([(CACHE_STATUS, HeaderValue::from_static(cache))]);
            let reply = Reply { status: StatusCode::OK, headers, body: Bytes::new(), took: Duration::ZERO };
            board.answered(0, "/", &reply, Check { checked: 1, violations: 0 });
        }
        let expected = Answers { local: 1, redis: 2, waited: 1, loaded: 2, checked: 6, ..Answers::default() };
        assert_eq!(board.lock().members[0], expected);
        assert_eq!(board.lock().first_stale, None);
    }
}
