//! The scope of a request, for tasks.

use std::future::Future;

use cachemacro_runtime::{observed, observed_sync, observer_in_scope};

use crate::collector::Collector;

/// A future whose cached calls count as those of the handler that makes it: for a task that the handler spawns, and whose output is part
/// of the response. What it is served after the response's head has left does not count. Outside of [`CacheHeaders`](crate::CacheHeaders) it is the future itself.
///
/// What a task is served without it does not count: a browser may then keep the response for longer than that allows.
///
/// ```
/// # async fn related(_: u64) -> Vec<String> { Vec::new() }
/// # async fn handler() {
/// use cachemacro::http;
///
/// let related = tokio::spawn(http::in_scope(related(7)));
/// # related.await.unwrap();
/// # }
/// ```
pub fn in_scope<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let collector = observer_in_scope::<Collector>();
    async move {
        match collector {
            Some(collector) => observed(collector, future).await,
            None => future.await,
        }
    }
}

/// As [`in_scope`], for a closure that runs on another thread: `spawn_blocking(http::in_scope_sync(|| …))`.
pub fn in_scope_sync<T>(run: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let collector = observer_in_scope::<Collector>();
    move || match collector {
        Some(collector) => observed_sync(collector, run),
        None => run(),
    }
}
