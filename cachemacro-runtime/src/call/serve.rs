//! The outcomes of a call, with their counters and traces.

use super::load;
use super::state::{Call, Step};
use crate::entry::Content;
use crate::error::CacheError;
use crate::observe::{CallOutcome, Event, Tier, Trace, WhyStale, scope};
use crate::policy::Deadlines;
use crate::util::clock::Moment;

impl Call {
    /// The call timed out: serve a stale entry, if there is one.
    pub(super) fn timed_out(&mut self) -> Step {
        self.count(Event::LoadTimeout);
        match self.take_fallback() {
            Some(fallback) => Step::Serve(self.serve_fallback(fallback)),
            None => self.refuse(CacheError::TimedOut { function: self.site.info().name }),
        }
    }

    pub(super) fn refuse(&self, error: CacheError) -> Step {
        match error {
            CacheError::NotCached { .. } => load::not_cached(),
            _ => self.observe_failed(),
        }
        self.trace(CallOutcome::Refused, None);
        Step::Refuse(error)
    }

    pub(super) fn hit(&self, served: Content, deadlines: Deadlines, trace: impl FnOnce() -> Trace) -> Step {
        let (event, outcome) = match served {
            Content::Value(_) => (Event::HitFresh, CallOutcome::Fresh),
            Content::Absent(_) => (Event::HitNegative, CallOutcome::Negative),
        };
        self.count(event);
        self.serve(served, deadlines, || Trace { outcome, ..trace() })
    }

    pub(super) fn stale_hit(
        &self,
        served: Content,
        deadlines: Deadlines,
        trace: impl FnOnce() -> Trace,
        why: WhyStale,
    ) -> Step {
        self.count(Event::HitStale);
        self.serve(served, deadlines, || Trace { outcome: CallOutcome::Stale, stale: Some(why), ..trace() })
    }

    pub(super) fn waited(&self, served: Content, deadlines: Deadlines, trace: Trace) -> Step {
        self.serve(served, deadlines, || Trace { outcome: CallOutcome::Waited, tier: Some(Tier::Loader), ..trace })
    }

    fn serve(&self, served: Content, deadlines: Deadlines, trace: impl FnOnce() -> Trace) -> Step {
        if load::is_loading() {
            self.observe(deadlines, None, matches!(served, Content::Absent(_)));
        }
        scope::record(trace);
        Step::Serve(served)
    }

    pub(super) fn blank_trace(&self) -> Trace {
        Trace { function: Some(self.site.info().name), ..Trace::default() }
    }

    pub(super) fn hit_trace(&self, version: u64, written: Moment, tier: Tier) -> Trace {
        Trace { tier: Some(tier), age: Some(self.now().since(written)), version: Some(version), ..self.blank_trace() }
    }

    pub(super) fn trace(&self, outcome: CallOutcome, version: Option<u64>) {
        scope::record(|| Trace { outcome, version, tier: Some(Tier::Loader), ..self.blank_trace() });
    }
}
