//! The reply to an MGET, shared by all lookups in it. Each lookup finds its own values.

use std::sync::{Arc, OnceLock};

use redis::Value;
use tokio::sync::Notify;

use super::link::Stamp;
use super::time::Sample;
use crate::error::StoreError;

/// The values from a server, in one reply or several.
pub(super) struct Told {
    pub(super) values: Vec<Value>,
    pub(super) stamp: Stamp,
    /// A sample of the clock that the entries expire by.
    pub(super) sample: Option<Sample>,
}

/// The place of a shared reply: empty until it arrives.
#[derive(Default)]
pub(super) struct Trip {
    told: OnceLock<Result<Told, StoreError>>,
    is_back: Notify,
}

impl Trip {
    /// Waits for the reply. Returns the values of the lookup whose keys begin at this index.
    pub(super) async fn values(self: Arc<Self>, from: usize) -> Result<Values, StoreError> {
        if self.told.get().is_none() {
            self.end_of_it().await;
        }
        match self.told.get() {
            Some(Ok(Told { stamp, sample, .. })) => {
                let (stamp, sample) = (*stamp, *sample);
                Ok(Values { trip: self, from, stamp, sample })
            }
            Some(Err(error)) => Err(error.clone()),
            None => Err(StoreError::new("lookup", "the shared reply ended without a result")),
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

    pub(super) fn end(&self, told: Result<Told, StoreError>) {
        // A reply arrives once.
        let _ = self.told.set(told);
        self.is_back.notify_waiters();
    }
}

/// The values of the keys of one LOOKUP, in a shared reply.
pub(super) struct Values {
    trip: Arc<Trip>,
    from: usize,
    pub(super) stamp: Stamp,
    pub(super) sample: Option<Sample>,
}

impl Values {
    /// All values of a reply that is not shared.
    pub(super) fn all(told: Told) -> Self {
        let Told { stamp, sample, .. } = told;
        let trip = Trip { told: Ok(told).into(), is_back: Notify::new() };
        Self { trip: Arc::new(trip), from: 0, stamp, sample }
    }

    /// The value of the key with this index.
    pub(super) fn get(&self, at: usize) -> Option<&[u8]> {
        match self.trip.told.get()?.as_ref().ok()?.values.get(self.from + at)? {
            Value::BulkString(bytes) => Some(bytes),
            _ => None,
        }
    }
}
