//! The reference store keeps the contract of stores, and so does one with faults while it has none.

use std::sync::Arc;

use cachemacro_testing::contract::{self, Setup};
use cachemacro_testing::{FaultyStore, ManualClock, ReferenceStore};

async fn reference(setup: Setup) -> ReferenceStore {
    ReferenceStore::new(setup.clock, setup.source_lag)
}

#[tokio::test]
async fn the_reference_store_keeps_the_contract() {
    contract::check(reference).await;
    contract::check_expiry(reference, async |_| ()).await;
    contract::check_loss(reference, async |store: &ReferenceStore, query| store.lose_records(query.aggregates)).await;
}

#[tokio::test]
async fn the_channel_of_the_reference_store_keeps_its_contract() {
    contract::check_channel(reference).await;
    contract::check_channel_loss(reference, async |store: &ReferenceStore| store.lose_announcements()).await;
}

async fn without_a_fault(setup: Setup) -> FaultyStore {
    let inside = Arc::new(ReferenceStore::new(Arc::clone(&setup.clock), setup.source_lag));
    FaultyStore::new(inside.shared(), ManualClock::default())
}

#[tokio::test]
async fn a_faulty_store_without_a_fault_keeps_the_contract() {
    contract::check(without_a_fault).await;
    contract::check_expiry(without_a_fault, async |_| ()).await;
    contract::check_channel(without_a_fault).await;
}

/// What it loses is lost as it is in a store that forgets it.
#[tokio::test]
async fn a_faulty_store_loses_as_a_server_does() {
    contract::check_loss(without_a_fault, async |store: &FaultyStore, query| {
        query.aggregates.iter().for_each(|aggregate| store.lose_record(aggregate.as_str()));
    })
    .await;
    contract::check_loss(without_a_fault, async |store: &FaultyStore, _| store.lose_everything()).await;
    contract::check_channel_loss(without_a_fault, async |store: &FaultyStore| store.lose_everything()).await;
    contract::check_channel_loss(without_a_fault, async |store: &FaultyStore| store.lose_announcements()).await;
}
