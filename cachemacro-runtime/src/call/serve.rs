//! The outcomes of a call, with their counters, and what observers are told.

use super::load;
use super::served::Stored;
use super::state::{Call, Step};
use crate::entry::{Content, Made};
use crate::error::CacheError;
use crate::observe;
use crate::observe::{CallOutcome, Event, Report, Tier, ToldCall, ToldKey, WhyStale};
use crate::policy::Deadlines;
use crate::protocol::Snapshot;

impl Call {
    /// The call timed out: serve a stale entry, if there is one.
    pub(super) fn timed_out(&mut self) -> Step {
        self.count(Event::LoadTimeout);
        match self.take_fallback() {
            Some(fallback) => Step::Serve(self.serve_fallback(fallback)),
            None => self.refuse(CacheError::TimedOut { function: self.site().info().name }),
        }
    }

    pub(super) fn refuse(&self, error: CacheError) -> Step {
        match error {
            CacheError::NotCached { .. } => load::not_cached(),
            _ => self.observe_failed(),
        }
        self.tell(|| Report { outcome: CallOutcome::Refused, ..Self::LOADED });
        Step::Refuse(Box::new(error))
    }

    /// A fresh entry.
    pub(super) fn hit(&self, stored: Stored) -> Step {
        let (event, outcome) = match stored.content {
            Content::Value(_) => (Event::HitFresh, CallOutcome::Fresh),
            Content::Absent(_) => (Event::HitNegative, CallOutcome::Negative),
        };
        self.count(event);
        self.serve(stored, outcome, None)
    }

    pub(super) fn stale_hit(&self, stored: Stored, why: WhyStale) -> Step {
        self.count(Event::HitStale);
        self.serve(stored, CallOutcome::Stale, Some(why))
    }

    fn serve(&self, stored: Stored, outcome: CallOutcome, stale: Option<WhyStale>) -> Step {
        if load::is_loading() {
            self.observe(stored.deadlines, None, stored.is_absent(), &stored.made);
        }
        self.tell(|| Report { outcome, stale, ..stored.report() });
        Step::Serve(stored.content)
    }

    /// What another caller has loaded, under records of these snapshots.
    pub(super) fn waited(
        &self,
        served: Content,
        version: Option<u64>,
        deadlines: Deadlines,
        made: &Made,
        snapshots: &[Snapshot],
    ) -> Step {
        let is_absent = matches!(served, Content::Absent(_));
        if load::is_loading() {
            self.observe(deadlines, None, is_absent, made);
        }
        let (outcome, deadlines, made) = (CallOutcome::Waited, Some(deadlines), Some(made));
        self.tell(|| Report { outcome, version, deadlines, is_absent, snapshots, made, ..Self::LOADED });
        Step::Serve(served)
    }

    /// What is told of a call whose answer is not out of a store.
    pub(super) const LOADED: Report<'static> = Report {
        outcome: CallOutcome::NotCalled,
        tier: Some(Tier::Loader),
        version: None,
        written: None,
        stale: None,
        deadlines: None,
        is_absent: false,
        snapshots: &[],
        made: None,
    };

    /// Tells the observers. A refresh in the background answers no caller, so it is not told.
    pub(super) fn tell<'a>(&self, report: impl FnOnce() -> Report<'a>) {
        let inner = &*self.cache.inner;
        let observers = inner.observers.as_ref();
        if !self.is_refresh && observe::is_observed(observers) {
            let told = ToldCall {
                instance: self.key.instance(),
                key: ToldKey::Text(self.key.text()),
                clock: &inner.clock,
                aggregates: &self.aggregates,
                #[cfg(feature = "http")]
                remember: &|load| self.remember(load),
            };
            observe::tell(observers, told, report());
        }
    }
}
