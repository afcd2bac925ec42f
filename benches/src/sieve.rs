//! SIEVE, as its paper has it (Zhang and others, "SIEVE is Simpler than LRU", NSDI 2024): a queue, one bit for each entry, and a
//! hand that goes from the oldest to the newest, spares entries that were asked for since its last visit, and evicts the first
//! that was not. Keys only, for the comparison of hit ratios.

use std::collections::HashMap;

/// The place of no entry.
const NONE: usize = usize::MAX;

/// One entry in the queue.
#[derive(Clone, Copy)]
struct Node {
    key: u64,
    weight: u64,
    was_asked_for: bool,
    /// Towards the newest.
    newer: usize,
    /// Towards the oldest.
    older: usize,
}

/// A cache of keys.
pub struct Sieve {
    capacity: u64,
    weight: u64,
    places: HashMap<u64, usize>,
    nodes: Vec<Node>,
    free: Vec<usize>,
    newest: usize,
    oldest: usize,
    hand: usize,
}

impl Sieve {
    /// An empty one, for entries of so much weight together.
    #[must_use]
    pub fn new(capacity: u64) -> Self {
        let (places, nodes, free) = (HashMap::new(), Vec::new(), Vec::new());
        Self { capacity, weight: 0, places, nodes, free, newest: NONE, oldest: NONE, hand: NONE }
    }

    /// Asks for a key: whether it is there. If not, it is inserted with this weight.
    pub fn ask(&mut self, key: u64, weight: u64) -> bool {
        if let Some(place) = self.places.get(&key) {
            self.nodes[*place].was_asked_for = true;
            return true;
        }
        if weight > self.capacity {
            return false;
        }
        while self.weight + weight > self.capacity {
            self.evict();
        }
        self.insert(key, weight);
        false
    }

    fn insert(&mut self, key: u64, weight: u64) {
        let node = Node { key, weight, was_asked_for: false, newer: NONE, older: self.newest };
        let place = self.free.pop().unwrap_or(self.nodes.len());
        if place == self.nodes.len() {
            self.nodes.push(node);
        } else {
            self.nodes[place] = node;
        }
        match self.newest {
            NONE => self.oldest = place,
            newest => self.nodes[newest].newer = place,
        }
        self.newest = place;
        self.weight += weight;
        self.places.insert(key, place);
    }

    fn evict(&mut self) {
        let mut place = if self.hand == NONE { self.oldest } else { self.hand };
        while self.nodes[place].was_asked_for {
            self.nodes[place].was_asked_for = false;
            let newer = self.nodes[place].newer;
            place = if newer == NONE { self.oldest } else { newer };
        }
        let Node { key, weight, newer, older, .. } = self.nodes[place];
        self.hand = newer;
        match newer {
            NONE => self.newest = older,
            newer => self.nodes[newer].older = older,
        }
        match older {
            NONE => self.oldest = newer,
            older => self.nodes[older].newer = newer,
        }
        self.weight -= weight;
        self.places.remove(&key);
        self.free.push(place);
    }
}

#[cfg(test)]
mod tests {
    use super::Sieve;

    /// The keys of these that are there, without a change.
    fn held(sieve: &Sieve, keys: std::ops::Range<u64>) -> Vec<u64> {
        keys.filter(|key| sieve.places.contains_key(key)).collect()
    }

    #[test]
    fn an_entry_that_was_asked_for_is_spared_once() {
        let mut sieve = Sieve::new(3);
        (0..3).for_each(|key| assert!(!sieve.ask(key, 1)));
        assert!(sieve.ask(0, 1));
        sieve.ask(3, 1);
        assert_eq!(held(&sieve, 0..4), [0, 2, 3], "0 was spared, 1 is the oldest that was not asked for");
        sieve.ask(4, 1);
        assert_eq!(held(&sieve, 0..5), [0, 3, 4], "the hand goes on where it stood: 0 is behind it");
        sieve.ask(5, 1);
        sieve.ask(6, 1);
        assert_eq!(held(&sieve, 0..7), [0, 5, 6], "the hand passes the new ones that nothing asked for");
    }

    #[test]
    fn the_bound_holds_by_weight_and_what_is_heavier_than_it_is_not_kept() {
        let mut sieve = Sieve::new(10);
        (0..1_000).for_each(|key| {
            sieve.ask(key % 37, 1 + key % 5);
            assert!(sieve.weight <= 10);
        });
        assert!(!sieve.ask(99, 11) && !sieve.ask(99, 11));
    }
}
