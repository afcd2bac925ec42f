//! The locks and atomics of the runtime, which `--cfg shuttle` swaps for those of the model checker.

#[cfg(not(shuttle))]
pub(crate) use std::sync::{Arc, Mutex, MutexGuard, Weak, atomic};

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{Arc, Mutex, MutexGuard, Weak, atomic};

#[cfg(not(shuttle))]
pub(crate) use tokio::sync::Notify;

#[cfg(shuttle)]
pub(crate) use yielding::Notify;

/// Locks, ignoring poison: every critical section of this crate leaves its data whole at each step that can panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Tokio's, which knows nothing of the model checker: here any other thread may go before each of its operations.
#[cfg(shuttle)]
mod yielding {
    use shuttle::sync::atomic::{AtomicBool, Ordering};
    use tokio::sync::futures::Notified;

    #[derive(Default)]
    pub(crate) struct Notify {
        inner: tokio::sync::Notify,
        others_first: AtomicBool,
    }

    impl Notify {
        pub(crate) fn new() -> Self {
            Self::default()
        }

        fn inner(&self) -> &tokio::sync::Notify {
            let _ = self.others_first.load(Ordering::SeqCst);
            &self.inner
        }

        pub(crate) fn notified(&self) -> Notified<'_> {
            self.inner().notified()
        }

        pub(crate) fn notify_one(&self) {
            self.inner().notify_one();
        }

        pub(crate) fn notify_waiters(&self) {
            self.inner().notify_waiters();
        }
    }
}
