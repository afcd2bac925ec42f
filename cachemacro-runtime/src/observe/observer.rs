//! Observers of a scope or of a cache. A call without observers pays for one check of the thread's flags.

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::answered::{AnsweredCall, Report, ToldCall};
use super::mode::CacheMode;
use crate::util::context;
use crate::util::context::{Entered, LOAD, MODE, OBSERVER, Part, Within};
use crate::util::sync::{LocalKey, thread_local};

/// Is told of cached calls: of those in a scope with [`observed`], of all calls of a cache with
/// [`CacheBuilder::observer`](crate::CacheBuilder::observer).
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use cachemacro::{AnsweredCall, CallOutcome, Observer, cached, observed};
///
/// #[derive(Default)]
/// struct StaleAnswers(AtomicU64);
///
/// impl Observer for StaleAnswers {
///     fn answered(&self, call: &AnsweredCall<'_>) {
///         if call.outcome() == CallOutcome::Stale {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// #[cached(key = "city:<id>", ttl_only = "cities do not move", hard_ttl = "1h")]
/// async fn city(id: u64) -> String {
///     format!("city {id}")
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let stale = Arc::new(StaleAnswers::default());
/// observed(Arc::clone(&stale), async { city(1).await; city(2).await }).await;
/// assert_eq!(stale.0.load(Ordering::Relaxed), 0);
/// # }
/// ```
pub trait Observer: Any + Send + Sync {
    /// A call has its answer. This runs on the caller's thread, before the caller goes on, so it must not block. No lock of the cache
    /// is held. Cached functions that it calls are not observed.
    fn answered(&self, call: &AnsweredCall<'_>);

    /// Whether this observer reads [`AnsweredCall::aggregates`]. Their names are written for a hit only where this is true, which
    /// costs it as much as a call that misses, without its load. Default: false.
    fn wants_aggregates(&self) -> bool {
        false
    }
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn answered(&self, call: &AnsweredCall<'_>) {
        (**self).answered(call);
    }

    fn wants_aggregates(&self) -> bool {
        (**self).wants_aggregates()
    }
}

/// Observers, the innermost first.
#[derive(Clone)]
pub(crate) struct Observers(Arc<Link>);

struct Link {
    observer: Arc<dyn Observer>,
    outer: Option<Observers>,
    /// Whether this observer or an outer one wants the aggregates.
    wants_aggregates: bool,
}

impl Observers {
    pub(crate) fn new(observer: Arc<dyn Observer>, outer: Option<Self>) -> Self {
        let wants_aggregates =
            observer.wants_aggregates() || outer.as_ref().is_some_and(|outer| outer.0.wants_aggregates);
        Self(Arc::new(Link { observer, outer, wants_aggregates }))
    }

    /// The innermost observer of this type.
    fn find<O: Observer + Clone>(&self) -> Option<O> {
        let mut link = Some(self);
        while let Some(Self(this)) = link {
            let observer: &dyn Any = &*this.observer;
            if let Some(found) = observer.downcast_ref::<O>() {
                return Some(found.clone());
            }
            link = this.outer.as_ref();
        }
        None
    }

    fn tell(&self, call: &AnsweredCall<'_>) {
        let mut link = Some(self);
        while let Some(Self(this)) = link {
            let aggregates = if this.observer.wants_aggregates() { call.aggregates } else { &[] };
            this.observer.answered(&AnsweredCall { aggregates, ..*call });
            link = this.outer.as_ref();
        }
    }
}

/// Who observes the calls on this thread.
#[derive(Clone)]
pub(crate) enum Observing {
    By {
        observers: Observers,
        /// Whether the calls run inside a load that goes past the cache.
        is_inside_load: bool,
    },
    /// An observer makes the call: no observer is told, not even those of the cache.
    Nobody,
}

thread_local! {
    static CURRENT: RefCell<Option<Observing>> = const { RefCell::new(None) };
}

impl Part for Observing {
    const FLAG: u8 = OBSERVER;

    fn local() -> &'static LocalKey<RefCell<Option<Self>>> {
        &CURRENT
    }
}

impl Observing {
    fn with(observer: Arc<dyn Observer>) -> Self {
        let outer = match context::read(Self::clone) {
            Some(Self::By { observers, .. }) => Some(observers),
            Some(Self::Nobody) | None => None,
        };
        Self::By { observers: Observers::new(observer, outer), is_inside_load: false }
    }

    /// Who observes the calls inside a load. What a stored value was made of is no part of the answer; what a bypassed one was
    /// made of is.
    fn of_load(is_bypassed: bool) -> Option<Self> {
        match context::read(Self::clone)? {
            Self::By { observers, .. } => is_bypassed.then_some(Self::By { observers, is_inside_load: true }),
            Self::Nobody => Some(Self::Nobody),
        }
    }
}

