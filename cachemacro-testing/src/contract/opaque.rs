//! Values and absences without a version: bound to the floor they were loaded under.

use cachemacro_runtime::RemoteStore;
use cachemacro_runtime::store::{Absence, Applied, Move, Refused};

use super::bench::{Bench, Held, Loaded};
use crate::call::Call;

const ABSENT: Option<Held> = Some(Held::Absent(Absence::None));

pub(super) async fn an_absence_is_fenced<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::find("row:1");
    let entered = bench.enter(&call).await;
    bench.bump("row:1", 1).await;
    let late = bench.fill(&call, &entered.snapshots, Loaded::absence()).await;
    bench.same(late, Err(Refused::Moved), "an absence that was loaded before the row was created");
    bench.serves_nothing(&call, "after the refused absence").await;
    bench.load(&call, Loaded::absence()).await;
    bench.same(bench.served(&call).await, ABSENT, "served after an absence was stored");
    bench.bump("row:1", 2).await;
    bench.serves_nothing(&call, "after the event that ends the absence").await;
}

pub(super) async fn an_opaque_value_is_fenced_by_the_floor<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::list("page:1", &["row:1"]);
    bench.load(&call, Loaded::opaque(1)).await;
    let entered = bench.enter(&call).await;
    bench.bump("row:1", 5).await;
    bench.serves_nothing(&call, "after an event").await;
    let late = bench.fill(&call, &entered.snapshots, Loaded::opaque(2)).await;
    bench.same(late, Err(Refused::Moved), "an opaque value that was loaded before an event");
    bench.load(&call, Loaded::opaque(3)).await;
    bench.serves(&call, 3, "after the next load").await;
    bench.load(&Call::find("row:1"), Loaded::row(6)).await;
    bench.serves_nothing(&call, "when another function has seen a newer row").await;
}

/// The floor of a new record is 0 for any version: versions may begin with 0.
pub(super) async fn an_opaque_value_ends_with_version_0<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::list("page:1", &["row:1"]);
    for moved in [Move::Bump(0), Move::Restore { version: 0, of: 0 }] {
        bench.load(&call, Loaded::opaque(1)).await;
        let entered = bench.enter(&call).await;
        bench.same(bench.apply("row:1", moved).await, Applied::Moved, "the event of version 0");
        bench.serves_nothing(&call, "after the event of version 0").await;
        let late = bench.fill(&call, &entered.snapshots, Loaded::opaque(1)).await;
        bench.same(late, Err(Refused::Moved), "a load that began before the event of version 0");
    }
}

pub(super) async fn an_opaque_value_comes_from_the_primary<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::list("page:1", &["row:1"]);
    bench.load(&call, Loaded::row(1)).await;
    let entered = bench.enter(&call).await;
    for loaded in [Loaded::opaque(1), Loaded::absence()] {
        let replicas = bench.fill(&call, &entered.snapshots, loaded.as_replicas()).await;
        bench.same(replicas, Err(Refused::Replica), "a replica's answer without a version");
    }
}

pub(super) async fn an_alias_reaches_rows_only<S: RemoteStore>(bench: &Bench<S>) {
    let (row, opaque) = (Call::find("row:1"), Call::list("page:1", &["row:1"]));
    bench.load(&row, Loaded::row(5)).await;
    bench.load(&opaque, Loaded::opaque(50)).await;
    bench.bump("row:1", 6).await;
    bench.apply("row:1", Move::Restore { version: 7, of: 5 }).await;
    bench.serves(&row, 5, "for a row that was restored").await;
    bench.serves_nothing(&opaque, "for an opaque value labelled 5, which may be newer than its label").await;
}

pub(super) async fn no_absence_outlives_a_rollback<S: RemoteStore>(bench: &Bench<S>) {
    let (row, absence) = (Call::find("row:1"), Call::list("page:1", &["row:1"]));
    bench.load(&row, Loaded::row(5)).await;
    bench.load(&absence, Loaded::absence()).await;
    bench.roll_back("row:1", 5).await;
    bench.load(&row, Loaded::row(5)).await;
    bench.serves_nothing(&absence, "for an absence that may be the deletion which was rolled back").await;
}

