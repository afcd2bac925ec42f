//! A future whose `poll` has a stack frame of its own.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pin_project! {
    /// A future that is not inlined into what polls it.
    ///
    /// While a load runs, the stack has the frames of all that polls it, once for each call that is nested in another. Where the
    /// compiler inlines the `poll` of a future that does not run meanwhile, its frame counts at each level, too.
    pub(crate) struct Apart<F> {
        #[pin]
        future: F,
    }
}

impl<F> Apart<F> {
    pub(crate) fn new(future: F) -> Self {
        Self { future }
    }
}

impl<F> Apart<Pin<Box<F>>> {
    /// A boxed future. It should be called by a function that is not inlined: the future is on the stack before it is in the box.
    #[inline(always)]
    pub(crate) fn boxed(future: F) -> Self {
        Self { future: Box::pin(future) }
    }
}

impl<F: Future> Future for Apart<F> {
    type Output = F::Output;

    #[inline(never)]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(context)
    }
}
