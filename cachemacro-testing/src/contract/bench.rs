//! What the rules are written with: a store, the operations without their errors, and words for what was expected.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use cachemacro_runtime::store::{
    Absence, Aggregate, Answer, Applied, Entered, Entry, Fence, FenceKind, Fill, Lookup, Made, Move, Payload, Refused,
    Snapshot,
};
use cachemacro_runtime::{Clock, ManualClock, RemoteStore};

use super::Setup;
use crate::call::Call;

/// A new store and the rule it is held against.
pub(super) struct Bench<S> {
    rule: &'static str,
    pub(super) store: S,
    pub(super) clock: ManualClock,
}

/// What a load brought.
#[derive(Clone, Copy)]
pub(super) struct Loaded {
    pub(super) fence: Fence,
    pub(super) from_primary: bool,
    pub(super) held: Held,
}

/// What an entry holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Held {
    Value(u64),
    Absent(Absence),
}

impl Held {
    fn payload(self) -> Payload {
        match self {
            Self::Value(content) => Payload::Bytes(content.to_be_bytes().as_slice().into()),
            Self::Absent(kind) => Payload::Absent(kind),
        }
    }
}

pub(super) const TTL: Duration = Duration::from_secs(600);

impl Call {
    /// A function that carries its row's version, on one aggregate.
    pub(super) fn find(text: &str) -> Self {
        Self::new("find", text, &[text])
    }

    /// Another function on these aggregates.
    pub(super) fn list(text: &str, aggregates: &[&str]) -> Self {
        Self::new("list", text, aggregates)
    }

    /// As [`Call::find`], of a generic function with this type.
    pub(super) fn find_typed<T: 'static>(text: &str) -> Self {
        Self::with_type::<T>("find", text, &[text])
    }
}

impl Loaded {
    /// A row from the primary. Its content is its version, unless said otherwise.
    pub(super) fn row(version: u64) -> Self {
        Self { fence: Fence::Row(version), from_primary: true, held: Held::Value(version) }
    }

    /// A value without a version, from the primary.
    pub(super) fn opaque(content: u64) -> Self {
        Self { fence: Fence::Unversioned, from_primary: true, held: Held::Value(content) }
    }

    /// An absence, from the primary.
    pub(super) fn absence() -> Self {
        Self { fence: Fence::Unversioned, from_primary: true, held: Held::Absent(Absence::None) }
    }

    pub(super) fn as_replicas(self) -> Self {
        Self { from_primary: false, ..self }
    }

    pub(super) fn with(self, content: u64) -> Self {
        Self { held: Held::Value(content), ..self }
    }
}

impl<S> Bench<S> {
    pub(super) async fn new(rule: &'static str, make: &impl AsyncFn(Setup) -> S, source_lag: Duration) -> Self {
        let clock = ManualClock::default();
        let store = make(Setup { clock: Arc::new(clock.clone()), source_lag }).await;
        Self { rule, store, clock }
    }

    /// Ends the suite, unless what was found is what the rule asks for.
    #[track_caller]
    pub(super) fn same<T: PartialEq + Debug>(&self, found: T, expected: T, what: &str) {
        assert!(found == expected, "{}: {what}: expected {expected:?}, found {found:?}", self.rule);
    }

    #[track_caller]
    pub(super) fn holds(&self, found: bool, what: &str) {
        assert!(found, "{}: {what}", self.rule);
    }

    pub(super) async fn answer<T>(&self, answer: Answer<'_, T>) -> T {
        match answer.await {
            Ok(value) => value,
            Err(error) => panic!("{}: {error}", self.rule),
        }
    }
}

impl<S: RemoteStore> Bench<S> {
    pub(super) async fn look_up(&self, call: &Call) -> Lookup {
        self.answer(self.store.lookup(call.query())).await
    }

    pub(super) async fn enter(&self, call: &Call) -> Entered {
        self.answer(self.store.enter(call.query(), false)).await
    }

