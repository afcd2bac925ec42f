//! The suite notices what is wrong with a channel.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use cachemacro_runtime::store::{Announcement, Answer, Followed, InvalidationChannel, Notice, Position};
use cachemacro_testing::ReferenceStore;
use cachemacro_testing::contract::{self, Setup};

/// What is wrong with a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Defect {
    BeginsAtTheStart,
    ForgetsTheLast,
    Reorders,
    RepeatsTheFirst,
    LosesResets,
    WaitsToTheEnd,
    HidesGaps,
    NeverEndsAGap,
}

const DEFECTS: [Defect; 8] = [
    Defect::BeginsAtTheStart,
    Defect::ForgetsTheLast,
    Defect::Reorders,
    Defect::RepeatsTheFirst,
    Defect::LosesResets,
    Defect::WaitsToTheEnd,
    Defect::HidesGaps,
    Defect::NeverEndsAGap,
];

/// A channel with a defect.
struct Broken {
    inner: ReferenceStore,
    start: Position,
    defect: Option<Defect>,
}

impl Broken {
    async fn new(setup: Setup, defect: Option<Defect>) -> Self {
        let inner = ReferenceStore::new(setup.clock, setup.source_lag);
        let start = inner.follow(None, Duration::ZERO).await.expect("an answer").position;
        Self { inner, start, defect }
    }

    async fn try_follow(&self, from: Option<&Position>, wait: Duration) -> Followed {
        let ask = async |from, wait| self.inner.follow(from, wait).await.expect("an answer");
        if self.defect == Some(Defect::WaitsToTheEnd) {
            tokio::time::sleep(wait).await;
        }
        let mut followed = ask(from, wait).await;
        match self.defect {
            Some(Defect::BeginsAtTheStart) if from.is_none() => followed.position = self.start.clone(),
            Some(Defect::ForgetsTheLast) => drop(followed.notices.pop()),
            Some(Defect::Reorders) => followed.notices.reverse(),
            Some(Defect::RepeatsTheFirst) => followed.notices.extend(followed.notices.first().cloned()),
            Some(Defect::LosesResets) => {
                followed.notices.retain(|(_, notice)| *notice != Notice::Reset);
            }
            Some(Defect::HidesGaps) => followed.has_gap = false,
            Some(Defect::NeverEndsAGap) if followed.has_gap => followed.position = self.start.clone(),
            _ => {}
        }
        followed
    }
}

impl InvalidationChannel for Broken {
    fn announce<'a>(&'a self, announcements: &'a [Announcement]) -> Answer<'a, ()> {
        self.inner.announce(announcements)
    }

    fn follow<'a>(&'a self, from: Option<&'a Position>, wait: Duration) -> Answer<'a, Followed> {
        Box::pin(async move { Ok(self.try_follow(from, wait).await) })
    }
}

/// Whether the suite lets a channel pass.
fn passes(defect: Option<Defect>) -> bool {
    let make = async |setup| Broken::new(setup, defect).await;
    let suite = async {
        contract::check_channel(make).await;
        contract::check_channel_loss(make, async |store: &Broken| store.inner.lose_announcements()).await;
    };
    // Time passes at once where all that is left is to wait.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    catch_unwind(AssertUnwindSafe(|| runtime.expect("a runtime").block_on(suite))).is_ok()
}

#[test]
fn a_channel_with_a_defect_does_not_pass() {
    assert!(passes(None), "the same channel without a defect passes");
    let unnoticed: Vec<_> = DEFECTS.into_iter().filter(|defect| passes(Some(*defect))).collect();
    assert!(unnoticed.is_empty(), "the suite does not notice these defects: {unnoticed:?}");
}
