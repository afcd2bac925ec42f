//! The local tier and the near cache keep the contract of stores, and so does a plain store written from the protocol alone. A store that
//! leaves one rule out does not.

#[path = "kit/plain.rs"]
mod plain;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cachemacro_runtime::Memory;
use cachemacro_runtime::store::InvalidationChannel;
use cachemacro_runtime::tier_stores::{LocalStore, NearStore};
use cachemacro_testing::contract::{self, Setup};
use plain::{PlainStore, RULES, Rule};

async fn local(setup: Setup) -> LocalStore {
    LocalStore::new(Memory::default(), setup.clock, setup.source_lag)
}

async fn plain(setup: Setup) -> PlainStore {
    PlainStore::new(setup.clock, setup.source_lag)
}

#[tokio::test]
async fn the_local_tier_keeps_the_contract() {
    contract::check(local).await;
}

#[tokio::test]
async fn the_local_tier_lets_entries_and_youth_expire() {
    contract::check_expiry(local, async |_| ()).await;
}

/// A record of the local tier lives no longer than its entries.
#[tokio::test]
async fn the_local_tier_survives_the_loss_of_records() {
    contract::check_loss(local, async |store, query| contract::discard(store, query).await).await;
}

#[tokio::test]
async fn a_store_written_from_the_protocol_keeps_the_contract() {
    contract::check(plain).await;
    contract::check_expiry(plain, async |_| ()).await;
    contract::check_loss(plain, async |store: &PlainStore, query| store.lose(query.aggregates)).await;
}

async fn near(setup: Setup) -> NearStore {
    let shared = Arc::new(PlainStore::new(Arc::clone(&setup.clock), setup.source_lag));
    let channel = Arc::clone(&shared) as Arc<dyn InvalidationChannel>;
    let near = NearStore::new(Memory::default(), shared, Some(channel), setup.clock);
    // Until it has found the channel: from then on it keeps copies.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    near
}

#[tokio::test]
async fn the_near_cache_keeps_the_contract() {
    contract::check(near).await;
    contract::check_expiry(near, async |_| ()).await;
}

/// Whether the suite lets a store pass that leaves this rule out.
fn passes_without(rule: Rule) -> bool {
    let make = async |setup| plain(setup).await.without(rule);
    let suite = async {
        contract::check(make).await;
        contract::check_expiry(make, async |_| ()).await;
        contract::check_loss(make, async |store: &PlainStore, query| store.lose(query.aggregates)).await;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    catch_unwind(AssertUnwindSafe(|| runtime.block_on(suite))).is_ok()
}

#[test]
fn a_store_that_leaves_one_rule_out_does_not_pass() {
    let unnoticed: Vec<_> = RULES.into_iter().filter(|rule| passes_without(*rule)).collect();
    assert!(unnoticed.is_empty(), "the suite does not notice that these are left out: {unnoticed:?}");
}
