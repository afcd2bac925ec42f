//! Values that are replaced while a flight is held. They are dropped after it has landed: a value's `Drop` is the
//! user's code, and may call the same function whose load replaces the value.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::entries::{Content, Object};
use crate::util::sync::thread_local;

thread_local! {
    /// Collects the values that this thread gives up now; `None` if they may be dropped at once.
    static COLLECTOR: RefCell<Option<Vec<Object>>> = const { RefCell::new(None) };
}

/// Values to drop later.
#[derive(Default)]
pub(crate) struct Deferred {
    values: Vec<Object>,
}

impl Deferred {
    /// Runs a future, and keeps the values that it gives up.
    pub(crate) fn collect<F: Future>(&mut self, future: F) -> Collect<'_, F> {
        Collect { values: &mut self.values, future }
    }

    /// Drops the values. Called only while no flight and no lock is held.
    pub(crate) fn release(&mut self) {
        drop(std::mem::take(&mut self.values));
    }
}

pin_project! {
    /// A future, with a place for the values that it gives up. An `async fn` would be twice as large.
    pub(crate) struct Collect<'a, F> {
        values: &'a mut Vec<Object>,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Collect<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _collecting = Collecting::begin(this.values);
        this.future.poll(context)
    }
}

/// Values go to `into` until this is dropped, also by a panic.
struct Collecting<'a> {
    into: &'a mut Vec<Object>,
    outer: Option<Vec<Object>>,
}

impl<'a> Collecting<'a> {
    fn begin(into: &'a mut Vec<Object>) -> Self {
        let values = std::mem::take(into);
        Self { into, outer: COLLECTOR.with(|collector| collector.replace(Some(values))) }
    }
}

impl Drop for Collecting<'_> {
    fn drop(&mut self) {
        *self.into = COLLECTOR.with(|collector| collector.replace(self.outer.take())).unwrap_or_default();
    }
}

/// Drops a content, or gives its value to the collector of this thread.
pub(crate) fn give_up(content: Content) {
    let Content::Value(object) = content else { return };
    let mut object = Some(object);
    // A thread that is ending has no collector.
    let _ = COLLECTOR.try_with(|collector| {
        if let Some(values) = &mut *collector.borrow_mut() {
            values.extend(object.take());
        }
    });
    drop(object);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn what_is_given_up_meanwhile_is_dropped_later() {
        let (mut outer, mut inner) = (Deferred::default(), Deferred::default());
        let [first, second, third] = [1, 2, 3].map(Arc::new);
        let content = |value: &Arc<i32>| Content::Value(Arc::clone(value) as Object);
        outer
            .collect(async {
                give_up(content(&first));
                inner.collect(async { give_up(content(&second)) }).await;
                tokio::task::yield_now().await;
                give_up(content(&first));
            })
            .await;
        give_up(content(&third));
        assert_eq!([&first, &second, &third].map(Arc::strong_count), [3, 2, 1]);
        outer.release();
        assert_eq!([&first, &second, &third].map(Arc::strong_count), [1, 2, 1]);
    }
}
