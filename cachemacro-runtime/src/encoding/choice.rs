//! Which codec carries a type.
//!
//! The one that the cache was given comes first. MessagePack comes after it, for what only a codec with names carries; and
//! at once where a type reads itself by guess (`deserialize_any`), or where the first one has failed before.

use std::any::TypeId;
use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

use serde::de::DeserializeOwned;

use super::schema;
use crate::encoding::{Codec, Encoding};

/// Types that a codec without names has failed in this process.
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
    if !is_named(TypeId::of::<T>()) {
        NAMED.write().unwrap_or_else(PoisonError::into_inner).insert(TypeId::of::<T>());
    }
}
