//! The store access of publishers that block. A separate thread of the cache sends to the store, because the tasks that
//! drive the usual connection may belong to the thread that blocks.

use std::sync::{Arc, OnceLock};

use super::store::Store;
use crate::error::StoreError;
use crate::util::own_runtime::{OwnRuntime, Running};

/// The store access of publishers that block. The thread starts with the first of them.
pub(crate) struct Blocking {
    runtime: Arc<OwnRuntime>,
    store: OnceLock<Arc<dyn Store>>,
}

impl Blocking {
    pub(crate) fn new(runtime: Arc<OwnRuntime>) -> Self {
        Self { runtime, store: OnceLock::new() }
    }

    /// The thread, unless it is the caller's.
    fn running(&self) -> Result<Running, StoreError> {
        match self.runtime.running() {
            Ok(running) if running.is_here() => Err(StoreError::new(
                "apply",
                "it is published from the thread that publishes, which cannot wait for itself",
            )),
            Ok(running) => Ok(running),
            Err(error) => Err(StoreError::new("apply", format!("no thread to publish from: {error}"))),
        }
    }

    /// The thread and its store, unless the thread is the caller's.
    pub(crate) fn start(&self, shared: &Arc<dyn Store>) -> Result<(Running, Arc<dyn Store>), StoreError> {
        let running = self.running()?;
        let store = self.store.get_or_init(|| shared.detached().unwrap_or_else(|| Arc::clone(shared)));
        Ok((running, Arc::clone(store)))
    }
}
