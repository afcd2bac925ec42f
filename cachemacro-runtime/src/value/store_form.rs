//! The bounds on cached values, and their conversion to bytes and back.

use std::any::type_name;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use super::compare::{Comparing, Comparison, FindEqual, FindShow};
use super::shape::Shape;
use crate::encoding::{self, Encoding, Written};
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
    const OPERATIONS: Operations<Self>;

    #[doc(hidden)]
    #[inline]
    fn shared(_: Comparing<Self>) -> Values<Self> {
        Values::new(const { &Self::OPERATIONS })
    }
}

#[diagnostic::do_not_recommend]
impl<T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> SharedValue for T {
    const OPERATIONS: Operations<T> = Operations::in_place(Some(&ValueCodec::of::<T>()));
}

/// A value that can be kept in this process.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be cached",
    label = "not `Clone + Send + Sync + 'static`",
    note = "every hit hands out a clone: derive `Clone`, or return `Arc<{Self}>`"
)]
pub trait LocalValue: Sized {
    #[doc(hidden)]
    const OPERATIONS: Operations<Self>;

    #[doc(hidden)]
    #[inline]
    fn local(_: Comparing<Self>) -> Values<Self> {
        Values::new(const { &Self::OPERATIONS })
    }
}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> LocalValue for T {
    const OPERATIONS: Operations<T> = Operations::in_place(None);
}

/// Proves that values of this type can be kept, and knows how. With it the rest of the runtime needs no bounds, so a
/// type that cannot be kept gives one compile error and not five.
pub struct Values<V: 'static> {
    operations: &'static Operations<V>,
    comparison: &'static Comparison,
}

impl<V> Clone for Values<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Values<V> {}

impl<V> Deref for Values<V> {
    type Target = Operations<V>;

    #[inline]
    fn deref(&self) -> &Operations<V> {
        self.operations
    }
}

/// The operations on values of a type.
pub struct Operations<V> {
    pub(crate) clone: fn(&V) -> V,
    /// The value in an object: itself where this is the only reference, else a clone. `None` for another type.
    pub(crate) own: fn(Object) -> Option<V>,
    pub(crate) share: fn(Arc<V>) -> Object,
    pub(crate) ops: ValueOps,
}

impl<T: Clone + Send + Sync + 'static> Operations<T> {
    const fn in_place(codec: Option<&'static ValueCodec>) -> Self {
        Self { clone: T::clone, own, share: |value| value, ops: ValueOps::of::<T>(codec) }
    }
}

impl<T: Send + Sync + 'static> Operations<Arc<T>> {
    const fn by_reference(codec: Option<&'static ValueCodec>) -> Self {
        let own = |object: Object| object.downcast().ok();
        Self { clone: Arc::clone, own, share: |value| Arc::clone(&*value) as Object, ops: ValueOps::of::<T>(codec) }
    }
}

impl<V> Values<V> {
    #[inline]
    const fn new(operations: &'static Operations<V>) -> Self {
        Self { operations, comparison: &Comparison { eq: None, debug: None } }
    }

    /// What the engine needs of them.
    pub(crate) fn ops(&self) -> ValueOps {
        ValueOps { comparison: *self.comparison, ..self.operations.ops }
    }

    /// Carries the type into method lookup.
    #[inline]
    #[must_use]
    pub fn comparing(&self) -> Comparing<V> {
        Comparing::NEW
    }

    /// Adds the ways to compare values of the type.
    #[inline]
    #[must_use]
    pub fn compared<E: FindEqual, D: FindShow>(self, _: E, _: D) -> Self {
        Self { comparison: const { &Comparison { eq: E::EQUAL, debug: D::SHOW } }, ..self }
    }
}

/// Carries [`Values`] into method lookup, as [`Probe`](super::shape::Probe) carries a return type.
pub struct Flatten<V: 'static>(pub Values<V>);

/// An `Arc<T>` is kept as what it points to: a hit hands out the very reference that the store has. In a function whose
/// value is a type parameter this cannot be seen, and an `Arc` is kept as any other value.
pub trait FlattenArc<V> {
    /// How.
    fn flatten(&self) -> Values<V>;
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> FlattenArc<Arc<T>> for &&Flatten<Arc<T>> {
    #[inline]
    fn flatten(&self) -> Values<Arc<T>> {
        match self.0.operations.ops.codec {
            Some(_) => Values::new(const { &Operations::by_reference(Some(const { &ValueCodec::of::<T>() })) }),
            None => Values::new(const { &Operations::by_reference(None) }),
        }
    }
}

/// As [`FlattenArc`], for values that cannot leave this process.
pub trait FlattenLocalArc<V> {
    /// How.
    fn flatten(&self) -> Values<V>;
}

impl<T: Send + Sync + 'static> FlattenLocalArc<Arc<T>> for &Flatten<Arc<T>> {
    #[inline]
    fn flatten(&self) -> Values<Arc<T>> {
        Values::new(const { &Operations::by_reference(None) })
    }
}

/// Everything else.
pub trait FlattenNothing<V> {
    /// The value unchanged.
    fn flatten(&self) -> Values<V>;
}

impl<V> FlattenNothing<V> for Flatten<V> {
    #[inline]
    fn flatten(&self) -> Values<V> {
        self.0
    }
}

/// The operations on a value type for the engine, which is not generic over it.
#[derive(Clone, Copy)]
pub(crate) struct ValueOps {
    pub(crate) size: usize,
    pub(crate) codec: Option<&'static ValueCodec>,
    pub(crate) comparison: Comparison,
}

