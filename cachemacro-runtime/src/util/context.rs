//! What is in force on a thread while a closure runs, or while one future is polled: so it works on every executor, and ends
//! with a panic, with a drop and at each await.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::sync::{LocalKey, thread_local};

/// A mode, or a trace to write.
pub(crate) const CALLER: u8 = 1;
/// A cache in the place of the process-wide one.
pub(crate) const CACHE: u8 = 2;
/// A load, which is told what is served inside.
pub(crate) const LOAD: u8 = 4;

thread_local! {
    /// Which parts are in force: all that a hit looks at. It has no destructor, so a look is one load.
    static FLAGS: Cell<u8> = const { Cell::new(0) };
    static SCOPED_CACHE: RefCell<Option<ScopedCache>> = const { RefCell::new(None) };
}

/// Which parts are in force on this thread.
#[inline]
pub(crate) fn flags() -> u8 {
    FLAGS.with(Cell::get)
}

/// One thing that can be in force.
pub(crate) trait Part: Sized + 'static {
    /// Its flag.
    const FLAG: u8;

    /// Where it is kept.
    fn local() -> &'static LocalKey<RefCell<Option<Self>>>;
}

/// Reads what is in force.
pub(crate) fn read<P: Part, T>(read: impl FnOnce(&P) -> T) -> Option<T> {
    if flags() & P::FLAG == 0 {
        return None;
    }
    P::local().try_with(|part| part.borrow().as_ref().map(read)).ok().flatten()
}

/// Puts a part in force until this is dropped; `None` takes the outer one out of force.
pub(crate) struct Entered<'a, P: Part> {
    /// Meanwhile the outer one.
    part: &'a mut Option<P>,
}

impl<'a, P: Part> Entered<'a, P> {
    pub(crate) fn new(part: &'a mut Option<P>) -> Self {
        exchange(part);
        Self { part }
    }
}

impl<P: Part> Drop for Entered<'_, P> {
    fn drop(&mut self) {
        exchange(self.part);
    }
}

fn exchange<P: Part>(part: &mut Option<P>) {
    let is_set = part.is_some();
    // A thread that ends has nothing in force.
    if P::local().try_with(|local| std::mem::swap(&mut *local.borrow_mut(), part)).is_ok() {
        let others = flags() & !P::FLAG;
        FLAGS.with(|flags| flags.set(if is_set { others | P::FLAG } else { others }));
    }
}

pin_project! {
    /// A future with a part in force whenever it is polled, and when it is dropped.
    pub(crate) struct Within<P: Part, F> {
        part: Option<P>,
        #[pin]
        future: Option<F>,
    }

    impl<P: Part, F> PinnedDrop for Within<P, F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = Entered::new(this.part);
            this.future.set(None);
        }
    }
}

/// Runs a future with this in force.
pub(crate) fn within<P: Part, F>(part: Option<P>, future: F) -> Within<P, F> {
    Within { part, future: Some(future) }
}

impl<P: Part, F: Future> Future for Within<P, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = Entered::new(this.part);
        match this.future.as_pin_mut() {
            Some(future) => future.poll(context),
            None => Poll::Pending,
        }
    }
}

/// The cache of a scope; what it is, the engine knows.
#[derive(Clone)]
pub(crate) struct ScopedCache(pub(crate) Arc<dyn Any + Send + Sync>);

impl Part for ScopedCache {
    const FLAG: u8 = CACHE;

    fn local() -> &'static LocalKey<RefCell<Option<Self>>> {
        &SCOPED_CACHE
    }
}

/// The same, without keeping it alive.
#[derive(Clone)]
pub(crate) struct WeakScopedCache(Weak<dyn Any + Send + Sync>);

impl ScopedCache {
    pub(crate) fn downgrade(&self) -> WeakScopedCache {
        WeakScopedCache(Arc::downgrade(&self.0))
    }
}

impl WeakScopedCache {
    pub(crate) fn upgrade(&self) -> Option<ScopedCache> {
        self.0.upgrade().map(ScopedCache)
    }
}

/// The cache of the scope that this runs in, for a task that is spawned here.
pub(crate) fn scoped_cache() -> Option<ScopedCache> {
    read(ScopedCache::clone)
}

/// A future that is spawned as a task of its own: it keeps the cache of the scope that it was spawned in.
pub(crate) fn inherit<F: Future>(future: F) -> Within<ScopedCache, F> {
    within(scoped_cache(), future)
}
