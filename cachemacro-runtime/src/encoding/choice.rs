//! The choice of a codec for a type.
//!
//! First comes the configured codec. MessagePack is second, for values that need a codec with names. It is used at once
//! if a type is read by guess (`deserialize_any`), or if the first codec has failed for the type before.

use std::any::TypeId;
use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

use serde::de::DeserializeOwned;

use super::schema;
use crate::encoding::{Codec, Encoding};

/// Types for which a codec without names has failed in this process.
static NAMED: RwLock<BTreeSet<TypeId>> = RwLock::new(BTreeSet::new());

/// The encodings to try for a type, in this order.
pub(crate) fn choices<T: DeserializeOwned + 'static>(given: Encoding) -> (Option<Encoding>, Option<Encoding>) {
    let named = Encoding { codec: Codec::MessagePack, ..given };
    if given.codec == Codec::MessagePack {
        return (Some(named), None);
    }
    let is_hopeless = || schema::shape::<T>(false).is_read_by_guess || is_named(TypeId::of::<T>());
    if given.codec.has_no_names() && is_hopeless() { (Some(named), None) } else { (Some(given), Some(named)) }
}

fn is_named(value: TypeId) -> bool {
    NAMED.read().unwrap_or_else(PoisonError::into_inner).contains(&value)
}

/// From now on values of this type are written with names.
pub(crate) fn needs_names<T: 'static>() {
    name(TypeId::of::<T>());
}

fn name(value: TypeId) {
    if !is_named(value) {
        NAMED.write().unwrap_or_else(PoisonError::into_inner).insert(value);
    }
}
