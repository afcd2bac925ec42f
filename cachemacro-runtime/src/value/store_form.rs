//! What a value must be to be kept, and how a store turns it into bytes and back.

use std::any::TypeId;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use super::shape::Shape;
use crate::codec::{self, Encoding};
use crate::entry::Object;

/// A value that can be kept in any store, in or out of the process.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in a shared cache",
    label = "not `Clone + Serialize + DeserializeOwned + Send + Sync + 'static`",
    note = "derive them: `#[derive(Clone, serde::Serialize, serde::Deserialize)]`",
    note = "or keep the value inside this process, where it needs neither: add `local` to `#[cached(…)]`"
)]
pub trait SharedValue: Sized {
    #[doc(hidden)]
    fn values() -> Values<Self>;
}

#[diagnostic::do_not_recommend]
impl<T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> SharedValue for T {
    #[inline]
    fn values() -> Values<T> {
        let codec = ValueCodec { encode: encode::<T>, decode: decode::<T>, weigh: weigh::<T> };
        Values {
            clone: T::clone,
            own,
            share: |value| value,
            ops: ValueOps { value: TypeId::of::<T>(), size: size_of::<T>(), codec: Some(codec) },
        }
    }
}

/// A value that can be kept in this process.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cached",
    label = "not `Clone + Send + Sync + 'static`",
    note = "every hit hands out a clone: derive `Clone`, or return `Arc<{Self}>`"
)]
pub trait LocalValue: Sized {
    #[doc(hidden)]
    fn values() -> Values<Self>;
}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> LocalValue for T {
    #[inline]
    fn values() -> Values<T> {
        Values {
            clone: T::clone,
            own,
            share: |value| value,
            ops: ValueOps { value: TypeId::of::<T>(), size: size_of::<T>(), codec: None },
        }
    }
}

/// Proof that values of this type can be kept, and how. With it the rest of the runtime needs no bound, so that a type
/// that cannot be kept is one error and not five.
pub struct Values<V> {
    pub(crate) clone: fn(&V) -> V,
    /// The value in an object: itself where nobody else has it, else a clone. Nothing where it is of another type.
    pub(crate) own: fn(Object) -> Option<V>,
    pub(crate) share: fn(Arc<V>) -> Object,
    pub(crate) ops: ValueOps,
}

impl<V> Clone for Values<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Values<V> {}

/// What the engine knows of a value type without its name in its own code.
#[derive(Clone, Copy)]
pub(crate) struct ValueOps {
    pub(crate) value: TypeId,
    pub(crate) size: usize,
    pub(crate) codec: Option<ValueCodec>,
}

/// To bytes, from bytes, and how many.
#[derive(Clone, Copy)]
pub(crate) struct ValueCodec {
    pub(crate) encode: fn(&Object, Encoding) -> Option<Arc<[u8]>>,
    pub(crate) decode: fn(&[u8]) -> Option<Object>,
    pub(crate) weigh: fn(&Object) -> usize,
}

fn encode<T: Serialize + DeserializeOwned + 'static>(object: &Object, encoding: Encoding) -> Option<Arc<[u8]>> {
    codec::encode(object.downcast_ref::<T>()?, encoding).map(Into::into)
}

/// A `Deserialize` that panics on what it once wrote has no form for it: a miss, as any other bytes (R18).
fn decode<T: DeserializeOwned + Send + Sync + 'static>(bytes: &[u8]) -> Option<Object> {
    let value = catch_unwind(AssertUnwindSafe(|| codec::decode::<T>(bytes))).ok()??;
    Some(Arc::new(value))
}

fn own<T: Clone + Send + Sync + 'static>(object: Object) -> Option<T> {
    object.downcast().ok().map(Arc::unwrap_or_clone)
}

fn weigh<T: Serialize + 'static>(object: &Object) -> usize {
    object.downcast_ref::<T>().and_then(codec::size).unwrap_or(0)
}

impl ValueOps {
    /// What a value weighs in bytes: its own size, and as much heap as its encoding has bytes where it has one.
    pub(crate) fn weigh(&self, object: &Object) -> usize {
        self.size + self.codec.map_or(0, |codec| (codec.weigh)(object))
    }
}

/// Refuses, at compile time, values that a shared store cannot keep.
#[inline]
pub fn cacheable_shared<S: Shape>(_: S) -> Values<S::Value>
where
    S::Value: SharedValue,
{
    S::Value::values()
}

/// Refuses, at compile time, values that cannot be kept at all.
#[inline]
pub fn cacheable_local<S: Shape>(_: S) -> Values<S::Value>
where
    S::Value: LocalValue,
{
    S::Value::values()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Clone, Serialize)]
    struct Even(u8);

    impl<'de> Deserialize<'de> for Even {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            let number = u8::deserialize(from)?;
            assert!(number % 2 == 0, "odd numbers are not expected");
            Ok(Self(number))
        }
    }

    #[test]
    fn r18_a_deserialize_that_panics_is_a_miss() {
        let bytes = |number| encode::<Even>(&(Arc::new(Even(number)) as Object), Encoding::default()).expect("encodes");
        assert!(decode::<Even>(&bytes(2)).is_some());
        assert!(decode::<Even>(&bytes(3)).is_none());
    }
}
