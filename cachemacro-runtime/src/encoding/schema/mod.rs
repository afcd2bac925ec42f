//! The fingerprint of a type's shape. With it a binary recognizes bytes of another binary whose type was different
//! (R18). Formats without names would accept them: if two `u32` fields are swapped, each is decoded as the other.
//!
//! Rust cannot report the shape of a type at run time, but its `Deserialize` asks for its parts, step by step. So it is
//! given dummies to read, and everything it asks for is hashed: primitives, the names of structs, fields and variants
//! in their order, the content of options and sequences. It is read repeatedly, until every variant of every enum was
//! read, and until dummies were found that it accepts, if there are any (`trace`).
//!
//! The fingerprint does not show types that are read by guess (`deserialize_any`: untagged, internally tagged and
//! flattened types, which need a codec with names). Such a value is encoded again by its reader, and compared
//! (`decode_own`). It also does not show what a type checks or computes after reading, or its meaning: if a `u64` of
//! seconds becomes a `u64` of milliseconds, the shape is the same. In such a case rename the type; then its old values
//! are misses.
//!
//! The fingerprint is the same in each process and each build of the same source. If a dependency changes how its types
//! are read, the fingerprint changes, which costs one load of each entry.

mod access;
mod ask;
mod dummies;
mod refused;
mod trace;

use std::any::{TypeId, type_name};
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use serde::de::DeserializeOwned;

use self::ask::Ask;
use self::trace::Trace;

static KNOWN: RwLock<BTreeMap<(TypeId, bool), Shape>> = RwLock::new(BTreeMap::new());

/// The properties of a type.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) fingerprint: u64,
    /// Whether a part of it accepts any form (`deserialize_any`), which only a codec with names supports.
    pub(super) is_read_by_guess: bool,
}

/// The shape of the type for a codec of this kind: many types have another form if the format is for people. Computed
/// once per process, in a few milliseconds at most.
pub(super) fn shape<T: DeserializeOwned + 'static>(is_human_readable: bool) -> Shape {
    // Computed while no lock is held: the `Deserialize` of `T` is the user's code.
    known((TypeId::of::<T>(), is_human_readable), learn::<T>)
}

/// Not generic, so that it is compiled once.
fn known(key: (TypeId, bool), learn: fn(bool) -> Shape) -> Shape {
    if let Some(known) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return *known;
    }
    let found = learn(key.1);
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).insert(key, found);
    found
}

fn learn<T: DeserializeOwned>(is_human_readable: bool) -> Shape {
    let trace = traced::<T>(is_human_readable);
    Shape { fingerprint: trace.fingerprint(type_name::<T>()), is_read_by_guess: trace.is_guessing }
}

fn traced<T: DeserializeOwned>(is_human_readable: bool) -> Trace {
    let mut trace = Trace::new(is_human_readable);
    while trace.pass(|trace| T::deserialize(Ask::whole(trace)).map(drop)) {}
    trace
}

#[cfg(test)]
mod tests;
