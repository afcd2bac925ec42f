//! The variants of an enum that were tried.

/// The variants of one enum, over all passes.
pub(super) struct Variants {
    states: Vec<State>,
    /// The variants that are being read. A shallow read must not choose one of them.
    open: Vec<usize>,
}

#[derive(Clone, Copy)]
struct State {
    /// Whether a part of it was not seen yet.
    has_more: bool,
    /// Whether it can be read; `None` if this is unknown.
    works: Option<bool>,
}

impl Variants {
    pub(super) fn new(count: usize) -> Self {
        Self { states: vec![State { has_more: true, works: None }; count], open: Vec::new() }
    }

    /// Chooses a variant, if one is left that may be readable. [`Variants::worked`] or [`Variants::failed`] must
    /// follow.
    pub(super) fn begin(&mut self, is_shallow: bool) -> Option<usize> {
        let find = |is_meant: fn(&State) -> bool| {
            let is_free = |index: &usize| is_meant(&self.states[*index]) && !self.open.contains(index);
            (0..self.states.len()).find(is_free)
        };
        let unseen = (!is_shallow).then(|| find(|state| state.has_more)).flatten();
        let chosen = unseen.or_else(|| find(|state| state.works == Some(true)));
        let chosen = chosen.or_else(|| find(|state| state.works.is_none()))?;
        self.open.push(chosen);
        Some(chosen)
    }

    /// The variant was read. `has_more` says whether a part of it was not seen yet.
    pub(super) fn worked(&mut self, is_shallow: bool, has_more: bool) {
        if let Some(state) = self.close() {
            state.works = Some(true);
            state.has_more = if is_shallow { state.has_more } else { has_more };
        }
    }

    /// The variant could not be read. Returns whether another one may be readable.
    pub(super) fn failed(&mut self, is_shallow: bool, is_mended: bool) -> bool {
        if let Some(state) = self.close().filter(|_| !is_mended) {
            state.works = Some(false);
            state.has_more &= is_shallow;
        }
        is_mended || self.states.iter().any(|state| state.works != Some(false))
    }

    pub(super) fn has_more(&self) -> bool {
        self.states.iter().any(|state| state.has_more)
    }

    fn close(&mut self) -> Option<&mut State> {
        self.states.get_mut(self.open.pop()?)
    }
}
