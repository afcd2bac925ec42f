//! What was learnt about a type so far, and what it is given next.
//!
//! Reading ends although types may contain themselves. If a type occurs for the second time in a pass, it is *shallow*:
//! it is given the dummy that ends soonest, which is `None`, an empty sequence, or a variant that is not being read
//! already. A type that is not shallow is given the dummy that shows most of it.
//!
//! If a type refuses its dummy, the next pass gives it another one. If there are no more, the nearest option or
//! sequence around it is left empty instead, or the variant is given up, so that the rest is still seen. The numbers of
//! passes and of steps are bounded for every type.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::refused::Refused;
use crate::util::hash::Fnv64;

const MAX_PASSES: usize = 512;
const MAX_STEPS: usize = 50_000;

/// Depths of nested containers: below the first one all types are shallow, below the second one they are refused.
const DEEP: usize = 32;
const DEEPEST: usize = 64;

#[derive(Default)]
pub(super) struct Trace {
    hash: Fnv64,
    pub(super) is_human_readable: bool,
    /// Whether a part of the type asked for any form (`deserialize_any`).
    pub(super) is_guessing: bool,
    pub(super) passes: usize,
    pub(super) steps: usize,
    depth: usize,
    has_learnt: bool,
    /// The containers of this pass, numbered in the order of their first occurrence.
    met: BTreeMap<u64, usize>,
    /// For each place where one of several dummies is given: the index of the next one, and their number.
    choices: BTreeMap<u64, (usize, usize)>,
    enums: BTreeMap<u64, Vec<Variant>>,
    /// Whether an enum in the current part has variants that no pass has read.
    has_more: bool,
    /// The place of the last dummy that was given.
    last: Option<u64>,
    /// While an error is returned to the outer containers: whether the next pass gives something else.
    is_changed: Option<bool>,
}

/// What the passes have shown of a variant.
#[derive(Clone, Copy)]
struct Variant {
    /// Whether a part of it was not seen yet.
    has_more: bool,
    /// Whether it can be read; `None` if this is unknown.
    works: Option<bool>,
    is_being_read: bool,
}

/// A variant that is being read.
pub(super) struct Begun {
    /// The identity of its enum.
    of: u64,
    pub(super) index: usize,
    is_shallow: bool,
    /// What [`Trace::has_more`] was before.
    more_outside: bool,
}

impl Variant {
    /// The order in which variants are chosen; `None` for those that are not.
    fn rank(self, is_shallow: bool) -> Option<usize> {
        match self.works {
            _ if self.is_being_read => None,
            _ if self.has_more && !is_shallow => Some(0),
            Some(true) => Some(1),
            None => Some(2),
            Some(false) => None,
        }
    }
}

impl Trace {
    pub(super) fn new(is_human_readable: bool) -> Self {
        // The version of this algorithm. If the hash or the dummies change, all old values are misses.
        Self { hash: Fnv64::new().number(1), is_human_readable, ..Self::default() }
    }

    /// Reads the type once. Returns whether another pass may show more of it.
    pub(super) fn pass(&mut self, read: impl FnOnce(&mut Self) -> Result<(), Refused>) -> bool {
        self.passes += 1;
        self.hash = self.hash.text("pass");
        self.met.clear();
        (self.has_more, self.last, self.is_changed) = (false, None, None);
        let goes_on = match catch_unwind(AssertUnwindSafe(|| read(&mut *self))) {
            Ok(Ok(())) => self.has_more,
            Ok(Err(Refused(facts))) => {
                self.hash = self.hash.text("refused").number(facts);
                self.blame(None)
            }
            // A `Deserialize` that panics on a dummy ends the tracing, but not the call.
            Err(_) => false,
        };
        goes_on && self.passes < MAX_PASSES && !self.is_spent()
    }

    /// The fingerprint. A type that asked for no particular form is identified by its name only.
    pub(super) fn fingerprint(&self, name: &str) -> u64 {
        if self.has_learnt { self.hash.0 } else { self.hash.text(name).0 }
    }

