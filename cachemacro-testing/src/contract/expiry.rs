//! Time: deadlines, and the youth of records.

use std::time::Duration;

use cachemacro_runtime::store::{Entry, Lookup, Move, Refused};
use cachemacro_runtime::{Clock, RemoteStore};

use super::bench::{Bench, Held, Loaded};
use crate::call::Call;

/// Short, for stores whose time cannot be moved but by waiting.
const SOFT: Duration = Duration::from_millis(100);
const HARD: Duration = Duration::from_millis(300);
pub(super) const LAG: Duration = Duration::from_millis(200);

async fn wait<S: RemoteStore>(bench: &Bench<S>, pass: &impl AsyncFn(Duration), span: Duration) {
    bench.clock.advance(span);
    pass(span).await;
}

fn short_lived<S: RemoteStore>(bench: &Bench<S>) -> Entry {
    let now = bench.clock.now();
    Entry { soft: now.after(SOFT), hard: now.after(HARD), ..bench.entry(Held::Value(1)) }
}

pub(super) async fn nothing_is_served_past_its_hard_deadline<S: RemoteStore>(
    bench: &Bench<S>,
    pass: &impl AsyncFn(Duration),
) {
    let call = Call::find("row:1");
    let entered = bench.enter(&call).await;
    let filled = bench.fill_entry(&call, &entered.snapshots, Loaded::row(1), short_lived(bench)).await;
    bench.same(filled, Ok(()), "a load");
    bench.serves(&call, 1, "at once").await;
    wait(bench, pass, SOFT).await;
    match bench.look_up(&call).await {
        Lookup::Hit(entry, _) => {
            bench.holds(entry.soft <= bench.clock.now(), "past its soft deadline an entry is stale")
        }
        Lookup::Miss => bench.holds(false, "a stale entry is found"),
    }
    wait(bench, pass, HARD - SOFT).await;
    bench.serves_nothing(&call, "past the hard deadline").await;
}

pub(super) async fn deadlines_count_from_the_start<S: RemoteStore>(bench: &Bench<S>, pass: &impl AsyncFn(Duration)) {
    let call = Call::find("row:1");
    let entered = bench.enter(&call).await;
    let started = short_lived(bench);
    wait(bench, pass, HARD / 2).await;
    let filled = bench.fill_entry(&call, &entered.snapshots, Loaded::row(1), started).await;
    bench.same(filled, Ok(()), "a load that took half the TTL");
    wait(bench, pass, HARD / 2).await;
    bench.serves_nothing(&call, "one TTL after the load began").await;
}

pub(super) async fn an_expired_value_is_not_stored<S: RemoteStore>(bench: &Bench<S>, pass: &impl AsyncFn(Duration)) {
    let call = Call::find("row:1");
    let entered = bench.enter(&call).await;
    let started = short_lived(bench);
    wait(bench, pass, HARD).await;
    // Whether the store says so is its own affair: the engine returns the value either way.
    let _ = bench.fill_entry(&call, &entered.snapshots, Loaded::row(1), started).await;
    bench.serves_nothing(&call, "of a load that took longer than the TTL").await;
}

pub(super) async fn a_record_grows_up<S: RemoteStore>(bench: &Bench<S>, pass: &impl AsyncFn(Duration)) {
    let call = Call::find("row:1");
    bench.load(&call, Loaded::row(1)).await;
    let entered = bench.enter(&call).await;
    let early = bench.fill(&call, &entered.snapshots, Loaded::row(2).as_replicas()).await;
    bench.same(early, Err(Refused::Replica), "a replica's row while the record takes primary rows only");
    wait(bench, pass, LAG).await;
    let grown = bench.enter(&call).await;
    bench.holds(!grown.needs_primary, "replicas may be read when the lag has passed");
    let later = bench.fill(&call, &grown.snapshots, Loaded::row(2).as_replicas()).await;
    bench.same(later, Ok(()), "a replica's row when the lag has passed");
}

/// Replicas may still have what was rolled back, also when the record itself is older than their lag.
pub(super) async fn an_old_record_needs_the_primary_again<S: RemoteStore>(
    bench: &Bench<S>,
    pass: &impl AsyncFn(Duration),
) {
    let again = [("ROLLBACK", "row:1"), ("NEXT", "row:2"), ("DETECT", "row:3")];
    let calls = again.map(|(_, text)| Call::find(text));
    for call in &calls {
        bench.load(call, Loaded::row(7)).await;
    }
    wait(bench, pass, LAG).await;
    for ((what, text), call) in again.into_iter().zip(&calls) {
        let grown = bench.enter(call).await;
        bench.holds(!grown.needs_primary, "replicas may be read when the lag has passed");
        if what == "DETECT" {
            bench.detect(text, grown.snapshots[0], 6).await;
        } else {
            bench.apply(text, if what == "ROLLBACK" { Move::Rollback { to: 6 } } else { Move::Next }).await;
        }
        bench.load(call, Loaded::row(7)).await;
        let entered = bench.enter(call).await;
        bench.holds(entered.needs_primary, &format!("a load soon after it must read the primary: {what}"));
        let replicas = bench.fill(call, &entered.snapshots, Loaded::row(8).as_replicas()).await;
        bench.same(replicas, Err(Refused::Replica), &format!("a replica's row soon after it: {what}"));
    }
}
