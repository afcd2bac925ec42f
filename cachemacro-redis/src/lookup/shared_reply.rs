//! The reply to an MGET, shared by all lookups in it. Each lookup finds its own values.

use std::sync::{Arc, OnceLock};

use cachemacro_runtime::store::{StoreError, StoreErrorKind};
use redis::Value;
use tokio::sync::Notify;

use crate::connection::ServerEpoch;
use crate::scripts::Sample;

/// The values from a server, in one reply or several.
pub(crate) struct MgetReply {
    pub(crate) values: Vec<Value>,
    pub(crate) epoch: ServerEpoch,
    /// A sample of the clock that the entries expire by.
    pub(crate) sample: Option<Sample>,
}

/// The place of a shared reply: empty until it arrives.
#[derive(Default)]
pub(crate) struct SharedReply {
    told: OnceLock<Result<MgetReply, StoreError>>,
    is_back: Notify,
}

impl SharedReply {
    /// Waits for the reply. Returns the values of the lookup whose keys begin at this index.
    pub(crate) async fn values(self: Arc<Self>, from: usize) -> Result<Values, StoreError> {
        if self.told.get().is_none() {
            self.end_of_it().await;
        }
        match self.told.get() {
            Some(Ok(MgetReply { epoch, sample, .. })) => {
                let (epoch, sample) = (*epoch, *sample);
                Ok(Values { reply: self, from, epoch, sample })
            }
            Some(Err(error)) => Err(error.clone()),
            None => {
                Err(StoreError::new(StoreErrorKind::Interrupted, "lookup", "the shared reply ended without a result"))
            }
        }
    }

    async fn end_of_it(&self) {
        let mut is_back = std::pin::pin!(self.is_back.notified());
        // Registered before the cell is read, so that no reply is missed.
        is_back.as_mut().enable();
        if self.told.get().is_none() {
            is_back.await;
        }
    }

    pub(crate) fn end(&self, told: Result<MgetReply, StoreError>) {
        // A reply arrives once.
        let _ = self.told.set(told);
        self.is_back.notify_waiters();
    }
}

/// The values of the keys of one LOOKUP, in a shared reply.
pub(crate) struct Values {
    reply: Arc<SharedReply>,
    from: usize,
    pub(crate) epoch: ServerEpoch,
    pub(crate) sample: Option<Sample>,
}

impl Values {
    /// All values of a reply that is not shared.
    pub(crate) fn all(told: MgetReply) -> Self {
        let MgetReply { epoch, sample, .. } = told;
        let reply = SharedReply { told: Ok(told).into(), is_back: Notify::new() };
        Self { reply: Arc::new(reply), from: 0, epoch, sample }
    }

    /// The value of the key with this index.
    pub(crate) fn get(&self, at: usize) -> Option<&[u8]> {
        match self.reply.told.get()?.as_ref().ok()?.values.get(self.from + at)? {
            Value::BulkString(bytes) => Some(bytes),
            _ => None,
        }
    }
}
