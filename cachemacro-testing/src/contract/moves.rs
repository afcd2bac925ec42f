//! RESTORE, ROLLBACK, DETECT and VERIFY.

use cachemacro_runtime::RemoteStore;
use cachemacro_runtime::store::{Aggregate, Applied, Move, Refused};

use super::bench::{Bench, Loaded};
use crate::call::Call;

pub(super) async fn next_voids_whatever_is_known<S: RemoteStore>(bench: &Bench<S>) {
    let (row, opaque) = (Call::find("row:1"), Call::list("page:1", &["row:1"]));
    for content in 1..=3 {
        bench.load(&row, Loaded::row(5).with(content)).await;
        bench.load(&opaque, Loaded::opaque(content)).await;
        let before = bench.enter(&row).await;
        bench.same(bench.apply("row:1", Move::Next).await, Applied::Moved, "an event without a version");
        for call in [&row, &opaque] {
            bench.serves_nothing(call, "after an event without a version").await;
        }
        let after = bench.enter(&row).await;
        bench.holds(after.needs_primary, "a load after it must read the primary");
        bench.same(after.snapshots[0].floor, 5, "the floor stays");
        for loaded in [Loaded::row(5), Loaded::opaque(5)] {
            let late = bench.fill(&row, &before.snapshots, loaded).await;
            bench.same(late, Err(Refused::Moved), "a load that began before it");
        }
    }
}

/// Events without a version do not count: the one with the next version still moves what was loaded after them.
pub(super) async fn next_hides_no_event<S: RemoteStore>(bench: &Bench<S>) {
    let (row, opaque) = (Call::find("row:1"), Call::list("page:1", &["row:1"]));
    bench.load(&row, Loaded::row(5)).await;
    bench.apply("row:1", Move::Next).await;
    bench.apply("row:1", Move::Next).await;
    bench.load(&opaque, Loaded::opaque(1)).await;
    bench.load(&row, Loaded::row(5)).await;
    bench.same(bench.bump("row:1", 6).await, Applied::Moved, "the event of the next version");
    for call in [&row, &opaque] {
        bench.serves_nothing(call, "after the event of the next version").await;
    }
}

pub(super) async fn moves_sent_together_have_a_result_each<S: RemoteStore>(bench: &Bench<S>) {
    let calls = ["row:1", "row:2", "row:3"].map(Call::find);
    for call in &calls {
        bench.load(call, Loaded::row(5)).await;
    }
    let moves = [("row:1", Move::Bump(6)), ("row:2", Move::Bump(5)), ("row:4", Move::Bump(1)), ("row:3", Move::Next)];
    let moves = moves.map(|(name, moved)| (Aggregate::new(name), moved));
    let results: Vec<_> = bench.store.apply_all(&moves).await.into_iter().map(Result::ok).collect();
    let expected = [Applied::Moved, Applied::Duplicate, Applied::Absent, Applied::Moved].map(Some);
    bench.same(&results[..], &expected[..], "in the order of the moves");
    bench.serves_nothing(&calls[0], "after the event of the next version").await;
    bench.serves(&calls[1], 5, "after an event of the version that is known").await;
    bench.serves_nothing(&calls[2], "after an event without a version").await;
    bench.holds(bench.store.apply_all(&[]).await.is_empty(), "no move, no result");
}

/// Versions 5 and 6 are stored, and 6 is current.
async fn five_and_six<S: RemoteStore>(bench: &Bench<S>) -> Call {
    let call = Call::find("row:1");
    bench.load(&call, Loaded::row(5)).await;
    bench.bump("row:1", 6).await;
    bench.load(&call, Loaded::row(6)).await;
    call
}

pub(super) async fn a_restore_serves_the_old_entry<S: RemoteStore>(bench: &Bench<S>) {
    let call = five_and_six(bench).await;
    let restored = bench.apply("row:1", Move::Restore { version: 7, of: 5 }).await;
    bench.same(restored, Applied::Moved, "version 7 has the content of 5");
    bench.serves(&call, 5, "after the restore").await;
    let entered = bench.enter(&call).await;
    bench.same(entered.snapshots[0].floor, 7, "the floor after the restore");
    bench.holds(!entered.needs_primary, "a restored record is warm");
    let old = bench.fill(&call, &entered.snapshots, Loaded::row(5)).await;
    bench.same(old, Err(Refused::Old), "a replica's row of version 5, which is below the floor for all its content");
}