    pub(super) fn is_spent(&self) -> bool {
        self.steps >= MAX_STEPS
    }

    /// The type asked for something.
    pub(super) fn step(&mut self, what: &'static str) -> Result<(), Refused> {
        if self.is_spent() {
            return Err(Refused::END);
        }
        self.steps += 1;
        self.is_changed = None;
        self.has_learnt |= what != "any";
        self.is_guessing |= what == "any";
        self.hash = self.hash.text(what);
        Ok(())
    }

    pub(super) fn see(&mut self, number: usize) {
        self.hash = self.hash.number(number as u64);
    }

    pub(super) fn see_names(&mut self, names: &[&str]) {
        self.hash = self.hash.texts(names);
    }

    /// Which of `count` dummies to give at this place. Zero stands for one dummy that an error does not change.
    pub(super) fn choose(&mut self, place: u64, count: usize) -> usize {
        if count == 0 {
            return 0;
        }
        self.last = Some(place);
        let choice = self.choices.entry(place).or_default();
        choice.1 = count;
        choice.0
    }

    /// Begins a container. Returns whether it is shallow.
    pub(super) fn enter(&mut self, identity: u64, is_shallow: bool) -> Result<bool, Refused> {
        if self.depth == DEEPEST {
            return Err(Refused::END);
        }
        let mut is_shallow = is_shallow || self.depth >= DEEP;
        if !is_shallow {
            let ordinal = self.met.len();
            let first = *self.met.entry(identity).or_insert(ordinal);
            is_shallow = first != ordinal;
            self.see(first);
        }
        self.depth += 1;
        Ok(is_shallow)
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// The dummy at this place was read, or refused.
    pub(super) fn end(&mut self, place: u64, is_read: bool) {
        if !is_read {
            self.blame(Some(place));
        }
    }

    /// After an error: the next pass gives another dummy where the last one was given, or if there are no more, at
    /// `place`. Returns whether it does.
    fn blame(&mut self, place: Option<u64>) -> bool {
        let is_changed = self.is_changed.unwrap_or_else(|| self.change(self.last)) || self.change(place);
        self.is_changed = Some(is_changed);
        is_changed
    }

    fn change(&mut self, place: Option<u64>) -> bool {
        let Some((chosen, count)) = place.and_then(|place| self.choices.get_mut(&place)) else { return false };
        let has_next = *chosen + 1 < *count;
        *chosen += usize::from(has_next);
        has_next
    }

    /// Chooses a variant of an enum to read: one with unseen parts, if there is one.
    pub(super) fn begin_variant(&mut self, of: u64, count: usize, is_shallow: bool) -> Result<Begun, Refused> {
        let new = Variant { has_more: true, works: None, is_being_read: false };
        let variants = self.enums.entry(of).or_insert_with(|| vec![new; count]);
        let ranked = variants.iter().zip(0..).filter_map(|(variant, index)| Some((variant.rank(is_shallow)?, index)));
        let (_, index) = ranked.min().ok_or(Refused::END)?;
        variants[index].is_being_read = true;
        self.see(index);
        Ok(Begun { of, index, is_shallow, more_outside: std::mem::take(&mut self.has_more) })
    }

    pub(super) fn end_variant(&mut self, begun: Begun, is_read: bool) {
        let Begun { of, index, is_shallow, more_outside } = begun;
        let is_changed = !is_read && self.blame(None);
        let variants = self.enums.entry(of).or_default();
        let variant = &mut variants[index];
        variant.is_being_read = false;
        if is_read {
            variant.works = Some(true);
            variant.has_more = if is_shallow { variant.has_more } else { self.has_more };
        } else if !is_changed {
            variant.works = Some(false);
            variant.has_more &= is_shallow;
        }
        self.has_more = more_outside || (!is_shallow && variants.iter().any(|variant| variant.has_more));
        if !is_read && variants.iter().any(|variant| variant.works != Some(false)) {
            self.is_changed = Some(true);
        }
    }
}
