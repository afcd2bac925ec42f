//! Where a publisher sends to the shared store: on its own task or, for publishers that block, on a thread of the
//! cache.

use std::future::Future;
use std::num::NonZeroU64;
use std::sync::Arc;

use crate::error::{StoreError, StoreErrorKind};
use crate::event::Aggregate;
use crate::local::LocalTier;
use crate::near::PublishTarget;
use crate::protocol::{Applied, Move};
use crate::remote::{Announcement, Detached, InvalidationChannel};
use crate::util::own_runtime::Running;

/// A way to the shared store.
pub(super) enum Outlet<'a> {
    /// The task of the publisher sends to the store and to the channel.
    Here(PublishTarget, Option<&'a dyn InvalidationChannel>),
    /// A thread of the cache sends to it.
    Thread {
        /// The thread.
        running: Running,
        /// The store and the channel, over connections that the thread drives.
        remote: Detached,
        /// The local copies of the store's entries, if there are any.
        copies: Option<&'a LocalTier>,
    },
}

impl Outlet<'_> {
    /// The store's incarnation; zero if it does not say.
    pub(super) fn incarnation(&self) -> u64 {
        match self {
            Self::Here(target, _) => target.incarnation(),
            Self::Thread { remote, .. } => remote.store.incarnation().map_or(0, NonZeroU64::get),
        }
    }

    /// Moves of different aggregates, with a result for each.
    pub(super) async fn apply_all(&self, moves: &[(Aggregate, Move)]) -> Vec<Result<(), StoreError>> {
        match self {
            Self::Here(target, _) => without_answers(target.apply_all(moves).await),
            Self::Thread { running, remote, copies } => {
                let (store, sent) = (Arc::clone(&remote.store), moves.to_vec());
                let applied = run(running, async move { Ok(without_answers(store.apply_all(&sent).await)) }).await;
                // As the near cache does: copies that were fetched before the shared record moved end after it.
                if let Some(local) = copies {
                    moves.iter().for_each(|(aggregate, moved)| _ = local.apply(aggregate, *moved));
                }
                applied.unwrap_or_else(|error| vec![Err(error); moves.len()])
            }
        }
    }

    pub(super) async fn announce(&self, announcements: &[Announcement]) -> Result<(), StoreError> {
        match self {
            Self::Here(_, Some(channel)) => channel.announce(announcements).await,
            Self::Thread { running, remote: Detached { channel: Some(channel), .. }, .. } => {
                let (channel, announcements) = (Arc::clone(channel), announcements.to_vec());
                run(running, async move { channel.announce(&announcements).await }).await
            }
            Self::Here(_, None) | Self::Thread { .. } => Ok(()),
        }
    }
}

fn without_answers(results: Vec<Result<Applied, StoreError>>) -> Vec<Result<(), StoreError>> {
    results.into_iter().map(|result| result.map(drop)).collect()
}

/// If this is dropped, the task continues. Its moves were also queued, so the store may apply them twice.
async fn run<T: Send + 'static>(
    running: &Running,
    task: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let ended = running.handle().spawn(task).await;
    ended.unwrap_or_else(|_| {
        Err(StoreError::new(StoreErrorKind::Interrupted, "apply", "the thread that publishes has ended"))
    })
}
