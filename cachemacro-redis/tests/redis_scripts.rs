//! The scripts do what `Index` does: whatever is done to a record, in whichever order.

#[path = "kit/server.rs"]
mod kit;
#[path = "kit/process.rs"]
mod process;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cachemacro_redis::RedisStore;
use cachemacro_runtime::store::{
    Applied, Entry, Fence, FenceKind, Fill, Index, Lookup, Move, Payload, Refused, RemoteStore, Snapshot,
};
use cachemacro_runtime::{Clock, Generation, ManualClock, Token};
use kit::{Server, namespace};
use process::{Call, entry, find};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio::runtime::Runtime;

/// Longer than a case takes.
const LAG: Duration = Duration::from_secs(3600);

/// One thing that is done to the record.
#[derive(Clone, Copy, Debug)]
enum Step {
    Enter {
        rotates: bool,
    },
    /// Under the snapshot that was taken so many steps ago, if one was.
    Fill {
        ago: usize,
        fence: Fence,
        from_primary: bool,
    },
    Verify {
        ago: usize,
        version: u64,
    },
    Apply(Move),
    Detect {
        ago: usize,
        version: u64,
    },
    /// The record is evicted.
    Lose,
    /// It takes rows of replicas again.
    Grow,
}

/// Few numbers, so that they meet, and the last ones there are.
fn version() -> impl Strategy<Value = u64> {
    prop_oneof![12 => 0..12_u64, 1 => Just(u64::MAX - 1), 1 => Just(u64::MAX), 1 => Just(1 << 53), 1 => Just((1 << 53) + 1)]
}

fn step() -> impl Strategy<Value = Step> {
    let ago = || prop_oneof![6 => Just(0_usize), 2 => Just(1), 1 => 2..5_usize];
    let fence = prop_oneof![3 => version().prop_map(Fence::Row), 1 => Just(Fence::Unversioned)];
    let moved = prop_oneof![
        4 => version().prop_map(Move::Bump),
        1 => Just(Move::Next),
        2 => (version(), version()).prop_map(|(version, of)| Move::Restore { version, of }),
        3 => version().prop_map(|to| Move::Rollback { to }),
    ];
    prop_oneof![
        6 => prop::bool::weighted(0.1).prop_map(|rotates| Step::Enter { rotates }),
        6 => (ago(), fence, prop::bool::weighted(0.8))
            .prop_map(|(ago, fence, from_primary)| Step::Fill { ago, fence, from_primary }),
        2 => (ago(), version()).prop_map(|(ago, version)| Step::Verify { ago, version }),
        6 => moved.prop_map(Step::Apply),
        1 => (ago(), version()).prop_map(|(ago, version)| Step::Detect { ago, version }),
        1 => Just(Step::Lose),
        2 => Just(Step::Grow),
    ]
}

/// What the server keeps, read without the store's help.
#[derive(Debug)]
struct Text {
    floor: u64,
    fence_generation: u64,
    alias: Option<u64>,
    unverified: bool,
    marks: Vec<(u64, u64)>,
}

impl Text {
    fn read(text: &str) -> Self {
        let field = |name: &str| {
            let field = text.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
            field.unwrap_or_else(|| panic!("{name} in {text}"))
        };
        let id = |digits: &str| u64::from_str_radix(digits, 16).expect("an id");
        let marks = field("marks").split(',').map(|mark| {
            let (from, of) = mark.split_once('.').expect("a mark");
            (from.parse().expect("a version"), id(of))
        });
        Self {
            floor: field("floor").parse().expect("a version"),
            fence_generation: id(field("turn")),
            alias: field("alias").parse().ok(),
            unverified: field("cold") == "1",
            marks: marks.collect(),
        }
    }

    fn token(&self, version: u64) -> u64 {
        self.marks.iter().rev().find(|(from, _)| *from <= version).expect("the first is from 0").1
    }
}

/// Ids are random on both sides: each of the one must always be the same of the other.
#[derive(Default)]
struct Renaming {
    there: HashMap<u64, u64>,
    back: HashMap<u64, u64>,
}

impl Renaming {
    fn holds(&mut self, here: Generation, there: u64) -> bool {
        let here = here.to_bits();
        *self.there.entry(here).or_insert(there) == there && *self.back.entry(there).or_insert(here) == here
    }
}

/// The two, side by side.
struct Pair<'a> {
    index: Option<Index>,
    /// Of two processes, so that what the one has seen last is not what there is.
    stores: [RedisStore; 2],
    server: &'a Server,
    key: String,
    clock: ManualClock,
    lag: Duration,
    call: Call,
    snapshots: Vec<(Snapshot, Snapshot)>,
    /// What is kept, under the tokens of the index.
    entries: HashMap<(bool, Token), u64>,
    content: u64,
    renaming: Renaming,
    /// Of fence generations: they are compared with each other alone.
    fences: Renaming,
}

fn versions() -> impl Iterator<Item = u64> {
    (0..14).chain([(1 << 53) - 1, 1 << 53, (1 << 53) + 1, (1 << 53) + 2, u64::MAX - 1, u64::MAX])
}