/// Encodes, decodes, and measures values.
pub(crate) struct ValueCodec {
    pub(crate) name: fn() -> &'static str,
    /// The encodings to try for a value, if this one is configured.
    pub(crate) choices: fn(Encoding) -> (Option<Encoding>, Option<Encoding>),
    /// Records that the first of them cannot encode the type.
    pub(crate) needs_names: fn(),
    pub(crate) encode: fn(&Object, Encoding) -> Option<Written>,
    pub(crate) decode: fn(&[u8]) -> Option<Object>,
    /// Decodes also bytes that this type would encode differently.
    pub(crate) decode_any: fn(&[u8]) -> Option<Object>,
    pub(crate) weigh: fn(&Object) -> usize,
}

impl ValueOps {
    const fn of<T>(codec: Option<&'static ValueCodec>) -> Self {
        Self { size: size_of::<T>(), codec, comparison: Comparison { eq: None, debug: None } }
    }
}

impl ValueCodec {
    const fn of<T: Serialize + DeserializeOwned + Send + Sync + 'static>() -> Self {
        Self {
            name: type_name::<T>,
            choices: encoding::choices::<T>,
            needs_names: encoding::needs_names::<T>,
            encode: encode::<T>,
            decode: decode::<T>,
            decode_any: decode_any::<T>,
            weigh: weigh::<T>,
        }
    }
}

/// A `Serialize` that panics counts as one that cannot encode the value.
fn encode<T: Serialize + DeserializeOwned + 'static>(object: &Object, encoding: Encoding) -> Option<Written> {
    let value = object.downcast_ref::<T>()?;
    catch_unwind(AssertUnwindSafe(|| encoding::encode(value, encoding))).ok()?
}

fn decode<T: Serialize + DeserializeOwned + Send + Sync + 'static>(bytes: &[u8]) -> Option<Object> {
    read(|| encoding::decode_own::<T>(bytes))
}

fn decode_any<T: DeserializeOwned + Send + Sync + 'static>(bytes: &[u8]) -> Option<Object> {
    read(|| encoding::decode::<T>(bytes))
}

/// A `Deserialize` that panics on stored bytes counts as one that cannot decode them, which is a miss (R18).
fn read<T: Send + Sync + 'static>(decode: impl FnOnce() -> Option<T>) -> Option<Object> {
    let value = catch_unwind(AssertUnwindSafe(decode)).ok()??;
    Some(Arc::new(value))
}

fn own<T: Clone + Send + Sync + 'static>(object: Object) -> Option<T> {
    let value = object.downcast::<T>().ok()?;
    // In most cases a store holds a reference too: reading the count is cheaper than trying to unwrap.
    Some(if Arc::strong_count(&value) == 1 { Arc::unwrap_or_clone(value) } else { T::clone(&value) })
}

fn weigh<T: Serialize + 'static>(object: &Object) -> usize {
    let size = || object.downcast_ref::<T>().and_then(encoding::size);
    catch_unwind(AssertUnwindSafe(size)).ok().flatten().unwrap_or(0)
}

impl ValueOps {
    /// The value that these bytes encode.
    pub(crate) fn decode(&self, bytes: &[u8]) -> Option<Object> {
        self.codec.and_then(|codec| (codec.decode)(bytes))
    }

    /// The weight of a value in bytes: the size of its type, plus the size of its encoding as an estimate of its heap.
    pub(crate) fn weigh(&self, object: &Object) -> usize {
        self.size + self.codec.map_or(0, |codec| (codec.weigh)(object))
    }
}

/// Carries the value's type of a shape to [`SharedValue::shared`] and [`LocalValue::local`], which refuse it at compile time where it
/// cannot be kept.
#[inline]
pub fn value_of<S: Shape>(_: S) -> Comparing<S::Value> {
    Comparing::NEW
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
    fn an_arc_is_kept_as_what_it_points_to() {
        let value = Arc::new(7_u32);
        let values = crate::__private::flatten!(Values::new(const { &<Arc<u32> as LocalValue>::OPERATIONS }));
        let object = (values.share)(Arc::new(Arc::clone(&value)));
        assert!(object.downcast_ref::<u32>().is_some(), "no Arc around the Arc");
        assert!((values.own)(object).is_some_and(|own| Arc::ptr_eq(&own, &value)));
        let opaque = Arc::new(std::sync::Mutex::new(()));
        let values =
            crate::__private::flatten!(Values::new(const { &<Arc<std::sync::Mutex<()>> as LocalValue>::OPERATIONS }));
        assert!((values.own)(opaque as Object).is_some(), "what cannot be encoded is flat as well");
    }

    #[test]
    fn what_is_no_arc_is_kept_as_it_is() {
        let values = crate::__private::flatten!(Values::new(const { &<String as SharedValue>::OPERATIONS }));
        let object = (values.share)(Arc::new("a".to_owned()));
        assert_eq!((values.own)(Arc::clone(&object)).as_deref(), Some("a"));
        assert_eq!((values.own)(object).as_deref(), Some("a"), "and is given away where it is the only reference");
    }

    #[test]
    fn r18_a_deserialize_that_panics_is_a_miss() {
        let written =
            |number| encode::<Even>(&(Arc::new(Even(number)) as Object), Encoding::default()).expect("encodes");
        assert!(decode::<Even>(&written(2).bytes).is_some());
        assert!(decode::<Even>(&written(3).bytes).is_none());
    }
}
