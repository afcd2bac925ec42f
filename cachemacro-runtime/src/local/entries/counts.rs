//! How often the entries of each function were served and evicted: counted under the lock that a hit holds in any case.

/// The functions that are counted here, by the numbers of their instances.
pub(crate) const COUNTED: u32 = 4096;

/// The counts of one function.
#[derive(Clone, Copy, Default)]
pub(crate) struct Count {
    pub(crate) hits: u64,
    pub(crate) evictions: u64,
}

pub(super) struct Counts(Vec<Count>);

impl Counts {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Makes room for a function: one whose entries are here.
    pub(super) fn reserve(&mut self, function: u32) {
        if function < COUNTED && self.0.len() <= function as usize {
            self.0.resize(function as usize + 1, Count::default());
        }
    }

    #[inline]
    pub(super) fn hit(&mut self, function: u32) {
        if let Some(count) = self.0.get_mut(function as usize) {
            count.hits += 1;
        }
    }

    pub(super) fn evicted(&mut self, function: u32) {
        if let Some(count) = self.0.get_mut(function as usize) {
            count.evictions += 1;
        }
    }

    /// Adds these counts to `sums`.
    pub(super) fn add_to(&self, sums: &mut Vec<Count>) {
        if sums.len() < self.0.len() {
            sums.resize(self.0.len(), Count::default());
        }
        for (sum, count) in sums.iter_mut().zip(&self.0) {
            sum.hits += count.hits;
            sum.evictions += count.evictions;
        }
    }
}
