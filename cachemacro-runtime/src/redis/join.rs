//! Several questions at once. In a cluster each aggregate has its own slot, so no question needs to wait for another.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// A future, until it has its result.
enum Pending<F, T> {
    Running(F),
    Done(T),
    Taken,
}

impl<T, E, F: Future<Output = Result<T, E>> + Unpin> Pending<F, T> {
    /// Whether it is done.
    fn poll(&mut self, context: &mut Context<'_>) -> Result<bool, E> {
        if let Self::Running(future) = self {
            match Pin::new(future).poll(context) {
                Poll::Ready(result) => *self = Self::Done(result?),
                Poll::Pending => return Ok(false),
            }
        }
        Ok(true)
    }

    fn take(&mut self) -> Option<T> {
        match std::mem::replace(self, Self::Taken) {
            Self::Done(value) => Some(value),
            _ => None,
        }
    }
}

/// The results of all, in order; or the first error.
pub(super) async fn try_all<T, E, F>(futures: impl IntoIterator<Item = F>) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut all: Vec<_> = futures.into_iter().map(|future| Pending::Running(Box::pin(future))).collect();
    poll_fn(|context| {
        let mut is_done = true;
        for one in &mut all {
            match one.poll(context) {
                Ok(one_is_done) => is_done &= one_is_done,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        if is_done { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await?;
    Ok(all.iter_mut().filter_map(Pending::take).collect())
}

/// Both results, or the first error.
pub(super) async fn both<A, B, E>(
    one: impl Future<Output = Result<A, E>>,
    other: impl Future<Output = Result<B, E>>,
) -> Result<(A, B), E> {
    let (mut one, mut other) = (Pending::Running(pin!(one)), Pending::Running(pin!(other)));
    poll_fn(|context| match (one.poll(context), other.poll(context)) {
        (Err(error), _) | (_, Err(error)) => Poll::Ready(Err(error)),
        (Ok(true), Ok(true)) => Poll::Ready(Ok(())),
        _ => Poll::Pending,
    })
    .await?;
    match (one.take(), other.take()) {
        (Some(one), Some(other)) => Ok((one, other)),
        _ => unreachable!("both are done"),
    }
}
