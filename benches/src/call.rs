//! Calls of every kind under one type, where a box more does not matter.

use std::pin::Pin;

/// A call that is awaited, whatever it returns.
pub type Call = Box<dyn Fn(u64) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Boxes a call.
pub fn call<T, F: Future<Output = T> + Send + 'static>(call: impl Fn(u64) -> F + Send + Sync + 'static) -> Call {
    Box::new(move |id| {
        let future = call(id);
        Box::pin(async move {
            std::hint::black_box(future.await);
        })
    })
}
