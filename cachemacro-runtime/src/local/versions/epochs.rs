//! The epochs of the version records, dense in memory: a hit reads one of them, and takes no lock for it.

use std::sync::OnceLock;

use crate::util::sync::atomic::{AtomicU32, Ordering};

/// The epoch of a record that no entry can be stamped with. It never changes again.
pub(crate) const DEAD: u32 = u32::MAX;

/// The first chunk has 2^10 epochs, each further one twice as many as the one before.
const FIRST: u32 = 10;
const CHUNKS: usize = 22;

/// Chunks are added, and never moved.
pub(super) struct Epochs {
    chunks: [OnceLock<Box<[AtomicU32]>>; CHUNKS],
}

impl Epochs {
    pub(super) fn new() -> Self {
        Self { chunks: [const { OnceLock::new() }; CHUNKS] }
    }

    /// The chunk of an epoch, and its place there.
    #[inline]
    const fn place(at: u32) -> (usize, usize) {
        let at = at as u64 + (1 << FIRST);
        let chunk = at.ilog2();
        ((chunk - FIRST) as usize, (at - (1 << chunk)) as usize)
    }

    #[inline]
    fn get(&self, at: u32) -> Option<&AtomicU32> {
        let (chunk, place) = Self::place(at);
        self.chunks.get(chunk)?.get()?.get(place)
    }

    /// The epoch, or [`DEAD`] where there is none. `Acquire`: a reader that sees an epoch also sees what the publisher did
    /// before it.
    #[inline]
    pub(super) fn read(&self, at: u32) -> u32 {
        self.get(at).map_or(DEAD, |epoch| epoch.load(Ordering::Acquire))
    }

    /// Makes room for this epoch.
    pub(super) fn reserve(&self, at: u32) {
        let (chunk, _) = Self::place(at);
        self.chunks[chunk].get_or_init(|| (0..1_u64 << (FIRST as usize + chunk)).map(|_| AtomicU32::new(1)).collect());
    }

    /// Goes to the next epoch, and returns it. Called under the lock of the record only.
    pub(super) fn advance(&self, at: u32) -> u32 {
        let Some(epoch) = self.get(at) else { return DEAD };
        let next = epoch.load(Ordering::Relaxed).saturating_add(1);
        epoch.store(next, Ordering::Release);
        next
    }

    /// As if so many events had come.
    #[cfg(test)]
    pub(super) fn set(&self, at: u32, to: u32) {
        if let Some(epoch) = self.get(at) {
            epoch.store(to, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_has_a_place_of_its_own() {
        let places: std::collections::BTreeSet<_> = (0..100_000).map(Epochs::place).collect();
        assert_eq!(places.len(), 100_000);
        assert!(places.iter().all(|(chunk, place)| *place < 1 << (FIRST as usize + chunk)));
        let (chunk, place) = Epochs::place(u32::MAX);
        assert!(chunk == CHUNKS || place < 1 << (FIRST as usize + chunk), "{chunk} {place}");
    }

    #[test]
    fn an_epoch_ends_dead() {
        let epochs = Epochs::new();
        assert_eq!(epochs.read(5000), DEAD, "there is none");
        epochs.reserve(5000);
        assert_eq!(epochs.advance(5000), 2);
        epochs.set(5000, DEAD - 1);
        assert_eq!([epochs.advance(5000), epochs.advance(5000)], [DEAD, DEAD]);
    }
}
