//! The operations of the protocol on the store that serves a function. What goes to a store outside of the process is
//! encoded before, and what comes from it is decoded after.

use std::future::ready;

use super::entered::{Entered, Held};
use super::state::Call;
use crate::cache::Store;
use crate::error::StoreError;
use crate::event::Aggregate;
use crate::local::LocalFill;
use crate::protocol::{Refused, Snapshot};
use crate::remote::{self, Answer, DecodedLookup};

impl Call {
    /// LOOKUP, without a near copy.
    pub(super) fn look_up_in_store(&self) -> Answer<'_, DecodedLookup> {
        let (query, decode) = (self.query(), |bytes: &[u8]| self.ops.decode(bytes));
        match self.store() {
            Store::Local(local) => Box::pin(ready(Ok(match local.look_up(&self.key) {
                Some((entry, snapshots)) => DecodedLookup::Hit(entry, snapshots.into()),
                None => DecodedLookup::Miss,
            }))),
            Store::Near(near) => Box::pin(near.fetch(query, decode)),
            Store::Shared(store) => Box::pin(async move { Ok(DecodedLookup::of(store.lookup(query).await?, decode)) }),
        }
    }

    /// ENTER.
    pub(super) fn enter_store(&self) -> Answer<'_, remote::Entered> {
        let (query, rotates) = (self.query(), self.site().rotates());
        match self.store() {
            Store::Local(local) => Box::pin(ready(Ok(local.enter(&self.key, &self.aggregates, rotates).into()))),
            Store::Near(near) => Box::pin(near.enter(query, rotates)),
            Store::Shared(store) => store.enter(query, rotates),
        }
    }

    /// ENTER of the local tier, whatever store serves the function.
    pub(super) fn enter_local(&self) -> Entered {
        self.cache.inner.local.enter(&self.key, &self.aggregates, self.site().rotates()).into()
    }

    /// FILL. `None`: the value cannot be kept outside of the process.
    pub(super) async fn fill_store(
        &self,
        held: &Held,
        fill: LocalFill,
    ) -> Option<Result<Result<(), Refused>, StoreError>> {
        Some(match self.store() {
            Store::Local(local) => {
                self.try_codec(&fill.entry.content);
                Ok(match held {
                    Held::Here(holds) => local.fill(&self.key, holds, fill),
                    Held::Nothing | Held::There { .. } => local.fill_by_name(&self.key, &self.aggregates, fill),
                })
            }
            Store::Near(near) => {
                let payload = self.encoded(&fill.entry.content)?;
                near.fill(self.query(), fill, payload).await
            }
            Store::Shared(store) => {
                let payload = self.encoded(&fill.entry.content)?;
                store.fill(self.query(), fill.encoded(payload)).await
            }
        })
    }

    /// VERIFY.
    pub(super) async fn verify_in_store(
        &self,
        snapshots: &[Snapshot],
        version: u64,
    ) -> Result<Result<(), Refused>, StoreError> {
        let verified = match self.store() {
            Store::Local(local) => return Ok(local.verify(&self.aggregates[0], snapshots[0], version)),
            Store::Near(near) => near.verify(self.query(), snapshots, version).await,
            Store::Shared(store) => store.verify(self.query(), snapshots, version).await,
        };
        Ok(verified?.map(drop))
    }

    /// DETECT.
    pub(super) async fn detect_in_store(
        &self,
        aggregate: &Aggregate,
        snapshot: Snapshot,
        version: u64,
    ) -> Result<bool, StoreError> {
        match self.store() {
            Store::Local(local) => Ok(local.detect(aggregate, snapshot, version)),
            Store::Near(near) => near.detect(aggregate, snapshot, version).await,
            Store::Shared(store) => store.detect(aggregate, snapshot, version).await,
        }
    }

    /// DISCARD.
    pub(super) async fn discard_in_store(&self) -> Result<(), StoreError> {
        match self.store() {
            Store::Local(local) => {
                local.discard(&self.key);
                Ok(())
            }
            Store::Near(near) => near.discard(self.query()).await,
            Store::Shared(store) => store.discard(self.query()).await,
        }
    }
}
