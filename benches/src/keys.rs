//! Which keys are asked for.

use std::sync::atomic::{AtomicU64, Ordering};

/// The bits of a step from this one on are the thread's number, in a cycle.
const THREAD: u32 = 48;

/// Which keys are asked for, in an order that jumps about and is the same in every run.
#[derive(Clone, Copy, Debug)]
pub enum Keys {
    /// A power of two of keys: each of them once in so many steps.
    Cycle(u64),
    /// So many keys, drawn anew in every step. The cache holds all of them before the first step.
    Drawn(u64),
    /// None of them was asked for before.
    Unseen,
}

impl Keys {
    /// The same key again and again.
    pub const ONE: Self = Self::Cycle(1);
    /// They fit the processor's first cache.
    pub const FEW: Self = Self::Cycle(1 << 4);
    /// For questions that are not about the number of keys.
    pub const SOME: Self = Self::Cycle(1 << 10);
    /// More than the processor's second cache holds.
    pub const MANY: Self = Self::Cycle(1 << 14);

    /// The steps that ask for every key that is not in the cache yet.
    #[must_use]
    pub fn warm_up(self) -> u64 {
        match self {
            Self::Cycle(count) => count,
            Self::Drawn(_) | Self::Unseen => 0,
        }
    }

    /// The first of so many steps.
    #[must_use]
    pub fn start(self, steps: u64) -> u64 {
        // Above every key of the others.
        static NEXT: AtomicU64 = AtomicU64::new(1 << 40);
        match self {
            Self::Cycle(_) => 0,
            Self::Drawn(_) | Self::Unseen => NEXT.fetch_add(steps, Ordering::Relaxed),
        }
    }

    /// The first of so many steps of one of several threads, of which the first begins at `from`. In a cycle each thread has an
    /// order of its own: in the same order two threads would meet at every key or at none, as chance has it.
    #[must_use]
    pub(crate) fn start_of(self, thread: u64, from: u64, steps: u64) -> u64 {
        match self {
            Self::Cycle(_) => from + (thread << THREAD),
            Self::Drawn(_) | Self::Unseen => from + thread * steps,
        }
    }

    /// The key of a step.
    #[must_use]
    #[inline]
    pub fn key(self, step: u64) -> u64 {
        let mixed = step.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        match self {
            Self::Cycle(count) => mixed.wrapping_mul((step >> THREAD) * 2 + 1) & (count - 1),
            Self::Drawn(count) => ((mixed >> 32) * count) >> 32,
            Self::Unseen => mixed,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Keys;

    #[test]
    fn a_cycle_visits_every_key_once() {
        let keys: HashSet<u64> = (0..1_024).map(|step| Keys::SOME.key(step)).collect();
        assert_eq!(keys.len(), 1_024);
    }

    #[test]
    fn threads_meet_as_often_as_chance_has_it_wherever_each_of_them_is() {
        let orders = [0, 1].map(|thread| {
            let from = Keys::FEW.start_of(thread, 0, 1_000);
            (from..from + 64).map(|step| Keys::FEW.key(step)).collect::<Vec<_>>()
        });
        assert!(orders.iter().all(|order| order[..16].iter().collect::<HashSet<_>>().len() == 16));
        for phase in 0..16 {
            let meetings =
                orders[0][phase..].iter().zip(&orders[1]).take(16).filter(|(left, right)| left == right).count();
            assert!(meetings <= 2, "{meetings} of 16 at {phase}");
        }
    }

    #[test]
    fn drawn_keys_are_below_their_number() {
        assert!((0..10_000).all(|step| Keys::Drawn(1_000).key(step) < 1_000));
    }
}
