//! Entries: their names, and what is kept of them.

use std::time::Duration;

use cachemacro_runtime::store::{Absence, Entry, Lookup, Query};
use cachemacro_runtime::{Clock, Moment, RemoteStore};

use super::bench::{Bench, Held, Loaded, TTL};
use crate::call::Call;

async fn found<S: RemoteStore>(bench: &Bench<S>, call: &Call) -> Entry {
    match bench.look_up(call).await {
        Lookup::Hit(entry, _) => entry,
        Lookup::Miss => panic!("an entry that was just stored is found"),
    }
}

pub(super) async fn keys_are_told_apart<S: RemoteStore>(bench: &Bench<S>) {
    let calls = [
        Call::find("row:1"),
        Call::list("row:1", &["row:1"]),
        Call::find_typed::<i64>("row:1"),
        Call::list("row:2", &["row:1"]),
        Call::list("row:10", &["row:1"]),
    ];
    for (content, call) in (0..).zip(&calls) {
        bench.serves_nothing(call, "for a call that was never made").await;
        bench.load(call, Loaded::row(1).with(content)).await;
    }
    for (content, call) in (0..).zip(&calls) {
        bench.serves(call, content, "for each call").await;
    }
}

/// Another program stored it under the same function and text. Within one program the names of functions are unique.
pub(super) async fn an_entry_of_another_type_is_a_miss<S: RemoteStore>(bench: &Bench<S>) {
    let (call, other) = (Call::find("row:1"), Call::find_typed::<i64>("row:1"));
    let foreign = Query { function: call.query().function, ..other.query() };
    let entered = bench.answer(bench.store.enter(foreign, false)).await;
    let fill = bench.fill_of(&entered.snapshots, Loaded::row(1), bench.entry(Held::Value(1)));
    bench.same(bench.answer(bench.store.fill(foreign, fill)).await, Ok(()), "a load of another program");
    bench.serves_nothing(&call, "of an entry whose origin is another").await;
    bench.load(&call, Loaded::row(1).with(2)).await;
    bench.serves(&call, 2, "after its own load").await;
}

pub(super) async fn an_entry_is_what_was_stored<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::find("row:1");
    for held in [Held::Value(u64::MAX), Held::Absent(Absence::None), Held::Absent(Absence::Error)] {
        bench.load(&call, Loaded { held, ..Loaded::opaque(0) }).await;
        bench.same(bench.served(&call).await, Some(held), "served after it was stored");
        bench.bump("row:1", bench.enter(&call).await.snapshots[0].floor + 1).await;
    }
}

pub(super) async fn an_entrys_version_is_its_tokens<S: RemoteStore>(bench: &Bench<S>) {
    let (row, opaque) = (Call::find("row:1"), Call::list("page:1", &["row:1"]));
    bench.load(&row, Loaded::row(7)).await;
    bench.load(&opaque, Loaded::opaque(1)).await;
    bench.same(found(bench, &row).await.version, 7, "the version of a row");
    bench.same(found(bench, &opaque).await.version, 7, "the floor that an opaque value was loaded under");
}

pub(super) async fn no_deadline_is_later<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::find("row:1");
    let given = Entry { soft: bench.clock.now().after(TTL / 2), ..bench.entry(Held::Value(1)) };
    let entered = bench.enter(&call).await;
    let filled = bench.fill_entry(&call, &entered.snapshots, Loaded::row(1), given.clone()).await;
    bench.same(filled, Ok(()), "a load");
    let kept = found(bench, &call).await;
    bench.holds(kept.written <= given.written, "an entry is no younger than it was");
    bench.holds(kept.soft <= given.soft, "the soft deadline is no later than it was");
    bench.holds(kept.hard <= given.hard, "the hard deadline is no later than it was");
    bench.same(kept.made, given.made, "which load made an entry, and of what");
    bench.holds(kept.soft <= kept.hard, "the soft deadline is not after the hard one");
    // A server's clock is another, and its answers take a while: a minute of ten is more than enough for both.
    let short = |deadline: Moment, kept: Moment| deadline.since(kept) > Duration::from_secs(60);
    bench.holds(
        !short(given.soft, kept.soft) && !short(given.hard, kept.hard),
        "no deadline is much earlier than it was",
    );
}

pub(super) async fn a_refresh_replaces<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::find("row:1");
    for content in [10, 11, 12] {
        bench.load(&call, Loaded::row(1).with(content)).await;
        bench.serves(&call, content, "after a refresh of the same version").await;
    }
}

pub(super) async fn discard_drops_one_entry<S: RemoteStore>(bench: &Bench<S>) {
    let (call, other) = (Call::find("row:1"), Call::list("row:1", &["row:1"]));
    bench.discard(&call).await;
    bench.load(&call, Loaded::row(1)).await;
    bench.load(&other, Loaded::row(1)).await;
    bench.discard(&call).await;
    bench.serves_nothing(&call, "after the discard").await;
    bench.serves(&other, 1, "for another call").await;
    bench.load(&call, Loaded::row(1).with(10)).await;
    bench.serves(&call, 10, "after the next load").await;
}
