//! The lock that a hit takes: held for some 20 ns, so a thread that finds it taken spins for a moment before it sleeps.
//!
//! To unlock is one store, where a lock with a queue of sleeping threads needs a second atomic exchange. What it costs: threads
//! get the lock in no order.

use std::thread;
use std::time::Duration;

use spin::mutex::{SpinMutex, SpinMutexGuard};

/// Many times the time that the lock is held, in rounds of the loop.
const SPINS: u32 = 100;
/// Then the thread offers its slice to others so many times, as the holder may wait for a core.
const YIELDS: u32 = 20;
/// Then it sleeps.
const SLEEP: Duration = Duration::from_micros(50);

pub(crate) struct ShardLock<T>(SpinMutex<T>);

pub(crate) type ShardGuard<'a, T> = SpinMutexGuard<'a, T>;

impl<T> ShardLock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(SpinMutex::new(value))
    }

    #[inline]
    pub(crate) fn lock(&self) -> ShardGuard<'_, T> {
        match self.0.try_lock() {
            Some(guard) => guard,
            None => self.wait(),
        }
    }

    #[cold]
    fn wait(&self) -> ShardGuard<'_, T> {
        let mut rounds = 0;
        loop {
            for _ in 0..SPINS {
                if !self.0.is_locked()
                    && let Some(guard) = self.0.try_lock()
                {
                    return guard;
                }
                std::hint::spin_loop();
            }
            rounds += 1;
            if rounds <= YIELDS { thread::yield_now() } else { thread::sleep(SLEEP) }
        }
    }
}
