//! The channel of announcements (R14): a reader has heard everything, or knows that it has not.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

use cachemacro_runtime::store::{Aggregate, Announcement, Followed, InvalidationChannel, Move, Notice, Position};
use tokio::time::Instant;

use super::bench::Bench;

/// Far longer than an announcement takes.
const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(20);

type Told = (Aggregate, Notice);

fn moved(name: &str, version: u64) -> Told {
    (Aggregate::new(name), Notice::Moved(Move::Bump(version)))
}

impl<C: InvalidationChannel> Bench<C> {
    async fn announce(&self, notices: &[Told]) {
        let announcement = Announcement { event: None, notices: notices.to_vec() };
        self.answer(self.store.announce(&[announcement])).await;
    }

    async fn follow(&self, from: Option<&Position>, wait: Duration) -> Followed {
        self.answer(self.store.follow(from, wait)).await
    }

    async fn end(&self) -> Position {
        let followed = self.follow(None, Duration::ZERO).await;
        self.same(followed.notices.len(), 0, "announcements without a position");
        self.holds(!followed.has_gap, "the end of a channel is no gap");
        followed.position
    }

    /// Reads on from a position, and expects exactly these.
    async fn hears(&self, from: &Position, expected: &[Told], when: &str) -> Position {
        let followed = self.follow(Some(from), Duration::ZERO).await;
        self.holds(!followed.has_gap, &format!("nothing is missing {when}"));
        self.same(&followed.notices[..], expected, &format!("heard {when}"));
        followed.position
    }
}

pub(super) async fn a_reader_begins_at_the_end<C: InvalidationChannel>(bench: &Bench<C>) {
    let empty = bench.end().await;
    bench.announce(&[moved("row:1", 1)]).await;
    let end = bench.end().await;
    bench.announce(&[moved("row:2", 2)]).await;
    bench.hears(&end, &[moved("row:2", 2)], "since the end of a channel").await;
    bench.hears(&empty, &[moved("row:1", 1), moved("row:2", 2)], "since the end of an empty channel").await;
}

pub(super) async fn all_is_heard_once_and_in_order<C: InvalidationChannel>(bench: &Bench<C>) {
    let start = bench.end().await;
    let all: Vec<_> = (1..=50).map(|version| moved("row:1", version)).collect();
    for some in all.chunks(7) {
        bench.announce(some).await;
    }
    let next = bench.hears(&start, &all, "of fifty announcements").await;
    bench.hears(&next, &[], "when all was heard").await;
    bench.hears(&start, &all, "by another reader").await;
    bench.announce(&[moved("row:1", 51)]).await;
    bench.hears(&next, &[moved("row:1", 51)], "later").await;
}

pub(super) async fn a_notice_is_what_was_announced<C: InvalidationChannel>(bench: &Bench<C>) {
    let moves = [Move::Bump(0), Move::Next, Move::Restore { version: u64::MAX, of: 1 }, Move::Rollback { to: 0 }];
    let notices = moves.into_iter().map(Notice::Moved).chain([Notice::Reset]);
    let names = ["row:1", "a b", "gr\u{fc}n:%7C", "x{y}", "line\nbreak"];
    let all: Vec<_> = names.into_iter().map(Aggregate::new).zip(notices).collect();
    let start = bench.end().await;
    bench.announce(&all).await;
    bench.hears(&start, &all, "of every kind of notice").await;
}

pub(super) async fn an_announcement_ends_the_wait<C: InvalidationChannel>(bench: &Bench<C>) {
    let start = bench.end().await;
    let nothing = bench.follow(Some(&start), SHORT).await;
    bench.holds(nothing.notices.is_empty() && !nothing.has_gap, "a wait without an announcement ends");
    let began = Instant::now();
    let announce = async {
        tokio::time::sleep(SHORT).await;
        bench.announce(&[moved("row:1", 1)]).await;
    };
    let heard = while_doing(announce, bench.follow(Some(&start), LONG)).await;
    bench.same(heard.notices, vec![moved("row:1", 1)], "heard by a reader that waited");
    bench.holds(began.elapsed() < LONG / 2, "a reader that waits hears an announcement at once");
}

/// Runs both, and returns what the second one does.
async fn while_doing<F: Future>(other: impl Future<Output = ()>, future: F) -> F::Output {
    let (mut other, mut future) = (pin!(other), pin!(future));
    let mut is_done = false;
    poll_fn(|context| {
        if !is_done && other.as_mut().poll(context).is_ready() {
            is_done = true;
        }
        future.as_mut().poll(context)
    })
    .await
}

pub(super) async fn what_is_lost_is_a_gap<C: InvalidationChannel>(bench: &Bench<C>, lose: &impl AsyncFn(&C)) {
    let start = bench.end().await;
    bench.announce(&[moved("row:1", 1)]).await;
    lose(&bench.store).await;
    let gap = bench.follow(Some(&start), Duration::ZERO).await;
    bench.holds(gap.has_gap, "a reader is told that an announcement is missing");
    bench.announce(&[moved("row:1", 2)]).await;
    let end = bench.hears(&gap.position, &[moved("row:1", 2)], "after the gap").await;
    lose(&bench.store).await;
    bench.announce(&[moved("row:1", 3)]).await;
    let followed = bench.follow(Some(&end), Duration::ZERO).await;
    bench.holds(
        followed.has_gap || followed.notices == [moved("row:1", 3)],
        "a reader that had heard all before the loss hears what comes after it, or is told of a gap",
    );
}