/// Runs a future, and tells the observer of every cached call in it.
///
/// Where scopes are inside one another, the observers of all of them are told. Inside the load of a function whose value is stored only
/// the observers of the cache are told: the function itself is told to the scope, with TTLs that are no longer than those of what its
/// load used. A task that the future spawns is not in its scope.
pub async fn observed<F: Future>(observer: impl Observer, future: F) -> F::Output {
    context::within(Some(Observing::with(Arc::new(observer))), future).await
}

/// Runs a closure, and tells the observer of every cached call in it.
pub fn observed_sync<T>(observer: impl Observer, run: impl FnOnce() -> T) -> T {
    let mut observing = Some(Observing::with(Arc::new(observer)));
    let _entered = Entered::new(&mut observing);
    run()
}

/// The innermost observer of this type, of the scopes that this code runs in: for a task that it spawns, which is in none of them.
/// `None` inside of the load of a function whose value is stored, as no scope is told of the calls there.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use cachemacro::{AnsweredCall, Observer, observed, observer_in_scope};
///
/// #[derive(Clone, Default)]
/// struct Calls(Arc<AtomicU64>);
///
/// impl Observer for Calls {
///     fn answered(&self, _: &AnsweredCall<'_>) {
///         self.0.fetch_add(1, Ordering::Relaxed);
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// observed(Calls::default(), async {
///     let calls = observer_in_scope::<Calls>().expect("this is its scope");
///     tokio::spawn(observed(calls, async { /* cached calls */ }));
/// })
/// .await;
/// # }
/// ```
#[must_use]
pub fn observer_in_scope<O: Observer + Clone>() -> Option<O> {
    context::read(|observing| match observing {
        Observing::By { observers, .. } => observers.find(),
        Observing::Nobody => None,
    })?
}

/// Whether anyone is told of a call in a cache with these observers.
#[inline]
pub(crate) fn is_observed(of_cache: Option<&Observers>) -> bool {
    of_cache.is_some() || context::flags() & OBSERVER != 0
}

/// Whether one of them wants its aggregates.
pub(crate) fn wants_aggregates(of_cache: Option<&Observers>) -> bool {
    let wants = |observers: &Observers| observers.0.wants_aggregates;
    match context::read(|observing| match observing {
        Observing::By { observers, .. } => Some(wants(observers)),
        Observing::Nobody => None,
    }) {
        Some(None) => false,
        of_scope => of_scope.flatten().unwrap_or(false) || of_cache.is_some_and(wants),
    }
}

/// Tells the observers of the scope, and those of the cache.
#[cold]
#[inline(never)]
pub(crate) fn tell(of_cache: Option<&Observers>, told: ToldCall<'_>, report: Report<'_>) {
    let current = context::read(Observing::clone);
    if let Some(Observing::Nobody) = current {
        return;
    }
    let is_loading = context::flags() & LOAD != 0;
    let call = |is_inside_load| AnsweredCall { call: told, report, aggregates: told.aggregates, is_inside_load };
    let mut nobody = Some(Observing::Nobody);
    let _entered = Entered::new(&mut nobody);
    if let Some(Observing::By { observers, is_inside_load }) = current {
        observers.tell(&call(is_inside_load));
    }
    if let Some(of_cache) = of_cache {
        of_cache.tell(&call(is_loading));
    }
}

/// Runs a load: what its caller observes, and in which mode, is not meant for the calls inside.
pub(crate) fn inside_load<F: Future>(is_bypassed: bool, future: F) -> InsideLoad<F> {
    if context::flags() & (MODE | OBSERVER) == 0 {
        return InsideLoad::Plain { future };
    }
    let future = context::within(CacheMode::of_load(), context::within(Observing::of_load(is_bypassed), future));
    InsideLoad::Set { future }
}

pin_project! {
    /// What [`inside_load`] returns. It is not an `async fn`, whose `poll` takes more of the stack: see
    /// [`Running`](crate::call).
    #[project = InsideLoadPinned]
    pub(crate) enum InsideLoad<F> {
        Plain {
            #[pin]
            future: F,
        },
        Set {
            #[pin]
            future: Within<CacheMode, Within<Observing, F>>,
        },
    }
}

impl<F: Future> Future for InsideLoad<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        match self.project() {
            InsideLoadPinned::Plain { future } => future.poll(context),
            InsideLoadPinned::Set { future } => future.poll(context),
        }
    }
}

/// As [`inside_load`], for a sync load.
pub(crate) fn inside_load_sync<T>(is_bypassed: bool, run: impl FnOnce() -> T) -> T {
    if context::flags() & (MODE | OBSERVER) == 0 {
        return run();
    }
    let (mut mode, mut observing) = (CacheMode::of_load(), Observing::of_load(is_bypassed));
    let (_mode, _observing) = (Entered::new(&mut mode), Entered::new(&mut observing));
    run()
}
