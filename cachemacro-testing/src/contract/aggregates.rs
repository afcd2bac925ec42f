//! Entries that depend on several aggregates (R20).

use cachemacro_runtime::RemoteStore;
use cachemacro_runtime::store::Refused;

use super::bench::{Bench, Loaded};
use crate::call::Call;

pub(super) async fn all_are_checked<S: RemoteStore>(bench: &Bench<S>) {
    let (call, alone) = (Call::list("both", &["a:1", "b:1"]), Call::find("a:1"));
    bench.load(&alone, Loaded::row(3)).await;
    for aggregate in ["a:1", "b:1"] {
        bench.load(&call, Loaded::row(10)).await;
        bench.serves(&call, 10, "before an event").await;
        bench.bump(aggregate, 20).await;
        bench.serves_nothing(&call, &format!("after an event of {aggregate}")).await;
        bench.roll_back(aggregate, 0).await;
    }
    bench.load(&alone, Loaded::row(30)).await;
    bench.bump("b:1", 40).await;
    bench.serves(&alone, 30, "for an entry that hangs on the other aggregate only").await;
}

pub(super) async fn all_fence_the_fill<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::list("both", &["a:1", "b:1"]);
    bench.load(&call, Loaded::row(1)).await;
    for (event, row, refused) in [("a:1", 1, Refused::Old), ("b:1", 2, Refused::Moved)] {
        let entered = bench.enter(&call).await;
        bench.same(entered.snapshots.len(), 2, "one snapshot per aggregate");
        bench.bump(event, 2).await;
        let late = bench.fill(&call, &entered.snapshots, Loaded::row(row)).await;
        bench.same(late, Err(refused), &format!("a fill that an event of {event} came between"));
        bench.serves_nothing(&call, "after the refused fill").await;
    }
    let entered = bench.enter(&call).await;
    bench.bump("b:1", 3).await;
    let late = bench.fill(&call, &entered.snapshots, Loaded::opaque(1)).await;
    bench.same(late, Err(Refused::Moved), "an opaque fill that an event of b:1 came between");
}

pub(super) async fn many_need_the_primary<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::list("both", &["a:1", "b:1"]);
    bench.load(&call, Loaded::row(1)).await;
    let entered = bench.enter(&call).await;
    let replicas = bench.fill(&call, &entered.snapshots, Loaded::row(2).as_replicas()).await;
    bench.same(replicas, Err(Refused::Replica), "a replica's row, whose version says nothing of b:1");
}

pub(super) async fn any_needs_the_primary<S: RemoteStore>(bench: &Bench<S>) {
    bench.load(&Call::find("b:1"), Loaded::row(1)).await;
    for both in [["a:1", "b:1"], ["b:1", "a:1"]] {
        let entered = bench.enter(&Call::list("both", &both)).await;
        bench.holds(entered.needs_primary, "a load must read the primary while one of its records is unverified");
    }
}

pub(super) async fn a_rollback_of_a_further_aggregate_ends_the_entry<S: RemoteStore>(bench: &Bench<S>) {
    let (call, other) = (Call::list("both", &["a:1", "b:1"]), Call::find("b:1"));
    bench.load(&other, Loaded::row(5)).await;
    bench.load(&call, Loaded::row(1)).await;
    bench.roll_back("b:1", 5).await;
    bench.load(&other, Loaded::row(5)).await;
    bench.serves_nothing(&call, "for an entry that may have seen what was rolled back").await;
}
