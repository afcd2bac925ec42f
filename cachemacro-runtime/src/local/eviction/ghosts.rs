//! Fingerprints of evicted entries.

/// Cells of a bucket: 32 bytes, half a line of the processor's cache.
const WAYS: usize = 8;

/// What [`Ghosts::take`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ghost {
    /// The entry was not evicted lately.
    Unknown,
    /// The entry was evicted lately.
    Known,
    /// The entry is among the most recent eighth of the evicted entries (approximately).
    Fresh,
}

/// A table of the hashes of entries that were evicted lately: about as many as there are residents, four bytes each.
///
/// A cell is 32 bits of the hash; 0 is an empty cell. A bucket is a FIFO of eight: a new ghost enters at the front, and the last one falls
/// out. So the place in a bucket tells the age. Two hashes are taken for one in about one of 2^28 lookups; such an entry counts as seen
/// before, and nothing else happens.
#[derive(Debug)]
pub(super) struct Ghosts {
    buckets: Vec<[u32; WAYS]>,
}

impl Ghosts {
    pub(super) const fn new() -> Self {
        Self { buckets: Vec::new() }
    }

    /// Makes room for as many ghosts as there are residents. Growing forgets the ghosts: it happens at the first eviction, and
    /// later when entries become lighter.
    pub(super) fn reserve(&mut self, residents: usize) {
        if residents > self.buckets.len() * WAYS {
            let cells = if self.buckets.is_empty() { residents } else { residents + residents / 4 };
            self.buckets = vec![[0; WAYS]; cells.div_ceil(WAYS)];
        }
    }

    /// Remembers an evicted entry.
    pub(super) fn put(&mut self, hash: u64) {
        if let Some(bucket) = self.bucket(hash) {
            bucket.rotate_right(1);
            bucket[0] = fingerprint(hash);
        }
    }

    /// Looks for an entry, and leaves it.
    pub(super) fn holds(&mut self, hash: u64) -> bool {
        self.bucket(hash).is_some_and(|bucket| bucket.contains(&fingerprint(hash)))
    }

    /// Looks for an entry, and takes it out.
    pub(super) fn take(&mut self, hash: u64) -> Ghost {
        let wanted = fingerprint(hash);
        let Some(bucket) = self.bucket(hash) else { return Ghost::Unknown };
        let Some(at) = bucket.iter().position(|cell| *cell == wanted) else { return Ghost::Unknown };
        bucket[at..].rotate_left(1);
        bucket[WAYS - 1] = 0;
        if at == 0 { Ghost::Fresh } else { Ghost::Known }
    }

    /// The bucket of a hash: the lower half of the hash, scaled to the number of buckets.
    fn bucket(&mut self, hash: u64) -> Option<&mut [u32; WAYS]> {
        let at = ((hash & 0xFFFF_FFFF) * self.buckets.len() as u64) >> 32;
        self.buckets.get_mut(at as usize)
    }
}

/// The upper half of the hash, never 0.
fn fingerprint(hash: u64) -> u32 {
    (hash >> 32) as u32 | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ghost_is_found_once() {
        let mut ghosts = Ghosts::new();
        assert_eq!(ghosts.take(7), Ghost::Unknown);
        ghosts.reserve(100);
        ghosts.put(7 << 32 | 7);
        assert_eq!(ghosts.take(7 << 32 | 7), Ghost::Fresh);
        assert_eq!(ghosts.take(7 << 32 | 7), Ghost::Unknown);
    }

    #[test]
    fn the_oldest_of_a_bucket_falls_out() {
        let mut ghosts = Ghosts::new();
        ghosts.reserve(WAYS);
        (1..=9u64).for_each(|n| ghosts.put(n << 40));
        assert_eq!(ghosts.take(1 << 40), Ghost::Unknown);
        assert_eq!(ghosts.take(2 << 40), Ghost::Known);
        assert_eq!(ghosts.take(9 << 40), Ghost::Fresh);
    }
}
