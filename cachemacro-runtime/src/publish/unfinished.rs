//! A writer whose body did not finish: it was cancelled or panicked.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::batch::Batch;
use super::tell_edges::TellEdges;
use super::unsent::Writes;
use crate::cache::Cache;
use crate::callsite::{Role, Writer};
use crate::observe::FindingKind;
use crate::retry::Untold;

/// A guard that is held while a writer's body runs and its events are made. If it is dropped before [`Unfinished::finish`], by a cancelled
/// future or a panic, the write may have happened. So it ends the entries that the writer's events name. The version is
/// unknown then, and no event is handed out.
pub struct Unfinished<F: FnOnce(&mut Batch)> {
    writer: &'static Writer,
    cache: Cache,
    names_all: bool,
    events: Option<F>,
}

impl<F: FnOnce(&mut Batch)> Unfinished<F> {
    /// `events` adds the events that the arguments name; `names_all` is true if the writer has no other events.
    pub const fn new(writer: &'static Writer, cache: Cache, names_all: bool, events: F) -> Self {
        Self { writer, cache, names_all, events: Some(events) }
    }

    /// The body has returned, and its events are known.
    pub fn finish(mut self) {
        self.events = None;
    }

    fn end(&self, events: F) {
        let mut batch = Batch::new();
        // This may run during the unwinding of another panic. The events before one that panics are known.
        let made = catch_unwind(AssertUnwindSafe(|| events(&mut batch)));
        // Without a version: the one in the event may not have been committed.
        let writes =
            Writes::voiding(batch.take_writes(Role::Handles).moves.into_iter().map(|(aggregate, _)| aggregate));
        let _edges = TellEdges::new(&self.cache, &writes);
        self.cache.move_here(&writes);
        if self.cache.inner.publishing().is_some() {
            // The store has refused nothing, so `on_error` does not apply.
            let Writes { moves, announcements } = writes;
            self.cache.inner.retries.queue(Untold { moves: moves.into(), announcements, suspect: true });
        }
        if made.is_err() || !self.names_all {
            self.cache.inner.findings.report(self.writer, FindingKind::UnfinishedWriter, message);
        }
    }
}

impl<F: FnOnce(&mut Batch)> Drop for Unfinished<F> {
    fn drop(&mut self) {
        if let Some(events) = self.events.take() {
            self.end(events);
        }
    }
}

fn message() -> String {
    "it was cancelled, or panicked, before all of its events were known. If it had written by then, readers keep the old value until \
     `hard_ttl`, as an event is made from what it returns or from `self`, or making one panicked. Name the keys by its arguments, `#[invalidates(UserChanged { id })]`, \
     or let nothing cancel it: call it in a task, `tokio::spawn(…)`, whose end the caller awaits"
        .to_owned()
}
