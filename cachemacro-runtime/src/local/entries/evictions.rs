//! How many entries of each function were evicted.

/// The functions that are counted, by the numbers of their instances.
const COUNTED: usize = 4096;

pub(super) struct Evictions(Vec<u64>);

impl Evictions {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn count(&mut self, function: u32) {
        let function = function as usize;
        if function < COUNTED {
            if self.0.len() <= function {
                self.0.resize(function + 1, 0);
            }
            self.0[function] += 1;
        }
    }

    /// Adds these counts to `sums`.
    pub(super) fn add_to(&self, sums: &mut Vec<u64>) {
        if sums.len() < self.0.len() {
            sums.resize(self.0.len(), 0);
        }
        sums.iter_mut().zip(&self.0).for_each(|(sum, count)| *sum += count);
    }
}
