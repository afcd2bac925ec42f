//! What events do to an aggregate, and what they did to its record.

/// One move of one aggregate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Move {
    /// It reached this version.
    Bump(u64),
    /// It moved to a version that is not known, so all that is known of it is void.
    Next,
    /// Version `version` has the content of version `of`.
    Restore {
        /// The new version.
        version: u64,
        /// The version whose content it has.
        of: u64,
    },
    /// The database went back to this version.
    Rollback {
        /// The version that is current again.
        to: u64,
    },
}

/// What an event did to a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applied {
    /// There was no record, and none was made (R6).
    Absent,
    /// The record knew as much already (R3).
    Duplicate,
    /// The record moved.
    Moved,
}
