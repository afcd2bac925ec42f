//! The store access of publishers that block. A separate thread of the cache sends to the store, because the tasks that
//! drive the usual connection may belong to the thread that blocks.

use std::sync::{Arc, OnceLock};

use super::channel::InvalidationChannel;
use super::store::RemoteStore;
use crate::error::{StoreError, StoreErrorKind};
use crate::util::own_runtime::{OwnRuntime, Running};

/// The store access of publishers that block. The thread starts with the first of them.
pub(crate) struct Blocking {
    runtime: Arc<OwnRuntime>,
    remote: OnceLock<Detached>,
}

/// A store and its channel, over connections that the thread drives.
#[derive(Clone)]
pub(crate) struct Detached {
    pub(crate) store: Arc<dyn RemoteStore>,
    pub(crate) channel: Option<Arc<dyn InvalidationChannel>>,
}

impl Detached {
    fn of(store: &Arc<dyn RemoteStore>, channel: Option<&Arc<dyn InvalidationChannel>>) -> Self {
        Self {
            store: store.detached().unwrap_or_else(|| Arc::clone(store)),
            channel: channel.map(|channel| channel.detached().unwrap_or_else(|| Arc::clone(channel))),
        }
    }
}

impl Blocking {
    pub(crate) fn new(runtime: Arc<OwnRuntime>) -> Self {
        Self { runtime, remote: OnceLock::new() }
    }

    /// The thread, unless it is the caller's.
    fn running(&self) -> Result<Running, StoreError> {
        match self.runtime.running() {
            Ok(running) if running.is_here() => Err(StoreError::new(
                StoreErrorKind::Unsupported,
                "apply",
                "it is published from the thread that publishes, which cannot wait for itself",
            )),
            Ok(running) => Ok(running),
            Err(error) => {
                Err(StoreError::new(StoreErrorKind::Unsupported, "apply", "no thread to publish from")
                    .with_source(error))
            }
        }
    }

    /// The thread, with its store and channel, unless the thread is the caller's.
    pub(crate) fn start(
        &self,
        shared: &Arc<dyn RemoteStore>,
        channel: Option<&Arc<dyn InvalidationChannel>>,
    ) -> Result<(Running, Detached), StoreError> {
        let running = self.running()?;
        Ok((running, self.remote.get_or_init(|| Detached::of(shared, channel)).clone()))
    }
}
