//! Where a publisher sends to the shared store: on its own task or, for publishers that block, on a thread of the
//! cache.

use std::future::Future;
use std::num::NonZeroU64;
use std::sync::Arc;

use crate::error::{StoreError, StoreErrorKind};
use crate::event::Aggregate;
use crate::local::LocalTier;
use crate::near::PublishTarget;
use crate::protocol::Move;
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

    pub(super) async fn apply(&self, aggregate: &Aggregate, moved: Move) -> Result<(), StoreError> {
        match self {
            Self::Here(target, _) => target.apply(aggregate, moved).await,
            Self::Thread { running, remote, copies } => {
                let (store, named) = (Arc::clone(&remote.store), aggregate.clone());
                let applied = run(running, async move { store.apply(&named, moved).await.map(drop) }).await;
                // As the near cache does: copies that were fetched before the shared record moved end after it.
                if let Some(local) = copies {
                    local.apply(aggregate, moved);
                }
                applied
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

/// If this is dropped, the task continues. Its move was also queued, so the store may apply it twice.
async fn run(
    running: &Running,
    task: impl Future<Output = Result<(), StoreError>> + Send + 'static,
) -> Result<(), StoreError> {
    let ended = running.handle().spawn(task).await;
    ended.unwrap_or_else(|_| {
        Err(StoreError::new(StoreErrorKind::Interrupted, "apply", "the thread that publishes has ended"))
    })
}