pub(super) async fn a_restore_ends_with_the_next_event<S: RemoteStore>(bench: &Bench<S>) {
    let call = five_and_six(bench).await;
    bench.apply("row:1", Move::Restore { version: 7, of: 5 }).await;
    bench.bump("row:1", 8).await;
    bench.serves_nothing(&call, "after the event that followed a restore").await;
    bench.apply("row:1", Move::Restore { version: 9, of: 6 }).await;
    bench.serves(&call, 6, "after another restore").await;
    bench.load(&call, Loaded::row(10)).await;
    bench.serves(&call, 10, "after a load above the restored version").await;
}

pub(super) async fn a_late_restore_does_nothing<S: RemoteStore>(bench: &Bench<S>) {
    let call = five_and_six(bench).await;
    bench.bump("row:1", 8).await;
    for version in [7, 8] {
        let late = bench.apply("row:1", Move::Restore { version, of: 5 }).await;
        bench.same(late, Applied::Duplicate, "a late or duplicate restore");
        bench.serves_nothing(&call, "after a late restore").await;
    }
}

pub(super) async fn a_rollback_leaves_the_record_unverified<S: RemoteStore>(bench: &Bench<S>) {
    let call = five_and_six(bench).await;
    bench.same(bench.roll_back("row:1", 5).await, Applied::Moved, "the rollback");
    bench.serves_nothing(&call, "after the rollback, before a primary has confirmed it").await;
    let entered = bench.enter(&call).await;
    bench.same(entered.snapshots[0].floor, 5, "the floor after the rollback");
    bench.holds(entered.needs_primary, "a load after a rollback must read the primary");
    let replicas = bench.fill(&call, &entered.snapshots, Loaded::row(5).as_replicas()).await;
    bench.same(replicas, Err(Refused::Replica), "a replica's row after a rollback");
    bench.holds(bench.verify(&call, &entered.snapshots, 5).await.is_ok(), "a primary's version confirms the rollback");
    bench.serves(&call, 5, "without a load, after the rollback was confirmed").await;
}

pub(super) async fn a_number_used_again_is_another_token<S: RemoteStore>(bench: &Bench<S>) {
    let call = five_and_six(bench).await;
    bench.roll_back("row:1", 5).await;
    bench.load(&call, Loaded::row(5)).await;
    bench.same(bench.bump("row:1", 6).await, Applied::Moved, "version 6 is used again");
    bench.serves_nothing(&call, "of the number that is used again").await;
    let entered = bench.enter(&call).await;
    bench.holds(bench.verify(&call, &entered.snapshots, 6).await.is_ok(), "a primary's version confirms 6");
    bench.serves_nothing(&call, "of the abandoned content of 6").await;
    bench.load(&call, Loaded::row(6).with(60)).await;
    bench.serves(&call, 60, "of the new content of 6").await;
}

pub(super) async fn a_rollback_refuses_earlier_fills<S: RemoteStore>(bench: &Bench<S>) {
    let call = five_and_six(bench).await;
    let before = bench.enter(&call).await;
    bench.roll_back("row:1", 5).await;
    bench.bump("row:1", 6).await;
    for loaded in [Loaded::row(6), Loaded::row(7), Loaded::opaque(6), Loaded::absence()] {
        let late = bench.fill(&call, &before.snapshots, loaded).await;
        bench.same(late, Err(Refused::Moved), "a load that began before the rollback");
    }
    let late = bench.verify(&call, &before.snapshots, 6).await;
    bench.same(late, Err(Refused::Moved), "a question that was asked before the rollback");
    bench.serves_nothing(&call, "after loads from before the rollback").await;
}

