//! Loss: what a store forgets must be missed, never served (G6).

use cachemacro_runtime::RemoteStore;
use cachemacro_runtime::store::{Applied, Move, Query, Refused};

use super::bench::{Bench, Loaded};
use crate::call::Call;

/// Version 7 is stored and acknowledged; then the record is gone.
async fn lost<S: RemoteStore>(bench: &Bench<S>, lose: &impl AsyncFn(&S, Query<'_>)) -> Call {
    let call = Call::find("row:1");
    bench.load(&call, Loaded::row(7)).await;
    lose(&bench.store, call.query()).await;
    bench.serves_nothing(&call, "without an index record").await;
    call
}

pub(super) async fn a_new_record_has_a_new_generation<S: RemoteStore>(
    bench: &Bench<S>,
    lose: &impl AsyncFn(&S, Query<'_>),
) {
    let call = Call::find("row:1");
    let mut generations = Vec::new();
    for content in 1..=5 {
        let entered = bench.enter(&call).await;
        let generation = entered.snapshots[0].generation;
        bench.holds(!generations.contains(&generation), "two lives of a record share no generation");
        generations.push(generation);
        bench.serves_nothing(&call, "of an earlier life").await;
        bench.holds(bench.verify(&call, &entered.snapshots, 1).await.is_ok(), "a primary's version warms the record");
        bench.serves_nothing(&call, "of an earlier life, when the record is warm again").await;
        bench.load(&call, Loaded::row(1).with(content)).await;
        bench.serves(&call, content, "of this life").await;
        drop(entered);
        lose(&bench.store, call.query()).await;
    }
}

pub(super) async fn a_new_record_is_unverified<S: RemoteStore>(bench: &Bench<S>, lose: &impl AsyncFn(&S, Query<'_>)) {
    let call = lost(bench, lose).await;
    let entered = bench.enter(&call).await;
    bench.holds(entered.needs_primary, "a load after a loss must read the primary");
    let lagging = bench.fill(&call, &entered.snapshots, Loaded::row(6).as_replicas()).await;
    bench.same(lagging, Err(Refused::Replica), "a replica's row below the floor that was lost");
    bench.serves_nothing(&call, "after a replica's row").await;
}

pub(super) async fn an_event_after_the_loss_creates_nothing<S: RemoteStore>(
    bench: &Bench<S>,
    lose: &impl AsyncFn(&S, Query<'_>),
) {
    let call = lost(bench, lose).await;
    for moved in [Move::Bump(6), Move::Restore { version: 9, of: 7 }, Move::Rollback { to: 7 }] {
        bench.same(bench.apply("row:1", moved).await, Applied::Absent, "an event after the loss");
        bench.serves_nothing(&call, "after an event that found no record").await;
    }
    bench.holds(bench.enter(&call).await.needs_primary, "a record that is created after those events is unverified");
}

pub(super) async fn a_fill_from_before_the_loss_is_refused<S: RemoteStore>(
    bench: &Bench<S>,
    lose: &impl AsyncFn(&S, Query<'_>),
) {
    let call = Call::find("row:1");
    let before = bench.enter(&call).await.snapshots;
    bench.load(&call, Loaded::row(7)).await;
    lose(&bench.store, call.query()).await;
    let late = bench.fill(&call, &before, Loaded::row(8)).await;
    bench.same(late, Err(Refused::Lost), "a fill that finds no record");
    let _again = bench.enter(&call).await;
    for loaded in [Loaded::row(8), Loaded::opaque(8), Loaded::absence()] {
        let late = bench.fill(&call, &before, loaded).await;
        bench.same(late, Err(Refused::Moved), "a fill fenced by an earlier life of the record");
    }
    bench.holds(bench.verify(&call, &before, 8).await.is_err(), "a question asked in an earlier life confirms nothing");
    bench.holds(!bench.detect("row:1", before[0], 0).await, "a row read in an earlier life detects nothing");
    bench.serves_nothing(&call, "after all that").await;
}
