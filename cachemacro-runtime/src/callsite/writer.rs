//! One `#[invalidates]` function.

use std::time::Duration;

use super::info::Argument;
use crate::event::EventInfo;

/// The role of a function with `#[invalidates]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// It writes, and publishes the event.
    Writes,
    /// It handles an event that another function has published.
    Handles,
}

/// What happens when an invalidation does not reach the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnError {
    /// It is retried in the background.
    Retry,
    /// As `Retry`, and until then this process does not trust its entries of that aggregate.
    Suspect,
    /// As `Suspect`, and the error reaches the caller, after the write.
    Fail,
    /// It is counted, and the TTL bounds the staleness.
    Bounded,
}

/// When the write of a writer is committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Commit {
    /// Before it returns: the annotation and the arguments show nothing else.
    Shown,
    /// Before it returns, for this reason.
    Itself(&'static str),
    /// By its caller, who then publishes the events.
    Deferred,
}

/// The annotation `#[invalidates]` of a function.
#[derive(Clone, Copy, Debug)]
pub struct WriterInfo {
    /// The name after `fn`.
    pub name: &'static str,
    /// `module_path!()`.
    pub module: &'static str,
    /// `file!()`.
    pub file: &'static str,
    /// `line!()`.
    pub line: u32,
    /// The events it publishes.
    pub events: &'static [&'static EventInfo],
    /// Whether it writes or handles.
    pub role: Role,
    /// What happens when publishing fails.
    pub on_error: OnError,
    /// When the write is committed.
    pub commit: Commit,
    /// The types of its arguments, if they can be named outside of the function.
    pub arguments: &'static [Argument],
    /// The expression after `cache =`, as written.
    pub cache: Option<&'static str>,
    /// How often it runs, at least, if it is a scheduled job.
    pub every: Option<Duration>,
}

/// A writer or handler.
#[derive(Debug)]
pub struct Writer {
    info: WriterInfo,
}

impl Writer {
    /// A writer with this annotation.
    #[must_use]
    pub const fn new(info: WriterInfo) -> Self {
        Self { info }
    }

    /// The annotation.
    #[must_use]
    pub const fn info(&self) -> &WriterInfo {
        &self.info
    }

    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}
