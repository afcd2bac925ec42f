//! Items under numbers, on pages that never move: to add one never copies the others.

use std::ops::{Index, IndexMut};

/// The number of an item that is none.
pub(in crate::local) const NONE: u32 = u32::MAX;

/// Small, as each shard has a page of its own that is not full.
const PAGE: usize = 32;

/// Items are added and replaced, and never removed: what is free is on a list of its owner.
pub(in crate::local) struct Slab<T> {
    pages: Vec<Box<[T; PAGE]>>,
    len: u32,
}

impl<T> Slab<T> {
    pub(in crate::local) const fn new() -> Self {
        Self { pages: Vec::new(), len: 0 }
    }

    pub(in crate::local) const fn len(&self) -> u32 {
        self.len
    }

    /// Adds an item, and returns its number. `empty` makes those behind it, for a new page.
    ///
    /// # Panics
    /// When there are 2^32 - 1 items: memory ends before.
    pub(in crate::local) fn push(&mut self, item: T, empty: impl Fn() -> T) -> u32 {
        let at = self.len;
        self.len = at.checked_add(1).expect("memory ends before the numbers do");
        if at as usize / PAGE == self.pages.len() {
            let page: Box<[T]> = (0..PAGE).map(|_| empty()).collect();
            self.pages.extend(page.try_into());
        }
        self[at] = item;
        at
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;

    #[inline]
    fn index(&self, at: u32) -> &T {
        &self.pages[at as usize / PAGE][at as usize % PAGE]
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    #[inline]
    fn index_mut(&mut self, at: u32) -> &mut T {
        &mut self.pages[at as usize / PAGE][at as usize % PAGE]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_under_its_number() {
        let mut slab = Slab::new();
        for number in 0..1000 {
            assert_eq!(slab.push(number, || 0), number);
        }
        slab[700] += 1;
        assert_eq!((slab.len(), slab[255], slab[256], slab[700]), (1000, 255, 256, 701));
    }
}