impl<'a> Pair<'a> {
    fn new(server: &'a Server, lag: Duration) -> Self {
        let (clock, namespace) = (ManualClock::default(), namespace());
        let store = || RedisStore::new(server.redis(), &namespace, Arc::new(clock.clone()), lag);
        Self {
            index: None,
            stores: [store(), store()],
            server,
            key: format!("{{{namespace}:row:1}}:index"),
            clock,
            lag,
            call: find("row:1"),
            snapshots: Vec::new(),
            entries: HashMap::new(),
            content: 0,
            renaming: Renaming::default(),
            fences: Renaming::default(),
        }
    }

    fn snapshot(&self, ago: usize) -> Option<(Snapshot, Snapshot)> {
        self.snapshots.iter().rev().nth(ago).copied()
    }

    async fn take(&mut self, step: Step, by: usize) {
        let now = self.clock.now();
        match step {
            Step::Enter { rotates } => {
                let index = self.index.get_or_insert_with(|| Index::new(Generation::random(), now, self.lag));
                if rotates {
                    index.set_rotates();
                }
                let entered = self.stores[by].enter(self.call.query(), rotates).await.expect("ENTER");
                assert_eq!(entered.needs_primary, index.needs_primary(now), "{index:?}");
                self.snapshots.push((index.snapshot(), entered.snapshots[0]));
            }
            Step::Fill { ago, fence, from_primary } => self.fill(by, ago, fence, from_primary).await,
            Step::Verify { ago, version } => {
                let Some((here, there)) = self.snapshot(ago) else { return };
                let expected = match &mut self.index {
                    Some(index) => index.admit(here, Fence::Row(version), true, now).map(|_| version),
                    None => Err(Refused::Lost),
                };
                let verified = self.stores[by].verify(self.call.query(), &[there], version).await.expect("VERIFY");
                assert_eq!(verified.map(|snapshots| snapshots[0].floor), expected);
            }
            Step::Apply(moved) => {
                let index = self.index.as_mut();
                let expected =
                    index.map_or(Applied::Absent, |index| index.apply(moved, Generation::random(), now, self.lag));
                let applied = self.stores[by].apply(&self.call.aggregates()[0], moved).await.expect("APPLY");
                assert_eq!(applied, expected);
            }
            Step::Detect { ago, version } => {
                let Some((here, there)) = self.snapshot(ago) else { return };
                let index = self.index.as_mut();
                let expected =
                    index.is_some_and(|index| index.detect(here, version, Generation::random(), now, self.lag));
                let detected =
                    self.stores[by].detect(&self.call.aggregates()[0], there, version).await.expect("DETECT");
                assert_eq!(detected, expected);
            }
            Step::Lose => {
                self.index = None;
                self.server.ask::<u64>(&["DEL", &self.key]).await;
            }
            Step::Grow => {
                self.clock.advance(self.lag);
                let Some(text) = self.server.ask::<Option<String>>(&["GET", &self.key]).await else { return };
                let young = text.split(' ').find(|field| field.starts_with("young=")).expect("a field");
                self.server.ask::<()>(&["SET", &self.key, &text.replace(young, "young=0"), "KEEPTTL"]).await;
            }
        }
    }

    async fn fill(&mut self, by: usize, ago: usize, fence: Fence, from_primary: bool) {
        let Some((here, there)) = self.snapshot(ago) else { return };
        let now = self.clock.now();
        let expected = match &mut self.index {
            Some(index) => index.admit(here, fence, from_primary, now),
            None => Err(Refused::Lost),
        };
        self.content += 1;
        let hard = now.after(LAG * 1000);
        let entry = Entry { hard, ..entry(now, &self.content.to_be_bytes()) };
        let fill = Fill { snapshots: vec![there], fence, from_primary, entry };
        let filled = self.stores[by].fill(self.call.query(), fill).await.expect("FILL");
        assert_eq!(filled, expected.map(|_| ()));
        if let (Ok(token), Some(index)) = (expected, &self.index) {
            let is_row = fence.kind() == FenceKind::Row;
            // Whichever was loaded last is the one that is found.
            let still = Token { version: token.version, generation: index.snapshot().generation };
            self.entries.retain(|(was_row, of), _| {
                let kind = if *was_row { FenceKind::Row } else { FenceKind::Unversioned };
                if is_row { *was_row || *of != still } else { !index.serves(*of, kind) || index.is_unverified() }
            });
            if !is_row {
                let rows = versions().map(|version| index.token(version));
                for row in rows.filter(|row| row.version == index.snapshot().floor) {
                    self.entries.remove(&(true, row));
                }
            }
            self.entries.insert((is_row, token), self.content);
        }
    }

