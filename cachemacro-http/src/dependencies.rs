//! What a response depends on, for a CDN that keeps it until an event.

use std::collections::BTreeSet;

use cachemacro_runtime::AnsweredCall;

use crate::ends::Ends;

/// What a response depends on.
#[derive(Clone, Default)]
pub(crate) struct Dependencies {
    /// The aggregates.
    pub(crate) aggregates: BTreeSet<Box<str>>,
    /// The function that is not `public`, if there is one.
    pub(crate) not_public: Option<Box<str>>,
    /// Whether something in it is not known, or was not stored.
    pub(crate) has_unknown: bool,
    /// The earliest soft deadline.
    pub(crate) soft: Ends,
}

/// What one call depends on.
pub(crate) struct OfCall {
    aggregates: Vec<Box<str>>,
    not_public: Option<Box<str>>,
    has_unknown: bool,
}

impl OfCall {
    pub(crate) fn new(call: &AnsweredCall<'_>) -> Self {
        let parts = call.made_of();
        let inside = || parts.unwrap_or_default();
        let names = call.aggregates().map(|(name, _)| Box::from(name));
        let names_inside = inside().iter().flat_map(|part| &part.aggregates).map(|(name, _)| Box::from(&**name));
        let not_public = if call.is_public() {
            inside().iter().find(|part| !part.is_public).map(|part| Box::from(&*part.function))
        } else {
            Some(Box::from(call.full_name()))
        };
        Self {
            aggregates: names.chain(names_inside).collect(),
            not_public,
            has_unknown: parts.is_none() || call.load().is_none(),
        }
    }
}

impl Dependencies {
    pub(crate) fn add(&mut self, call: &AnsweredCall<'_>, of_call: OfCall) {
        self.aggregates.extend(of_call.aggregates);
        self.not_public = self.not_public.take().or(of_call.not_public);
        self.has_unknown |= of_call.has_unknown;
        self.soft.add(call.clock(), call.soft_deadline());
    }
}
