//! The control record: what was cleared, and which functions are switched off.

use cachemacro_runtime::RemoteStore;
use cachemacro_runtime::store::{ControlNumber, Lookup, Query, Raise, RaiseTo};

use super::bench::{Bench, Loaded};
use crate::call::Call;

/// A store without a control record passes.
async fn raised<S: RemoteStore>(bench: &Bench<S>, raises: &[(&str, RaiseTo)]) -> Option<Vec<ControlNumber>> {
    let raises: Vec<_> = raises.iter().map(|(name, to)| Raise { name: (*name).to_owned(), to: *to }).collect();
    let mut numbers = bench.answer(bench.store.control(&raises)?).await;
    numbers.sort_by(|one, other| one.name.cmp(&other.name));
    Some(numbers)
}

fn numbers(of: &[(&str, u64)]) -> Vec<ControlNumber> {
    of.iter().map(|(name, number)| ControlNumber { name: (*name).to_owned(), number: *number }).collect()
}

const ON: RaiseTo = RaiseTo::Next { least: 0, is_off: false };
const OFF: RaiseTo = RaiseTo::Next { least: 0, is_off: true };

pub(super) async fn numbers_only_rise<S: RemoteStore>(bench: &Bench<S>) {
    let Some(none) = raised(bench, &[]).await else { return };
    bench.same(none, numbers(&[]), "of a new store");
    for (raises, expected, what) in [
        (&[("", ON)][..], &[("", 2)][..], "after a clear of everything"),
        (&[("a::f", ON)], &[("", 2), ("a::f", 4)], "a number is greater than all others"),
        (&[("a::f", OFF)], &[("", 2), ("a::f", 5)], "of a function that is switched off"),
        (&[("a::f", OFF), ("", ON)], &[("", 8), ("a::f", 7)], "of two at once, in their order"),
        (&[("a::f", ON)], &[("", 8), ("a::f", 10)], "of a function that is switched on"),
        (&[("", RaiseTo::AtLeast(3))], &[("", 8), ("a::f", 10)], "a lower number changes nothing"),
        (&[("b {}é", RaiseTo::AtLeast(13))], &[("", 8), ("a::f", 10), ("b {}é", 13)], "a number that was lost"),
        (
            &[("", RaiseTo::Next { least: 3_600_000_000_000, is_off: false })],
            &[("", 3_600_000_000_000), ("a::f", 10), ("b {}é", 13)],
            "a number is at least what is asked for",
        ),
        (&[], &[("", 3_600_000_000_000), ("a::f", 10), ("b {}é", 13)], "and they stay"),
    ] {
        bench.same(raised(bench, raises).await, Some(numbers(expected)), what);
    }
}

pub(super) async fn numbers_tell_entries_apart<S: RemoteStore>(bench: &Bench<S>) {
    if bench.store.control(&[]).is_none() {
        return;
    }
    let calls = [Call::find("row:1"), Call::list("page:1", &["row:1"])];
    for call in &calls {
        bench.load(call, Loaded::opaque(1)).await;
        for clears in [2, 12, 3_600_000_000_000] {
            let query = Query { clears, ..call.query() };
            bench.holds(
                matches!(bench.answer(bench.store.lookup(query)).await, Lookup::Miss),
                "nothing under a new number",
            );
            let entered = bench.answer(bench.store.enter(query, false)).await;
            let loaded = Loaded::opaque(clears);
            let fill = bench.fill_of(&entered.snapshots, loaded, bench.entry(loaded.held));
            bench.same(bench.answer(bench.store.fill(query, fill)).await, Ok(()), "a load under a new number");
        }
        for clears in [2, 12, 3_600_000_000_000] {
            let Lookup::Hit(entry, _) = bench.answer(bench.store.lookup(Query { clears, ..call.query() })).await else {
                panic!("an entry that was just stored is found");
            };
            bench.same(bench.held(&entry), bench.held(&bench.entry(Loaded::opaque(clears).held)), "under each number");
        }
        bench.serves(call, 1, "under the number 0").await;
    }
    bench.bump("row:1", 5).await;
    for clears in [2, 12, 3_600_000_000_000] {
        let query = Query { clears, ..calls[0].query() };
        bench.holds(matches!(bench.answer(bench.store.lookup(query)).await, Lookup::Miss), "events end them all");
    }
}
