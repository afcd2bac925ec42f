//! Writers and commits: events that wait for a commit, and a check for writers that do not say when their commit is.

use super::batch::Batch;
use super::pending::PendingEvents;
use crate::cache::Cache;
use crate::callsite::{Carried, SAY_WHEN, Writer, carried};
use crate::observe::FindingKind;

/// The types that `defer = …` accepts.
#[diagnostic::on_unimplemented(
    message = "`defer = …` must name a `cachemacro::PendingEvents`, and this is `{Self}`",
    label = "no pending events",
    note = "name a `&mut PendingEvents`, or something that is `AsMut<PendingEvents>`: `impl AsMut<PendingEvents> for UnitOfWork`",
    note = "make one with `Cache::current().pending_events()`, and call `publish_or_retry().await` on it after the commit"
)]
pub trait Defers {
    /// The events that wait for the commit.
    fn pending(&mut self) -> &mut PendingEvents;

    /// Adds the events of a write that a rollback may still undo.
    #[doc(hidden)]
    fn defer(&mut self, writer: &'static Writer, batch: Batch) {
        self.pending().append(batch, writer.info().role);
    }
}

#[diagnostic::do_not_recommend]
impl<P: AsMut<PendingEvents> + ?Sized> Defers for P {
    fn pending(&mut self) -> &mut PendingEvents {
        self.as_mut()
    }
}

/// Checks the arguments of a writer that does not say when its commit is: a transaction among them is a finding.
pub fn check_commit(writer: &'static Writer, cache: &Cache, arguments: &[&'static str]) {
    if let Some(argument) = arguments.iter().find(|name| carried(name) != Carried::Nothing) {
        cache.inner.findings.report(writer, FindingKind::TransactionArgument, || {
            format!(
                "it was given a `{argument}` and published when it returned, which is before the commit: {SAY_WHEN}"
            )
        });
    }
}
