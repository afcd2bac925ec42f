//! A hash index over the items of a slab: chains that grow by linear hashing (Litwin, 1980), one bucket with one insertion.
//! No insertion moves more than the items of one bucket, and there is one bucket for each item, whatever their number.

use super::slab::NONE;

/// The items that are indexed, as their owner keeps them.
pub(in crate::local) trait Chained {
    /// The hash of an item.
    fn hash(&self, at: u32) -> u64;
    /// The next item of its bucket, or [`NONE`].
    fn next(&self, at: u32) -> u32;
    /// Sets it.
    fn set_next(&mut self, at: u32, next: u32);
}

/// The first item of each bucket.
pub(in crate::local) struct Buckets {
    heads: Vec<u32>,
    /// Of the power of two at or above the number of buckets.
    mask: usize,
    items: usize,
}

impl Buckets {
    pub(in crate::local) const fn new() -> Self {
        Self { heads: Vec::new(), mask: 0, items: 0 }
    }

    pub(in crate::local) const fn len(&self) -> usize {
        self.items
    }

    /// A bucket that is not there yet is still a part of the one that it will be split from.
    #[inline]
    fn bucket(&self, hash: u64) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "the low bits choose the bucket")]
        let bucket = hash as usize & self.mask;
        if bucket < self.heads.len() { bucket } else { bucket & (self.mask >> 1) }
    }

    /// The first item that may have this hash, or [`NONE`].
    #[inline]
    pub(in crate::local) fn first(&self, hash: u64) -> u32 {
        self.heads.get(self.bucket(hash)).copied().unwrap_or(NONE)
    }

    /// Adds an item of `items`, which has this hash.
    pub(in crate::local) fn insert(&mut self, hash: u64, at: u32, items: &mut impl Chained) {
        self.items += 1;
        if self.items > self.heads.len() {
            self.split(items);
        }
        let bucket = self.bucket(hash);
        items.set_next(at, self.heads[bucket]);
        self.heads[bucket] = at;
    }

    /// Adds the next bucket, and moves the items that belong there.
    fn split(&mut self, items: &mut impl Chained) {
        let new = self.heads.len();
        self.heads.push(NONE);
        self.mask = (new + 1).next_power_of_two() - 1;
        if new == 0 {
            return;
        }
        let old = new & (self.mask >> 1);
        let mut at = std::mem::replace(&mut self.heads[old], NONE);
        while at != NONE {
            let next = items.next(at);
            let bucket = self.bucket(items.hash(at));
            items.set_next(at, self.heads[bucket]);
            self.heads[bucket] = at;
            at = next;
        }
    }

    /// Takes an item out. Nothing happens if it is not there.
    pub(in crate::local) fn remove(&mut self, hash: u64, at: u32, items: &mut impl Chained) {
        let bucket = self.bucket(hash);
        let Some(head) = self.heads.get_mut(bucket) else { return };
        if *head == at {
            *head = items.next(at);
            self.items -= 1;
            return;
        }
        let mut before = *head;
        while before != NONE {
            let next = items.next(before);
            if next == at {
                items.set_next(before, items.next(at));
                self.items -= 1;
                return;
            }
            before = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Hashes, each with the next item.
    struct Items(Vec<(u64, u32)>);

    impl Chained for Items {
        fn hash(&self, at: u32) -> u64 {
            self.0[at as usize].0
        }
        fn next(&self, at: u32) -> u32 {
            self.0[at as usize].1
        }
        fn set_next(&mut self, at: u32, next: u32) {
            self.0[at as usize].1 = next;
        }
    }

    fn chain(buckets: &Buckets, items: &Items, hash: u64) -> Vec<u32> {
        let is_one = |at: &u32| *at != NONE;
        let first = Some(buckets.first(hash)).filter(is_one);
        std::iter::successors(first, |at| Some(items.next(*at)).filter(is_one)).collect()
    }

    #[test]
    fn what_is_inserted_is_found_until_it_is_removed() {
        let mut random = fastrand::Rng::with_seed(7);
        for spread in [u64::MAX, 1 << 6, 1] {
            let (mut buckets, mut items) = (Buckets::new(), Items(Vec::new()));
            let mut live = BTreeSet::new();
            for at in 0..2000_u32 {
                items.0.push((random.u64(0..spread), NONE));
                buckets.insert(items.hash(at), at, &mut items);
                live.insert(at);
                if random.bool()
                    && let Some(gone) = live.iter().nth(random.usize(0..live.len())).copied()
                {
                    live.remove(&gone);
                    buckets.remove(items.hash(gone), gone, &mut items);
                }
                assert_eq!(buckets.len(), live.len());
            }
            let found: BTreeSet<_> =
                (0..2000).filter(|at| chain(&buckets, &items, items.hash(*at)).contains(at)).collect();
            assert_eq!(found, live);
        }
    }

    #[test]
    fn chains_are_short() {
        let (mut buckets, mut items) = (Buckets::new(), Items(Vec::new()));
        let mut random = fastrand::Rng::with_seed(7);
        for at in 0..10_000 {
            items.0.push((random.u64(..), NONE));
            buckets.insert(items.hash(at), at, &mut items);
        }
        let steps: usize = (0..10_000)
            .map(|at| {
                chain(&buckets, &items, items.hash(at)).iter().position(|other| *other == at).expect("is found") + 1
            })
            .sum();
        assert!(steps < 16_000, "{steps}");
    }
}
