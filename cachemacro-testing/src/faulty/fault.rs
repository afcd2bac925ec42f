//! What can go wrong, and with which operation.

use std::time::Duration;

/// An operation of a store or of its channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Operation {
    /// A read of an entry.
    Lookup,
    /// The snapshots before a load.
    Enter,
    /// The storing of what was loaded.
    Fill,
    /// A fill without a value, of a function that asks for the version first.
    Verify,
    /// The move of one aggregate by an event.
    Apply,
    /// The reset of a floor that the database does not reach.
    Detect,
    /// The end of one entry.
    Discard,
    /// The question what was cleared, and what tells the other processes of a clear.
    Control,
    /// What tells the other processes of an event.
    Announce,
    /// What a local tier asks the channel.
    Follow,
}

impl Operation {
    pub(super) const ALL: [Self; 10] = [
        Self::Lookup,
        Self::Enter,
        Self::Fill,
        Self::Verify,
        Self::Apply,
        Self::Detect,
        Self::Discard,
        Self::Control,
        Self::Announce,
        Self::Follow,
    ];

    /// What a `StoreError` calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Lookup => "lookup",
            Self::Enter => "enter",
            Self::Fill => "fill",
            Self::Verify => "verify",
            Self::Apply => "apply",
            Self::Detect => "detect",
            Self::Discard => "discard",
            Self::Control => "control",
            Self::Announce => "announce",
            Self::Follow => "follow",
        }
    }
}

/// What happens to an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// It fails, and nothing is done: the server cannot be reached.
    Error,
    /// It is done, and fails: its answer is lost on the way.
    LostAnswer,
    /// It is done only when the [`ManualClock`](crate::ManualClock) has been advanced by this much.
    Delay(Duration),
    /// It is not done until it is [released](crate::FaultyStore::release).
    Held,
    /// It is done, and its answer does not arrive until it is [released](crate::FaultyStore::release).
    HeldAnswer,
    /// A lookup finds bytes that are no value. Other operations are as usual.
    Garbled,
    /// An enter says that another process loads the entry, and has the lease for this long. Other operations are as usual.
    Leased(Duration),
}

impl Fault {
    pub(super) const fn is_held(self) -> bool {
        matches!(self, Self::Held | Self::HeldAnswer)
    }
}
