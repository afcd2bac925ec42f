//! What a server told: everyone who travelled together hears it, and finds their own part.

use std::sync::{Arc, OnceLock};

use redis::Value;
use tokio::sync::Notify;

use super::link::Stamp;
use super::time::Sample;
use crate::error::StoreError;

/// What a server told, in one answer or several.
pub(super) struct Told {
    pub(super) values: Vec<Value>,
    pub(super) stamp: Stamp,
    /// Of the clock that the entries expire by.
    pub(super) sample: Option<Sample>,
}

/// Where those who travel together hear what they were told.
#[derive(Default)]
pub(super) struct Trip {
    told: OnceLock<Result<Told, StoreError>>,
    is_back: Notify,
}

impl Trip {
    /// What was told to the one whose keys begin here, once it was.
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
            None => Err(StoreError::new("lookup", "nobody said what the server told")),
        }
    }

    async fn end_of_it(&self) {
        let mut is_back = std::pin::pin!(self.is_back.notified());
        // Registered before it is looked, so that no end falls between.
        is_back.as_mut().enable();
        if self.told.get().is_none() {
            is_back.await;
        }
    }

    pub(super) fn end(&self, told: Result<Told, StoreError>) {
        // It ends once.
        let _ = self.told.set(told);
        self.is_back.notify_waiters();
    }
}

/// What the keys of one LOOKUP hold, among what was told.
pub(super) struct Values {
    trip: Arc<Trip>,
    from: usize,
    pub(super) stamp: Stamp,
    pub(super) sample: Option<Sample>,
}

impl Values {
    /// All that was told.
    pub(super) fn all(told: Told) -> Self {
        let Told { stamp, sample, .. } = told;
        let trip = Trip { told: Ok(told).into(), is_back: Notify::new() };
        Self { trip: Arc::new(trip), from: 0, stamp, sample }
    }

    /// What this one of the keys holds.
    pub(super) fn get(&self, at: usize) -> Option<&[u8]> {
        match self.trip.told.get()?.as_ref().ok()?.values.get(self.from + at)? {
            Value::BulkString(bytes) => Some(bytes),
            _ => None,
        }
    }
}
