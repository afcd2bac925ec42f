//! Row mode: the loaded value carries its version.

use cachemacro_runtime::RemoteStore;
use cachemacro_runtime::store::{Applied, Lookup, Refused};

use super::bench::{Bench, Loaded};
use crate::call::Call;

pub(super) async fn a_late_fill_is_refused<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::find("row:1");
    let entered = bench.enter(&call).await;
    bench.same(bench.bump("row:1", 7).await, Applied::Moved, "the event during the load");
    let late = bench.fill(&call, &entered.snapshots, Loaded::row(6)).await;
    bench.same(late, Err(Refused::Old), "the fill of version 6 after event 7");
    bench.serves_nothing(&call, "after the refused fill").await;
    bench.load(&call, Loaded::row(7)).await;
    bench.serves(&call, 7, "after the next load").await;
}

pub(super) async fn the_floor_is_max_merged<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::find("row:1");
    bench.load(&call, Loaded::row(8)).await;
    for late in [7, 8, 1] {
        bench.same(bench.bump("row:1", late).await, Applied::Duplicate, "a late or duplicate event");
        bench.serves(&call, 8, "after a late event").await;
    }
    let entered = bench.enter(&call).await;
    bench.same(entered.snapshots[0].floor, 8, "the floor after late events");
    bench.same(bench.bump("row:1", 9).await, Applied::Moved, "the next event");
    bench.same(bench.bump("row:1", 8).await, Applied::Duplicate, "event 8 after event 9");
    bench.serves_nothing(&call, "below the floor").await;
}

pub(super) async fn a_row_below_the_floor_is_refused<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::find("row:1");
    bench.load(&call, Loaded::row(6)).await;
    bench.bump("row:1", 8).await;
    let entered = bench.enter(&call).await;
    let lagging = bench.fill(&call, &entered.snapshots, Loaded::row(7).as_replicas()).await;
    bench.same(lagging, Err(Refused::Old), "a lagging replica's row");
    bench.serves_nothing(&call, "after a lagging replica's row").await;
    let current = bench.fill(&call, &entered.snapshots, Loaded::row(8).as_replicas()).await;
    bench.same(current, Ok(()), "a replica's row that has caught up, on a warm record");
    bench.serves(&call, 8, "from a replica that has caught up").await;
}

pub(super) async fn a_row_above_the_floor_raises_it<S: RemoteStore>(bench: &Bench<S>) {
    let (call, other) = (Call::find("row:1"), Call::list("page:1", &["row:1"]));
    bench.load(&call, Loaded::row(6)).await;
    bench.load(&other, Loaded::row(9)).await;
    bench.serves_nothing(&call, "when another function has seen version 9").await;
    let entered = bench.enter(&call).await;
    bench.same(entered.snapshots[0].floor, 9, "the floor after a row of version 9");
    let old = bench.fill(&call, &entered.snapshots, Loaded::row(8)).await;
    bench.same(old, Err(Refused::Old), "a row below what another function has seen");
}

pub(super) async fn a_refresh_is_fenced<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::find("row:1");
    bench.load(&call, Loaded::row(7)).await;
    let Lookup::Hit(_, snapshots) = bench.look_up(&call).await else {
        panic!("R8: a loaded row is found");
    };
    bench.bump("row:1", 8).await;
    let late = bench.fill(&call, &snapshots, Loaded::row(7)).await;
    bench.same(late, Err(Refused::Old), "a refresh of version 7 that ends after event 8");
    bench.serves_nothing(&call, "after the refused refresh").await;
    let current = bench.fill(&call, &snapshots, Loaded::row(8)).await;
    bench.same(current, Ok(()), "a refresh that brought version 8");
    bench.serves(&call, 8, "after the refresh").await;
}

pub(super) async fn an_event_ends_what_was_stored<S: RemoteStore>(bench: &Bench<S>) {
    let calls = [Call::find("row:1"), Call::list("page:1", &["row:1"]), Call::list("page:2", &["row:1"])];
    for call in &calls {
        bench.load(call, Loaded::row(7)).await;
        bench.serves(call, 7, "before the event").await;
    }
    bench.bump("row:1", 8).await;
    for call in &calls {
        bench.serves_nothing(call, "after the event, by one of the functions").await;
    }
}
