//! An entry, and the load that made it.

use cachemacro_runtime::AnsweredCall;

/// An entry, and the load that made it: its value is the same while these are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EntryState {
    pub(crate) function: &'static str,
    pub(crate) key: String,
    pub(crate) load: u64,
}

impl EntryState {
    /// `None` for an answer that is not stored.
    pub(crate) fn of(call: &AnsweredCall<'_>) -> Option<Self> {
        Some(Self { function: call.full_name(), key: call.key(), load: call.load()? })
    }
}
