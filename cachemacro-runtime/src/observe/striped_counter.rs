//! A striped counter: threads add to separate cache lines, so that two hits of one key do not slow each other down.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread::available_parallelism;

/// One part of the counter, on a separate cache line.
#[repr(align(64))]
#[derive(Default)]
struct Stripe(AtomicU64);

/// A thread with its own stripe adds with one load and one store. Every thread has one while there are at most two
/// threads for each core. Further threads share the last stripe.
pub(crate) struct StripedCounter(Box<[Stripe]>);

impl StripedCounter {
    pub(crate) fn new() -> Self {
        static STRIPES: LazyLock<usize> =
            LazyLock::new(|| available_parallelism().map_or(8, |cores| 2 * cores.get()).min(64) + 1);
        Self((0..*STRIPES).map(|_| Stripe::default()).collect())
    }

    #[inline]
    pub(crate) fn add(&self) {
        let [owned @ .., shared] = &*self.0 else { return };
        match owned.get(place()) {
            Some(Stripe(count)) => count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed),
            None => _ = shared.0.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// The sum. It may miss what other threads add meanwhile.
    pub(crate) fn read(&self) -> u64 {
        self.0.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)).sum()
    }
}

const UNCLAIMED: usize = usize::MAX;
/// Greater than the index of every stripe that a thread can own.
const NONE: usize = usize::MAX - 1;

thread_local! {
    /// The index of this thread's stripe in all counters.
    static PLACE: Cell<usize> = const { Cell::new(UNCLAIMED) };
    static CLAIM: Claim = Claim::new();
}

#[inline]
fn place() -> usize {
    let place = PLACE.get();
    if place == UNCLAIMED { claim() } else { place }
}

#[cold]
fn claim() -> usize {
    // A thread that is ending has given its index back.
    let place = CLAIM.try_with(|claim| claim.0).unwrap_or(NONE);
    PLACE.set(place);
    place
}

/// The index that a thread owns until it ends.
struct Claim(usize);

/// The indexes that threads have given back, and the number of indexes so far. The lock makes the counts of an index
/// visible to its next owner.
static PLACES: Mutex<(Vec<usize>, usize)> = Mutex::new((Vec::new(), 0));

impl Claim {
    fn new() -> Self {
        let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
        let (given_back, ever) = &mut *places;
        Self(given_back.pop().unwrap_or_else(|| {
            *ever += 1;
            *ever - 1
        }))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        PLACE.set(NONE);
        PLACES.lock().unwrap_or_else(PoisonError::into_inner).0.push(self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn nothing_is_lost_where_threads_come_and_go() {
        let striped_counter = StripedCounter::new();
        for _ in 0..50 {
            thread::scope(|scope| {
                for _ in 0..20 {
                    scope.spawn(|| (0..2_000).for_each(|_| striped_counter.add()));
                }
            });
        }
        assert_eq!(striped_counter.read(), 50 * 20 * 2_000);
    }

    #[test]
    fn a_thread_that_is_ending_still_counts() {
        struct Last<'t>(&'t StripedCounter);
        impl Drop for Last<'_> {
            fn drop(&mut self) {
                self.0.add();
            }
        }
        thread_local!(static LAST: Cell<Option<Last<'static>>> = const { Cell::new(None) });
        let striped_counter: &'static StripedCounter = Box::leak(Box::new(StripedCounter::new()));
        let thread = thread::spawn(move || {
            // Created before the claim, so it is dropped after it.
            LAST.set(Some(Last(striped_counter)));
            striped_counter.add();
        });
        thread.join().expect("it counts");
        assert_eq!(striped_counter.read(), 2);
    }
}
