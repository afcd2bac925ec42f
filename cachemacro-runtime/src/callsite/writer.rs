//! One `#[invalidates]` function, as the binary knows it.

use super::info::Argument;
use crate::event::EventInfo;

/// What `#[invalidates]` is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// A function that writes, and emits the event.
    Writes,
    /// A handler of an event that came from elsewhere.
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

/// When what a writer wrote is committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Commit {
    /// Before it returns: nothing shows otherwise.
    Shown,
    /// Before it returns, for this reason.
    Itself(&'static str),
    /// By its caller, who then publishes the events.
    Deferred,
}

/// What `#[invalidates]` says of a function.
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
    /// What happens when that fails.
    pub on_error: OnError,
    /// When the write is committed.
    pub commit: Commit,
    /// The types of its arguments, of those that can be named outside of it.
    pub arguments: &'static [Argument],
    /// The expression after `cache =`, as written.
    pub cache: Option<&'static str>,
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
}
