//! What publishers send to.

use std::num::NonZeroU64;
use std::sync::Arc;

use super::near_cache::NearCache;
use crate::error::StoreError;
use crate::event::Aggregate;
use crate::protocol::{Applied, Move};
use crate::remote::RemoteStore;

/// The shared store, or the near cache in front of it, which ends its own copies last.
#[derive(Clone)]
pub(crate) enum PublishTarget {
    Near(Arc<NearCache>),
    Shared(Arc<dyn RemoteStore>),
}

impl PublishTarget {
    pub(crate) fn shared(&self) -> &dyn RemoteStore {
        match self {
            Self::Near(near) => near.shared(),
            Self::Shared(store) => &**store,
        }
    }

    pub(crate) async fn apply(&self, aggregate: &Aggregate, moved: Move) -> Result<(), StoreError> {
        match self {
            Self::Near(near) => near.apply(aggregate, moved).await.map(drop),
            Self::Shared(store) => store.apply(aggregate, moved).await.map(drop),
        }
    }

    /// Moves of different aggregates, with a result for each.
    pub(crate) async fn apply_all(&self, moves: &[(Aggregate, Move)]) -> Vec<Result<Applied, StoreError>> {
        match self {
            Self::Near(near) => near.apply_all(moves).await,
            Self::Shared(store) => store.apply_all(moves).await,
        }
    }

    /// The incarnation of the shared store; zero if it does not say.
    pub(crate) fn incarnation(&self) -> u64 {
        self.shared().incarnation().map_or(0, NonZeroU64::get)
    }
}
