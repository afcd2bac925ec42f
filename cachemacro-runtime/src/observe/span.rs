//! The `tracing` span of a refresh that outlives the call which started it. Without the feature `tracing` there is none.

use std::future::Future;

/// A span inside of the caller's, which also follows from it: the lines of the load are found by the caller's trace, and a subscriber can tell
/// that the caller has not waited.
pub(crate) struct RefreshSpan {
    #[cfg(feature = "tracing")]
    span: tracing::Span,
}

#[cfg(feature = "tracing")]
impl RefreshSpan {
    /// Of a refresh that the code in the current span starts.
    pub(crate) fn new(function: &'static str) -> Self {
        let caller = tracing::Span::current();
        let span = tracing::info_span!(target: "cachemacro", "cache_refresh", function);
        span.follows_from(&caller);
        // Where nothing wants the span, the lines of the load still belong to the caller's.
        Self { span: if span.is_disabled() { caller } else { span } }
    }

    pub(crate) fn around<F: Future>(self, future: F) -> impl Future<Output = F::Output> + use<F> {
        tracing::Instrument::instrument(future, self.span)
    }

    pub(crate) fn in_scope<T>(&self, run: impl FnOnce() -> T) -> T {
        self.span.in_scope(run)
    }
}

#[cfg(not(feature = "tracing"))]
impl RefreshSpan {
    pub(crate) fn new(_: &'static str) -> Self {
        Self {}
    }

    pub(crate) fn around<F: Future>(self, future: F) -> F {
        future
    }

    pub(crate) fn in_scope<T>(&self, run: impl FnOnce() -> T) -> T {
        run()
    }
}
