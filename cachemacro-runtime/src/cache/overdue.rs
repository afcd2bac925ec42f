//! Scheduled jobs that concern a cache, and are overdue.

use super::handle::Cache;
use crate::callsite::{Writer, registry};
use crate::event::EventInfo;
use crate::observe::Finding;

impl Cache {
    /// Of the jobs that were done here, and of those whose events end entries of a function that was called with this cache.
    pub(super) fn overdue_jobs(&self) -> Vec<Finding> {
        let inner = &self.inner;
        let hears = inner.near.is_some() && inner.channel.is_some();
        let is_used =
            |event: &EventInfo| registry::sites().any(|site| site.is_ended_by(event) && inner.functions.knows(site));
        inner.jobs.overdue(inner.clock.now(), hears, is_used)
    }

    /// These jobs have succeeded, or one of their events was published here.
    pub(crate) fn jobs_are_done(&self, jobs: &[&'static Writer]) {
        if !jobs.is_empty() {
            self.inner.jobs.done(jobs, self.inner.clock.now());
        }
    }
}
