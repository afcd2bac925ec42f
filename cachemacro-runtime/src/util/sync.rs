//! The locks and atomics of the runtime. `cfg(shuttle)` replaces them with those of the model checker; `tests/shuttle`
//! compiles this source with it.

use std::sync::PoisonError;

#[cfg(not(shuttle))]
pub(crate) use std::sync::{Arc, Mutex, MutexGuard, Weak, atomic};

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{Arc, Mutex, MutexGuard, Weak, atomic};

/// Locks with many readers, each thread of which writes to a line of its own of the processor's cache.
#[cfg(not(shuttle))]
pub(crate) use crossbeam_utils::sync::{ShardedLock, ShardedLockReadGuard, ShardedLockWriteGuard};

#[cfg(shuttle)]
pub(crate) use shuttle::sync::{
    RwLock as ShardedLock, RwLockReadGuard as ShardedLockReadGuard, RwLockWriteGuard as ShardedLockWriteGuard,
};

/// Thread-locals. The model checker runs all of its threads on one system thread, so it needs others.
#[cfg(not(shuttle))]
pub(crate) use std::{thread::LocalKey, thread_local};

#[cfg(shuttle)]
pub(crate) use shuttle::{thread::LocalKey, thread_local};

#[cfg(not(shuttle))]
pub(crate) use tokio::sync::Notify;

#[cfg(shuttle)]
pub(crate) use yielding::Notify;

#[cfg(not(shuttle))]
pub(crate) use tasks::{has_runtime, sleep, spawn};

#[cfg(shuttle)]
pub(crate) use explored_tasks::{has_runtime, sleep, spawn};

/// Tasks on the runtime of the caller.
#[cfg(not(shuttle))]
mod tasks {
    use std::future::Future;

    use tokio::runtime::Handle;

    pub(crate) use tokio::time::sleep;

    pub(crate) fn has_runtime() -> bool {
        Handle::try_current().is_ok()
    }

    /// Without a runtime, or after it has ended, the task is dropped at once.
    pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(task);
        }
    }
}

/// Tasks of the model checker, for which no time passes.
#[cfg(shuttle)]
mod explored_tasks {
    use std::future::Future;
    use std::time::Duration;

    pub(crate) fn has_runtime() -> bool {
        true
    }

    pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        drop(shuttle::future::spawn(task));
    }

    pub(crate) async fn sleep(_: Duration) {
        shuttle::future::yield_now().await;
    }
}

/// Locks and ignores poison: in every critical section of this crate the data is consistent wherever a panic can occur.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As [`lock`], beside other readers.
#[inline]
pub(crate) fn read<T>(shared: &ShardedLock<T>) -> ShardedLockReadGuard<'_, T> {
    shared.read().unwrap_or_else(PoisonError::into_inner)
}

/// As [`lock`], without readers.
pub(crate) fn write<T>(shared: &ShardedLock<T>) -> ShardedLockWriteGuard<'_, T> {
    shared.write().unwrap_or_else(PoisonError::into_inner)
}

/// Wraps tokio's `Notify`, which does not know the model checker: any other thread may run before each operation.
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
