//! Index records: their beginning, and what bounds them.

use cachemacro_runtime::RemoteStore;
use cachemacro_runtime::store::{Applied, Move, Refused};

use super::LONG_LAG;
use super::bench::{Bench, Loaded};
use crate::call::Call;

pub(super) async fn a_new_record_is_unverified<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::find("row:1");
    bench.serves_nothing(&call, "by an empty store").await;
    let entered = bench.enter(&call).await;
    bench.same(entered.snapshots.len(), 1, "one snapshot per aggregate");
    bench.same(entered.snapshots[0].floor, 0, "the floor of a new record");
    bench.holds(entered.needs_primary, "a load under a new record must read the primary");
    let replicas = bench.fill(&call, &entered.snapshots, Loaded::row(7).as_replicas()).await;
    bench.same(replicas, Err(Refused::Replica), "a replica's row under an unverified record");
    bench.serves_nothing(&call, "after a replica's row").await;
    let primarys = bench.fill(&call, &entered.snapshots, Loaded::row(7)).await;
    bench.same(primarys, Ok(()), "a primary's row under an unverified record");
    bench.holds(!bench.enter(&call).await.needs_primary, "a primary's row warms the record");
}

pub(super) async fn an_event_creates_no_record<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::find("row:1");
    let moves = [Move::Bump(9), Move::Next, Move::Restore { version: 9, of: 5 }, Move::Rollback { to: 9 }];
    for moved in moves {
        bench.same(bench.apply("row:1", moved).await, Applied::Absent, "an event without a record");
    }
    let entered = bench.enter(&call).await;
    bench.same(entered.snapshots[0].floor, 0, "the floor of a record that events came before");
    bench.holds(entered.needs_primary, "a record that is created after events is unverified");
}

pub(super) async fn marks_are_capped<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::find("row:1");
    bench.load(&call, Loaded::row(100).with(1)).await;
    for round in 1..=40 {
        let (abandoned, used_again) = (1_000 + round, 2_000 + round);
        bench.bump("row:1", 101).await;
        bench.load(&call, Loaded::row(101).with(abandoned)).await;
        bench.roll_back("row:1", 100).await;
        bench.serves_nothing(&call, "after a rollback").await;
        bench.bump("row:1", 101).await;
        bench.serves_nothing(&call, "of an abandoned number that is used again").await;
        bench.load(&call, Loaded::row(101).with(used_again)).await;
        bench.serves(&call, used_again, "after the number was used again").await;
        bench.roll_back("row:1", 100).await;
        bench.load(&call, Loaded::row(100).with(1)).await;
        bench.serves(&call, 1, "after rolling back again").await;
    }
}

pub(super) async fn a_new_record_takes_primary_rows_only<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::find("row:1");
    bench.load(&call, Loaded::row(7)).await;
    bench.serves(&call, 7, "while the record takes primary rows only").await;
    let entered = bench.enter(&call).await;
    bench.holds(entered.needs_primary, "a load must read the primary while a replica may lag");
    let replicas = bench.fill(&call, &entered.snapshots, Loaded::row(8).as_replicas()).await;
    bench.same(replicas, Err(Refused::Replica), "a replica's row while a replica may lag");
    let primarys = bench.fill(&call, &entered.snapshots, Loaded::row(8)).await;
    bench.same(primarys, Ok(()), "a primary's row while a replica may lag");
}

pub(super) async fn a_rollback_takes_primary_rows_only<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::find("row:1");
    bench.load(&call, Loaded::row(7)).await;
    bench.roll_back("row:1", 6).await;
    bench.load(&call, Loaded::row(6)).await;
    let entered = bench.enter(&call).await;
    bench.holds(entered.needs_primary, "a load soon after a rollback must read the primary");
    let replicas = bench.fill(&call, &entered.snapshots, Loaded::row(7).as_replicas()).await;
    bench.same(replicas, Err(Refused::Replica), "a replica's row of the abandoned timeline");
}

pub(super) async fn the_lag_is_known<S: RemoteStore>(bench: &Bench<S>) {
    bench.same(bench.store.source_lag(), LONG_LAG, "what the store was made with");
}
