//! Loads that own what they need, so that a task can run them.

use std::future::Future;
use std::pin::Pin;

use crate::value::{LoadOutcome, Shape};

/// A load that a task can run, of any function with this return type. A `dyn Fn` would compile two more functions for
/// each.
pub trait Loads<S: Shape>: Send {
    #[doc(hidden)]
    fn run(&self) -> Loading<S>;
}

/// Its future.
pub(super) type Loading<S> = Pin<Box<dyn Future<Output = LoadOutcome<S>> + Send>>;

pub(super) type Load<S> = Box<dyn Loads<S>>;

impl<S, L, F> Loads<S> for L
where
    S: Shape,
    L: Fn() -> F + Send,
    F: Future<Output = LoadOutcome<S>> + Send + 'static,
{
    fn run(&self) -> Loading<S> {
        Box::pin(self())
    }
}

/// A load that owns what it needs.
pub fn owned<S, L, F>(load: L) -> Load<S>
where
    S: Shape,
    L: Fn() -> F + Send + 'static,
    F: Future<Output = LoadOutcome<S>> + Send + 'static,
{
    Box::new(load)
}
