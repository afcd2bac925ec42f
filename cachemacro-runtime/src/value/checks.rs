//! Decides which values are decoded and compared when they are stored. Also knows the functions whose values changed in
//! this check; their values are not stored outside the process.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::callsite::Instance;
use crate::util::sync::{Mutex, lock};

/// The first values of each function are read back, whatever their size.
const FIRST: u64 = 8;
/// For a shared store, all values of at most this size are read back, and every eighth of the larger ones.
const SMALL: usize = 1 << 20;
const EVERY: u64 = 8;

/// Without a shared store, in debug builds: the first values, then every sixteenth, and none above `SMALL_LOCAL`.
const FIRST_LOCAL: u64 = 256;
const EVERY_LOCAL: u64 = 16;
const SMALL_LOCAL: usize = 64 << 10;

/// The checks of one cache.
#[derive(Default)]
pub(crate) struct Checks {
    states: Mutex<HashMap<usize, State, RandomState>>,
}

#[derive(Clone, Copy, Default)]
struct State {
    fills: u64,
    /// A value has changed in the check, so others may change too.
    is_unfit: bool,
}

impl Checks {
    /// Counts one more value of this function. Returns up to which size it is read back; `None` for a function that is
    /// unfit.
    pub(crate) fn next(&self, instance: &'static Instance, is_shared: bool) -> Option<usize> {
        let mut states = lock(&self.states);
        let state = states.entry(std::ptr::from_ref(instance).addr()).or_default();
        let number = state.fills;
        state.fills += 1;
        if state.is_unfit {
            return None;
        }
        Some(match is_shared {
            _ if number < FIRST => usize::MAX,
            true if number.is_multiple_of(EVERY) => usize::MAX,
            true => SMALL,
            false if number < FIRST_LOCAL || number.is_multiple_of(EVERY_LOCAL) => SMALL_LOCAL,
            false => 0,
        })
    }

    pub(crate) fn ends(&self, instance: &'static Instance) {
        lock(&self.states).entry(std::ptr::from_ref(instance).addr()).or_default().is_unfit = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callsite::site::tests::site;

    #[test]
    fn small_values_are_always_read_back_and_large_ones_now_and_then() {
        let checks = Checks::default();
        let instance = site("find").instance(|| {});
        let next = || checks.next(instance, true).expect("fit");
        assert!((0..FIRST).all(|_| next() == usize::MAX));
        let large: Vec<_> = (0..16).filter(|_| next() == usize::MAX).collect();
        assert_eq!(large, [0, 8]);
        assert_eq!(next(), usize::MAX);
        assert_eq!(next(), SMALL);
    }

    #[test]
    fn nothing_more_is_stored_of_a_function_whose_value_came_back_changed() {
        let checks = Checks::default();
        let (one, other) = (site("find").instance(|| {}), site("list").instance(|| {}));
        checks.ends(one);
        assert_eq!(checks.next(one, true), None);
        assert!(checks.next(other, true).is_some());
    }
}