/// The database is at 7; a ROLLBACK to 5 comes once more.
pub(super) async fn a_duplicate_rollback_serves_nothing_abandoned<S: RemoteStore>(bench: &Bench<S>) {
    let call = five_and_six(bench).await;
    bench.roll_back("row:1", 5).await;
    for version in [6, 7] {
        bench.bump("row:1", version).await;
        bench.load(&call, Loaded::row(version).with(version * 10)).await;
    }
    bench.same(bench.roll_back("row:1", 5).await, Applied::Moved, "the duplicate");
    bench.serves_nothing(&call, "after the duplicate").await;
    let entered = bench.enter(&call).await;
    bench.holds(bench.verify(&call, &entered.snapshots, 7).await.is_ok(), "a primary's version confirms 7");
    let served = bench.served(&call).await;
    bench.same(served, None, "served after a duplicate rollback, as no number above it may be trusted");
    bench.load(&call, Loaded::row(7).with(70)).await;
    bench.serves(&call, 70, "after the next load").await;
}

pub(super) async fn detect_compares_with_the_snapshot<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::find("row:1");
    bench.load(&call, Loaded::row(5)).await;
    bench.bump("row:1", 9).await;
    let before = bench.enter(&call).await.snapshots[0];
    bench.holds(!bench.detect("row:1", before, 9).await, "a primary row at the floor rotates nothing");
    bench.bump("row:1", 10).await;
    bench.holds(!bench.detect("row:1", before, 5).await, "an event since the snapshot makes the row prove nothing");
    let now = bench.enter(&call).await.snapshots[0];
    bench.same(now.floor, 10, "the floor after two detections that came to nothing");
    bench.holds(bench.detect("row:1", now, 5).await, "a primary row below an unmoved floor rotates");
    bench.holds(!bench.detect("row:1", now, 5).await, "once");
    bench.holds(!bench.detect("row:2", now, 5).await, "an aggregate without a record has nothing to rotate");
}

pub(super) async fn detect_rotates_everything<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::find("row:1");
    bench.load(&call, Loaded::row(5)).await;
    bench.bump("row:1", 9).await;
    let before = bench.enter(&call).await;
    bench.holds(bench.detect("row:1", before.snapshots[0], 5).await, "an unreachable floor is detected");
    let late = bench.fill(&call, &before.snapshots, Loaded::row(9)).await;
    bench.same(late, Err(Refused::Moved), "a load from before the detection");
    let entered = bench.enter(&call).await;
    bench.same(entered.snapshots[0].floor, 0, "the floor after the detection");
    bench.holds(entered.needs_primary, "a record is unverified after a detection");
    bench.holds(bench.verify(&call, &entered.snapshots, 5).await.is_ok(), "a primary's version warms it");
    bench.serves_nothing(&call, "of an entry from before the detection").await;
    bench.load(&call, Loaded::row(5).with(50)).await;
    bench.serves(&call, 50, "after the next load").await;
}

pub(super) async fn verify_warms<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::list("page:1", &["row:1"]);
    let entered = bench.enter(&call).await;
    let verified = bench.verify(&call, &entered.snapshots, 4).await;
    let snapshots = verified.unwrap_or_else(|refused| panic!("VERIFY of a new record: {refused:?}"));
    bench.same(snapshots[0].floor, 4, "the floor is the primary's version");
    bench.same(bench.enter(&call).await.snapshots, snapshots.clone(), "the snapshots that are then in force");
    bench.holds(!bench.enter(&call).await.needs_primary, "a primary's version warms the record");
    let filled = bench.fill(&call, &snapshots, Loaded::opaque(40)).await;
    bench.same(filled, Ok(()), "a load under the verified snapshots");
    bench.serves(&call, 40, "after the load").await;
    let again = bench.verify(&call, &snapshots, 4).await;
    bench.same(again, Ok(snapshots), "the same version once more");
    bench.serves(&call, 40, "while the version stays").await;
}

pub(super) async fn verify_is_fenced<S: RemoteStore>(bench: &Bench<S>) {
    let call = Call::find("row:1");
    bench.load(&call, Loaded::row(8)).await;
    let entered = bench.enter(&call).await;
    let older = bench.verify(&call, &entered.snapshots, 7).await;
    bench.same(older, Err(Refused::Old), "a version below the floor");
    bench.serves(&call, 8, "after a refused question").await;
    bench.holds(bench.verify(&call, &entered.snapshots, 9).await.is_ok(), "a version above the floor is taken");
    bench.serves_nothing(&call, "below the version that was asked for").await;
}
