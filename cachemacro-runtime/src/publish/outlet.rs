//! Where a publisher tells the shared store: on its own task, or on the thread of a cache for publishers that wait.

use std::future::Future;
use std::sync::Arc;

use crate::error::StoreError;
use crate::event::Aggregate;
use crate::local::MemoryStore;
use crate::protocol::Move;
use crate::remote::{Announcement, Store};
use crate::util::own_runtime::Running;

/// A way to the shared store.
pub(super) enum Outlet<'a> {
    /// The polling task tells the store.
    Here(&'a dyn Store),
    /// The cache's own thread tells it.
    Thread {
        /// The thread.
        running: Running,
        /// With a connection that the thread drives.
        store: Arc<dyn Store>,
        /// Where copies are, if they are kept in front of the store.
        tier: Option<&'a MemoryStore>,
    },
}

impl Outlet<'_> {
    pub(super) fn life(&self) -> u64 {
        match self {
            Self::Here(store) => store.life(),
            Self::Thread { store, .. } => store.life(),
        }
    }

    pub(super) async fn apply(&self, aggregate: &Aggregate, moved: Move) -> Result<(), StoreError> {
        match self {
            Self::Here(store) => store.apply(aggregate, moved).await.map(drop),
            Self::Thread { running, store, tier } => {
                let (store, named) = (Arc::clone(store), aggregate.clone());
                let applied = run(running, async move { store.apply(&named, moved).await.map(drop) }).await;
                // As a tier does: whatever was fetched before the shared record moved ends with it.
                if let Some(memory) = tier {
                    memory.moved(aggregate, moved);
                }
                applied
            }
        }
    }

    pub(super) async fn announce(&self, announcements: &[Announcement]) -> Result<(), StoreError> {
        match self {
            Self::Here(store) => store.announce(announcements).await,
            Self::Thread { running, store, .. } => {
                let (store, announcements) = (Arc::clone(store), announcements.to_vec());
                run(running, async move { store.announce(&announcements).await }).await
            }
        }
    }
}

/// Where this is dropped the task goes on: its move was queued, and may be applied twice.
async fn run(
    running: &Running,
    task: impl Future<Output = Result<(), StoreError>> + Send + 'static,
) -> Result<(), StoreError> {
    let ended = running.handle().spawn(task).await;
    ended.unwrap_or_else(|_| Err(StoreError::new("apply", "the thread that publishes has ended")))
}
