//! Where a publisher sends to the shared store: on its own task or, for publishers that block, on a thread of the
//! cache.

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
    /// The task of the publisher sends to the store.
    Here(&'a dyn Store),
    /// A thread of the cache sends to it.
    Thread {
        /// The thread.
        running: Running,
        /// The store, with a connection that the thread drives.
        store: Arc<dyn Store>,
        /// The local copies of the store's entries, if there are any.
        tier: Option<&'a MemoryStore>,
    },
}

impl Outlet<'_> {
    pub(super) fn incarnation(&self) -> u64 {
        match self {
            Self::Here(store) => store.incarnation(),
            Self::Thread { store, .. } => store.incarnation(),
        }
    }

    pub(super) async fn apply(&self, aggregate: &Aggregate, moved: Move) -> Result<(), StoreError> {
        match self {
            Self::Here(store) => store.apply(aggregate, moved).await.map(drop),
            Self::Thread { running, store, tier } => {
                let (store, named) = (Arc::clone(store), aggregate.clone());
                let applied = run(running, async move { store.apply(&named, moved).await.map(drop) }).await;
                // As the near cache does: copies that were fetched before the shared record moved end after it.
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

/// If this is dropped, the task continues. Its move was also queued, so the store may apply it twice.
async fn run(
    running: &Running,
    task: impl Future<Output = Result<(), StoreError>> + Send + 'static,
) -> Result<(), StoreError> {
    let ended = running.handle().spawn(task).await;
    ended.unwrap_or_else(|_| Err(StoreError::new("apply", "the thread that publishes has ended")))
}