    async fn compare(&mut self, by: usize) {
        let text: Option<String> = self.server.ask(&["GET", &self.key]).await;
        assert_eq!(text.is_some(), self.index.is_some(), "the record's existence");
        if let (Some(text), Some(index)) = (&text, &self.index) {
            let record = Text::read(text);
            let now = index.snapshot();
            assert_eq!((record.floor, record.unverified), (now.floor, index.is_unverified()), "{text}");
            assert!(self.fences.holds(now.generation, record.fence_generation), "the turn: {index:?} {text}");
            for version in versions() {
                let token = index.token(version);
                assert!(self.renaming.holds(token.generation, record.token(version)), "{version}: {index:?} {text}");
                let is_served = !record.unverified && (record.floor == version || record.alias == Some(version));
                assert_eq!(index.serves(token, FenceKind::Row), is_served, "row {version}: {index:?} {text}");
            }
        }
        let found = match self.stores[by].lookup(self.call.query()).await.expect("LOOKUP") {
            Lookup::Miss => None,
            Lookup::Hit(entry, snapshots) => {
                assert_eq!(snapshots[0].floor, self.index.as_ref().expect("a record").snapshot().floor);
                let Payload::Bytes(bytes) = entry.payload else { panic!("bytes") };
                Some(u64::from_be_bytes((*bytes).try_into().expect("a number")))
            }
        };
        let served = self.entries.iter().filter(|((is_row, token), _)| {
            let kind = if *is_row { FenceKind::Row } else { FenceKind::Unversioned };
            self.index.as_ref().is_some_and(|index| index.serves(*token, kind))
        });
        let served: Vec<_> = served.map(|(_, content)| *content).collect();
        assert_eq!(found.is_some(), !served.is_empty(), "{served:?}: {:?}", self.index);
        assert!(found.is_none_or(|found| served.contains(&found)), "{found:?} of {served:?}");
    }
}

/// More marks than a record may have.
#[tokio::test]
async fn a_record_on_the_server_rotates_when_an_index_does() {
    let server = Server::start().await;
    let mut pair = Pair::new(&server, Duration::ZERO);
    pair.take(Step::Enter { rotates: false }, 0).await;
    for to in 1..30 {
        for step in [
            Step::Apply(Move::Rollback { to }),
            Step::Enter { rotates: false },
            Step::Fill { ago: 0, fence: Fence::Row(to), from_primary: true },
        ] {
            pair.take(step, 0).await;
            pair.compare(1).await;
        }
    }
}

/// Whether its record has grown up or not, a rollback begins a new youth.
#[tokio::test]
async fn a_record_on_the_server_takes_primary_rows_as_long_as_an_index_does() {
    let server = Server::start().await;
    let mut pair = Pair::new(&server, LAG);
    for moved in [Move::Rollback { to: 6 }, Move::Next, Move::Bump(9)] {
        for step in [
            Step::Enter { rotates: false },
            Step::Fill { ago: 0, fence: Fence::Row(9), from_primary: true },
            Step::Grow,
            Step::Enter { rotates: false },
            Step::Apply(moved),
            Step::Enter { rotates: false },
            Step::Verify { ago: 0, version: 9 },
            Step::Enter { rotates: false },
            Step::Fill { ago: 0, fence: Fence::Row(10), from_primary: false },
            Step::Detect { ago: 0, version: 8 },
            Step::Enter { rotates: false },
            Step::Verify { ago: 0, version: 8 },
            Step::Enter { rotates: false },
        ] {
            pair.take(step, 0).await;
            pair.compare(1).await;
        }
    }
}

/// A record of a database that uses numbers twice.
#[tokio::test]
async fn a_record_on_the_server_turns_when_an_index_does() {
    let server = Server::start().await;
    let mut pair = Pair::new(&server, Duration::ZERO);
    let moves = [Move::Bump(5), Move::Bump(6), Move::Restore { version: 7, of: 5 }, Move::Bump(3), Move::Next];
    for moved in moves.into_iter().chain([Move::Rollback { to: 5 }, Move::Restore { version: 6, of: 5 }, Move::Bump(0)])
    {
        for step in [
            Step::Enter { rotates: true },
            Step::Fill { ago: 0, fence: Fence::Row(5), from_primary: true },
            Step::Fill { ago: 0, fence: Fence::Unversioned, from_primary: true },
            Step::Apply(moved),
            Step::Fill { ago: 0, fence: Fence::Row(9), from_primary: true },
            Step::Verify { ago: 0, version: 9 },
        ] {
            pair.take(step, 0).await;
            pair.compare(1).await;
        }
    }
}

#[test]
fn a_record_on_the_server_is_an_index() {
    let runtime = Runtime::new().expect("a runtime");
    let server = runtime.block_on(Server::start());
    let config =
        ProptestConfig { cases: 200, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() };
    let cases = (prop::collection::vec((step(), 0..2_usize, 0..2_usize), 1..40), prop::bool::ANY);
    let passed = TestRunner::new(config).run(&cases, |(steps, is_young)| {
        let lag = if is_young { LAG } else { Duration::ZERO };
        runtime.block_on(async {
            let mut pair = Pair::new(&server, lag);
            for (step, by, seen_by) in steps {
                pair.take(step, by).await;
                pair.compare(seen_by).await;
            }
        });
        Ok(())
    });
    passed.unwrap_or_else(|failure| panic!("{failure}"));
}
