//! Context that is set on a thread while a closure runs, or while one future is polled. So it works on every executor,
//! and is removed after a panic, after a drop and at each await.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::sync::{LocalKey, thread_local};

/// A mode other than the default.
pub(crate) const MODE: u8 = 1;
/// A cache instead of the process-wide one.
pub(crate) const CACHE: u8 = 2;
/// A load, to which calls report what they serve inside it.
pub(crate) const LOAD: u8 = 4;
/// Observers, who are told of every call.
pub(crate) const OBSERVER: u8 = 8;
/// The body of a writer: entries that its events will end are not served inside it.
pub(crate) const WRITER: u8 = 16;

thread_local! {
    /// Which parts are set. A hit reads only this. It has no destructor, so a read is one memory load.
    static FLAGS: Cell<u8> = const { Cell::new(0) };
    static SCOPED_CACHE: RefCell<Option<ScopedCache>> = const { RefCell::new(None) };
}

/// Which parts are set on this thread.
#[inline]
pub(crate) fn flags() -> u8 {
    FLAGS.with(Cell::get)
}

/// One part of the context.
pub trait Part: Sized + 'static {
    /// Its flag.
    const FLAG: u8;

    /// The thread-local that holds it.
    fn local() -> &'static LocalKey<RefCell<Option<Self>>>;
}

/// Reads the part that is set.
pub(crate) fn read<P: Part, T>(read: impl FnOnce(&P) -> T) -> Option<T> {
    if flags() & P::FLAG == 0 {
        return None;
    }
    P::local().try_with(|part| part.borrow().as_ref().map(read)).ok().flatten()
}

/// Sets a part until this is dropped; `None` removes the outer one meanwhile.
pub(crate) struct Entered<'a, P: Part> {
    /// Holds the outer part meanwhile.
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

/// Sets a part until it is set again, or the thread ends. An outer scope ends it, too.
pub(crate) fn set<P: Part>(part: P) {
    exchange(&mut Some(part));
}

fn exchange<P: Part>(part: &mut Option<P>) {
    let is_set = part.is_some();
    // A thread that is ending has no context.
    if P::local().try_with(|local| std::mem::swap(&mut *local.borrow_mut(), part)).is_ok() {
        let others = flags() & !P::FLAG;
        FLAGS.with(|flags| flags.set(if is_set { others | P::FLAG } else { others }));
    }
}

pin_project! {
    /// A future with a part that is set whenever it is polled, and when it is dropped.
    pub struct Within<P: Part, F> {
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

/// Runs a future with this part set.
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

/// The cache of a scope. Only the engine knows its type.
#[derive(Clone)]
pub(crate) struct ScopedCache(pub(crate) Arc<dyn Any + Send + Sync>);

impl Part for ScopedCache {
    const FLAG: u8 = CACHE;

    fn local() -> &'static LocalKey<RefCell<Option<Self>>> {
        &SCOPED_CACHE
    }
}

/// The cache of a scope, without keeping it alive.
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

/// A future that is spawned as a task keeps the cache of the scope in which it was spawned.
pub(crate) fn inherit<F: Future>(future: F) -> Within<ScopedCache, F> {
    within(scoped_cache(), future)
}
