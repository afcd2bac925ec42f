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

use super::ask::Ask;
use super::enums::Variants;
use super::refused::Refused;
use crate::util::hash::Fnv64 as Hash;

const MAX_PASSES: usize = 512;
const MAX_STEPS: usize = 50_000;

/// Depths of nested containers: below the first one all types are shallow, below the second one they are refused.
const DEEP: usize = 32;
const DEEPEST: usize = 64;

/// A position in a type at which one of several dummies can be given.
#[derive(Clone, Copy)]
pub(super) struct Choice {
    pub(super) place: u64,
    pub(super) count: usize,
}

/// A container that is being read.
#[derive(Clone, Copy)]
pub(super) struct Inside {
    /// Identifies the container: the same value wherever the type occurs.
    pub(super) identity: u64,
    pub(super) is_shallow: bool,
}

pub(super) struct Trace {
    hash: Hash,
    pub(super) is_human_readable: bool,
    /// Whether a part of the type asked for any form (`deserialize_any`).
    pub(super) is_guessing: bool,
    passes: usize,
    steps: usize,
    depth: usize,
    has_learnt: bool,
    is_done: bool,
    /// The containers of this pass, numbered in the order of their first occurrence.
    met: BTreeMap<u64, usize>,
    choices: BTreeMap<u64, usize>,
    pub(super) enums: BTreeMap<u64, Variants>,
    /// Whether an enum in the current part has variants that no pass has read.
    pub(super) has_more: bool,
    /// The last dummy that was given.
    last: Option<Choice>,
    /// While an error is returned to the outer containers: whether the next pass will try something else.
    mended: Option<bool>,
}

impl Trace {
    pub(super) fn new(is_human_readable: bool) -> Self {
        Self {
            // The version of this algorithm. If the hash or the dummies change, all old values are misses.
            hash: Hash::new().number(1),
            is_human_readable,
            is_guessing: false,
            passes: 0,
            steps: 0,
            depth: 0,
            has_learnt: false,
            is_done: false,
            met: BTreeMap::new(),
            choices: BTreeMap::new(),
            enums: BTreeMap::new(),
            has_more: false,
            last: None,
            mended: None,
        }
    }

    pub(super) fn begins_pass(&mut self) -> bool {
        if self.is_done || self.passes == MAX_PASSES || self.is_spent() {
            return false;
        }
        self.passes += 1;
        self.hash = self.hash.text("pass");
        self.met.clear();
        (self.has_more, self.last, self.mended) = (false, None, None);
        true
    }

    pub(super) fn end_pass(&mut self, refused: Option<Refused>) {
        let goes_on = match refused {
            None => self.has_more,
            Some(Refused(facts)) => {
                self.hash = self.hash.text("refused").number(facts);
                self.blame(None)
            }
        };
        self.is_done = !goes_on;
    }

    /// The fingerprint. A type that asked for no particular form is identified by its name only.
    pub(super) fn fingerprint(&self, name: &str) -> u64 {
        if self.has_learnt { self.hash.0 } else { self.hash.text(name).0 }
    }

    /// Asks for the whole value.
    pub(super) fn ask(&mut self) -> Ask<'_> {
        Ask { trace: self, place: 0, is_shallow: false }
    }

    #[cfg(test)]
    pub(super) fn effort(&self) -> (usize, usize) {
        (self.passes, self.steps)
    }

    pub(super) fn is_spent(&self) -> bool {
        self.steps >= MAX_STEPS
    }

    /// Something was asked for.
    pub(super) fn step(&mut self, what: &'static str) -> Result<(), Refused> {
        if self.is_spent() {
            return Err(Refused::END);
        }
        self.steps += 1;
        self.mended = None;
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

    /// Which of them to give.
    pub(super) fn choose(&mut self, choice: Choice) -> usize {
        self.last = Some(choice);
        self.choices.get(&choice.place).copied().unwrap_or(0)
    }

    pub(super) fn enter(&mut self, identity: u64, is_shallow: bool) -> Result<Inside, Refused> {
        if self.depth == DEEPEST {
            return Err(Refused::END);
        }
        let mut inside = Inside { identity, is_shallow: is_shallow || self.depth >= DEEP };
        if !inside.is_shallow {
            let ordinal = self.met.len();
            let first = *self.met.entry(identity).or_insert(ordinal);
            inside.is_shallow = first != ordinal;
            self.see(first);
        }
        self.depth += 1;
        Ok(inside)
    }

    pub(super) fn leave<R>(&mut self, read: Result<R, Refused>, choice: Option<Choice>) -> Result<R, Refused> {
        self.depth -= 1;
        if read.is_err() {
            self.blame(choice);
        }
        read
    }

    /// Sees to it that the next pass gives something else: in place of what was given last, if the error has just come up, or
    /// else of this. Whether there is something else.
    pub(super) fn blame(&mut self, choice: Option<Choice>) -> bool {
        let mended = match self.mended {
            Some(mended) => mended,
            None => self.last.is_some_and(|last| self.moves_on(last)),
        };
        let mended = mended || choice.is_some_and(|choice| self.moves_on(choice));
        self.mended = Some(mended);
        mended
    }

    /// An enum has other variants to try.
    pub(super) fn mend(&mut self) {
        self.mended = Some(true);
    }

    fn moves_on(&mut self, Choice { place, count }: Choice) -> bool {
        let chosen = self.choices.entry(place).or_insert(0);
        let has_next = *chosen + 1 < count;
        *chosen += usize::from(has_next);
        has_next
    }
}
