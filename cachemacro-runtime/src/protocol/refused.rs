//! Why a fill was refused.

/// Why a store refused a fill (docs/protocol.md, FILL).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// There is no index record.
    Lost,
    /// The fence generation, or in opaque mode the floor, is not that of the snapshot.
    Moved,
    /// The row's version is below the floor.
    Old,
    /// The record needs a row of the primary, and the row may come from a replica.
    Replica,
    /// The value has more bytes than the store takes.
    TooLarge,
    /// Another function, or instance of a generic function, of the binary has the same name. The engine says so; no store has
    /// to.
    SharedName,
}
