//! How many entries of each function were evicted.

use std::collections::HashMap;

use foldhash::fast::RandomState;

/// The functions that are counted in a list, by the numbers of their instances: all, in most programs.
const LISTED: usize = 4096;

pub(super) struct Evictions {
    list: Vec<u64>,
    others: HashMap<u32, u64, RandomState>,
}

impl Evictions {
    pub(super) fn new() -> Self {
        Self { list: Vec::new(), others: HashMap::default() }
    }

    pub(super) fn count(&mut self, function: u32) {
        let at = function as usize;
        if at >= LISTED {
            *self.others.entry(function).or_default() += 1;
            return;
        }
        if self.list.len() <= at {
            self.list.resize(at + 1, 0);
        }
        self.list[at] += 1;
    }

    /// Adds these counts to `sums`.
    pub(super) fn add_to(&self, sums: &mut HashMap<u32, u64>) {
        let listed = (0..).zip(self.list.iter().copied()).filter(|(_, count)| *count > 0);
        for (function, count) in listed.chain(self.others.iter().map(|(function, count)| (*function, *count))) {
            *sums.entry(function).or_default() += count;
        }
    }
}
