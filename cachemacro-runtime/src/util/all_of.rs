//! Several futures at once.

use std::future::{Future, poll_fn};
use std::task::Poll;

/// Runs all at once; `None` if one of them returns `None`.
pub(crate) async fn all_of(futures: impl Iterator<Item = impl Future<Output = Option<()>>>) -> Option<()> {
    let mut running: Vec<_> = futures.map(Box::pin).collect();
    let mut all = Some(());
    poll_fn(|context| {
        running.retain_mut(|future| match future.as_mut().poll(context) {
            Poll::Ready(ended) => {
                all = all.and(ended);
                false
            }
            Poll::Pending => true,
        });
        if running.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    all
}