pub(super) async fn a_row_begins_again_after_its_delete<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::find("row:1");
    bench.load(&call, Loaded::row(9)).await;
    bench.roll_back("row:1", 0).await;
    bench.serves_nothing(&call, "after the delete").await;
    bench.load(&call, Loaded::absence()).await;
    bench.same(bench.bump("row:1", 1).await, Applied::Moved, "the row is created again with version 1");
    bench.serves_nothing(&call, "after the row was created again").await;
    bench.load(&call, Loaded::row(1).with(11)).await;
    bench.serves(&call, 11, "after the next load").await;
}

/// A duplicate ROLLBACK may set the floor below the database. The entry at that floor waits for a primary's version; an
/// absence says nothing of it.
pub(super) async fn an_absence_confirms_no_floor<S: RemoteStore>(bench: &Bench<S>) {
    let (row, absence) = (Call::find("row:1"), Call::list("page:1", &["row:1"]));
    bench.load(&row, Loaded::row(8)).await;
    bench.bump("row:1", 9).await;
    bench.roll_back("row:1", 8).await;
    bench.load(&absence, Loaded::absence()).await;
    bench.same(bench.served(&absence).await, ABSENT, "served after an absence was stored");
    bench.serves_nothing(&row, "of version 8, which only an absence speaks for").await;
    bench.holds(bench.enter(&row).await.needs_primary, "the next row must come from the primary");
    bench.load(&row, Loaded::row(9).with(90)).await;
    bench.serves(&row, 90, "after a primary's row").await;
}

pub(super) async fn every_event_rotates<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::list("page:1", &["row:1"]);
    for (content, event) in [(1, 5), (2, 5), (3, 4), (4, 6)] {
        let entered = bench.enter_rotating(&call).await;
        let filled = bench.fill(&call, &entered.snapshots, Loaded::opaque(content)).await;
        bench.same(filled, Ok(()), "a load between two events");
        bench.serves(&call, content, "between two events").await;
        let late = bench.enter_rotating(&call).await;
        bench.bump("row:1", event).await;
        bench.serves_nothing(&call, "after an event, be it late or a duplicate").await;
        let filled = bench.fill(&call, &late.snapshots, Loaded::opaque(content)).await;
        bench.same(filled, Err(Refused::Moved), "a load that an event came between, be it late or a duplicate");
    }
}

pub(super) async fn a_row_outlives_late_events<S: RemoteStore>(bench: &Bench<S>) {
    let row = Call::find("row:1");
    let _rotating = bench.enter_rotating(&row).await;
    bench.load(&row, Loaded::row(5)).await;
    for late in [3, 5] {
        bench.bump("row:1", late).await;
        bench.serves(&row, 5, "after a late event").await;
    }
    bench.bump("row:1", 6).await;
    bench.load(&row, Loaded::row(6)).await;
    bench.roll_back("row:1", 5).await;
    bench.serves_nothing(&row, "before the rollback is confirmed").await;
    let entered = bench.enter(&row).await;
    bench.holds(bench.verify(&row, &entered.snapshots, 5).await.is_ok(), "a primary's version confirms the rollback");
    bench.serves(&row, 5, "after the rollback was confirmed").await;
}

pub(super) async fn a_restore_that_rotates_serves_nothing<S: RemoteStore>(bench: &Bench<S>) {
    let row = Call::find("row:1");
    let _rotating = bench.enter_rotating(&row).await;
    bench.load(&row, Loaded::row(5)).await;
    bench.bump("row:1", 6).await;
    bench.apply("row:1", Move::Restore { version: 7, of: 5 }).await;
    bench.serves_nothing(&row, "after a restore").await;
}