    pub(super) async fn enter_rotating(&self, call: &Call) -> Entered {
        self.answer(self.store.enter(call.query(), true)).await
    }

    pub(super) async fn apply(&self, aggregate: &str, moved: Move) -> Applied {
        self.answer(self.store.apply(&Aggregate::new(aggregate), moved)).await
    }

    pub(super) async fn bump(&self, aggregate: &str, version: u64) -> Applied {
        self.apply(aggregate, Move::Bump(version)).await
    }

    pub(super) async fn roll_back(&self, aggregate: &str, to: u64) -> Applied {
        self.apply(aggregate, Move::Rollback { to }).await
    }

    pub(super) async fn detect(&self, aggregate: &str, snapshot: Snapshot, version: u64) -> bool {
        self.answer(self.store.detect(&Aggregate::new(aggregate), snapshot, version)).await
    }

    pub(super) async fn verify(
        &self,
        call: &Call,
        snapshots: &[Snapshot],
        version: u64,
    ) -> Result<Vec<Snapshot>, Refused> {
        self.answer(self.store.verify(call.query(), snapshots, version)).await
    }

    pub(super) async fn discard(&self, call: &Call) {
        self.answer(self.store.discard(call.query())).await;
    }

    /// FILL, with the deadlines of a load that began now.
    pub(super) async fn fill(&self, call: &Call, snapshots: &[Snapshot], loaded: Loaded) -> Result<(), Refused> {
        self.fill_entry(call, snapshots, loaded, self.entry(loaded.held)).await
    }

    pub(super) async fn fill_entry(
        &self,
        call: &Call,
        snapshots: &[Snapshot],
        loaded: Loaded,
        entry: Entry,
    ) -> Result<(), Refused> {
        self.answer(self.store.fill(call.query(), self.fill_of(snapshots, loaded, entry))).await
    }

    pub(super) fn fill_of(&self, snapshots: &[Snapshot], loaded: Loaded, entry: Entry) -> Fill {
        let Loaded { fence, from_primary, .. } = loaded;
        Fill { snapshots: snapshots.to_vec(), fence, from_primary, entry }
    }

    pub(super) fn entry(&self, held: Held) -> Entry {
        let written = self.clock.now();
        let deadline = written.after(TTL);
        Entry {
            payload: held.payload(),
            version: 0,
            kind: FenceKind::Unversioned,
            written,
            soft: deadline,
            hard: deadline,
            cost: Duration::from_millis(1),
            weight: 8,
            // Of load 7.
            made: Made::from_bytes(&7_u64.to_le_bytes()),
        }
    }

    /// ENTER, a load, and a FILL that must be taken.
    pub(super) async fn load(&self, call: &Call, loaded: Loaded) {
        let entered = self.enter(call).await;
        let filled = self.fill(call, &entered.snapshots, loaded).await;
        self.same(filled, Ok(()), "a load that nothing came between is stored");
    }

    /// What a lookup serves.
    pub(super) async fn served(&self, call: &Call) -> Option<Held> {
        match self.look_up(call).await {
            Lookup::Miss => None,
            Lookup::Hit(entry, _) => Some(self.held(&entry)),
        }
    }

    pub(super) fn held(&self, entry: &Entry) -> Held {
        match &entry.payload {
            Payload::Absent(kind) => Held::Absent(*kind),
            Payload::Bytes(bytes) => match <[u8; 8]>::try_from(&**bytes) {
                Ok(bytes) => Held::Value(u64::from_be_bytes(bytes)),
                Err(_) => panic!("{}: the bytes came back as {bytes:?}", self.rule),
            },
        }
    }

    pub(super) async fn serves(&self, call: &Call, content: u64, when: &str) {
        let served = self.served(call).await;
        self.same(served, Some(Held::Value(content)), &format!("served {when}"));
    }

    pub(super) async fn serves_nothing(&self, call: &Call, when: &str) {
        let served = self.served(call).await;
        self.same(served, None, &format!("served {when}"));
    }
}
