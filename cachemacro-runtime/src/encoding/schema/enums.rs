//! Which variants of an enum were taken.

/// The variants of one enum, over all passes.
pub(super) struct Variants {
    states: Vec<State>,
    /// Those that are being read, of which a shallow one must be none.
    open: Vec<usize>,
}

#[derive(Clone, Copy)]
struct State {
    /// Not all of it was seen.
    has_more: bool,
    /// Whether it can be read at all, if that is known.
    works: Option<bool>,
}

impl Variants {
    pub(super) fn new(count: usize) -> Self {
        Self { states: vec![State { has_more: true, works: None }; count], open: Vec::new() }
    }

    /// Takes a variant, if one is left that may work. Every call is followed by one of [`Variants::end`].
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

    /// The variant was read, and whether there is more to see in it.
    pub(super) fn worked(&mut self, is_shallow: bool, has_more: bool) {
        if let Some(state) = self.close() {
            state.works = Some(true);
            state.has_more = if is_shallow { state.has_more } else { has_more };
        }
    }

    /// It was not. Whether there is another that may be.
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
