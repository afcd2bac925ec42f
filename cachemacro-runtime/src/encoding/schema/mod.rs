//! The fingerprint of a type's shape, by which a binary knows that bytes were written by another one whose type was not
//! the same (R18). Formats without names would take them: two `u32` fields that changed places decode as each other.
//!
//! A type has no shape that could be asked for, but its `Deserialize` says what it wants, step by step. So it is given
//! dummies to read, and everything it asks for is hashed: primitives, names of structs, fields and variants in their
//! order, what options and sequences hold. It is read again and again, until every variant of every enum was taken, and
//! dummies were found that it accepts, as far as there are any (`trace`).
//!
//! Out of sight remains what is read by guess (`deserialize_any`: untagged, internally tagged and flattened types, which
//! only a codec with names can hold): such a value is written again by its reader, and compared (`decode_own`). Out of sight
//! is also what a type checks or computes after reading, and what it means: seconds that become milliseconds in the same
//! `u64` are the same shape. Rename the type, and its old values are misses.
//!
//! The fingerprint is the same in each process and each build of the same source. Dependencies that read their own types
//! in another way change it, which costs one load of each entry.

mod ask;
mod dummies;
mod enums;
mod parts;
mod refused;
mod trace;

use std::any::{TypeId, type_name};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{PoisonError, RwLock};

use serde::de::DeserializeOwned;

use self::trace::Trace;

static KNOWN: RwLock<BTreeMap<(TypeId, bool), Shape>> = RwLock::new(BTreeMap::new());

/// What is known of a type.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) fingerprint: u64,
    /// Some part of it takes whatever there is (`deserialize_any`): only a codec with names has that.
    pub(super) is_read_by_guess: bool,
}

/// The shape of the type as a codec of this kind reads it: many types have another form where people read it.
/// Found once in the life of a process, in a few milliseconds at the most.
pub(super) fn shape<T: DeserializeOwned + 'static>(is_human_readable: bool) -> Shape {
    let key = (TypeId::of::<T>(), is_human_readable);
    if let Some(known) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return *known;
    }
    // Not under the lock: what `T` does in its `Deserialize` is its own affair.
    let found = learn::<T>(is_human_readable);
    KNOWN.write().unwrap_or_else(PoisonError::into_inner).insert(key, found);
    found
}

fn learn<T: DeserializeOwned>(is_human_readable: bool) -> Shape {
    let mut trace = Trace::new(is_human_readable);
    while trace.begins_pass() {
        // A `Deserialize` that panics on a dummy ends the tracing, and not the call.
        let Ok(read) = catch_unwind(AssertUnwindSafe(|| T::deserialize(trace.ask()))) else { break };
        trace.end_pass(read.err());
    }
    Shape { fingerprint: trace.fingerprint(type_name::<T>()), is_read_by_guess: trace.is_guessing }
}

/// FNV-1a, 64 bits: the same everywhere, for ever.
#[derive(Clone, Copy)]
struct Hash(u64);

impl Hash {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self
    }

    fn number(self, number: u64) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    /// With its length, so that what follows is no part of it.
    fn text(self, text: &str) -> Self {
        self.number(text.len() as u64).bytes(text.as_bytes())
    }

    fn texts(self, texts: &[&str]) -> Self {
        texts.iter().fold(self.number(texts.len() as u64), |hash, text| hash.text(text))
    }
}

#[cfg(test)]
mod tests;
