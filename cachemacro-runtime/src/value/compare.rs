//! How two values of a type are compared: by `PartialEq` or `Debug`, which are found by method lookup, as the shapes
//! are.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::entry::Object;

/// The ways to compare values of a type. None of them panics: a panic in a user's `PartialEq` or `Debug` is caught.
#[derive(Clone, Copy, Default)]
pub(crate) struct Comparison {
    pub(crate) eq: Option<Equal>,
    pub(crate) debug: Option<Show>,
}

impl Comparison {
    /// Whether values of the type can be compared by their encodings only.
    pub(crate) fn is_empty(&self) -> bool {
        self.eq.is_none() && self.debug.is_none()
    }
}

/// Whether two objects are equal; `None` if they have another type, or the comparison panics.
pub type Equal = fn(&Object, &Object) -> Option<bool>;
/// An object as text, on one line or on several.
pub type Show = fn(&Object, bool) -> Option<String>;

/// Carries a value type into method lookup.
pub struct Comparing<V>(PhantomData<fn() -> V>);

impl<V> Comparing<V> {
    pub(super) const NEW: Self = Self(PhantomData);
}

/// An `Arc` is kept as what it points to, or as it is (`FlattenArc`).
fn part<T: 'static>(object: &Object) -> Option<&T> {
    object.downcast_ref::<T>().or_else(|| object.downcast_ref::<Arc<T>>().map(|shared| &**shared))
}

fn eq<T: PartialEq + 'static>(one: &Object, other: &Object) -> Option<bool> {
    let (one, other) = (part::<T>(one)?, part::<T>(other)?);
    catch_unwind(AssertUnwindSafe(|| one == other)).ok()
}

fn show<T: Debug + 'static>(object: &Object, is_long: bool) -> Option<String> {
    let value = part::<T>(object)?;
    catch_unwind(AssertUnwindSafe(|| if is_long { format!("{value:#?}") } else { format!("{value:?}") })).ok()
}

/// A marker whose type says how values are compared for equality.
pub trait FindEqual {
    /// `None` if they are not.
    const EQUAL: Option<Equal>;
}

/// A marker whose type says how values are shown.
pub trait FindShow {
    /// `None` if they are not.
    const SHOW: Option<Show>;
}

/// By `PartialEq`.
pub struct ByEq<T>(PhantomData<fn() -> T>);

impl<T: PartialEq + 'static> FindEqual for ByEq<T> {
    const EQUAL: Option<Equal> = Some(eq::<T>);
}

/// By `Debug`.
pub struct ByDebug<T>(PhantomData<fn() -> T>);

impl<T: Debug + 'static> FindShow for ByDebug<T> {
    const SHOW: Option<Show> = Some(show::<T>);
}

/// Not at all.
pub struct ByNothing;

impl FindEqual for ByNothing {
    const EQUAL: Option<Equal> = None;
}

impl FindShow for ByNothing {
    const SHOW: Option<Show> = None;
}

macro_rules! levels {
    ($($(#[$doc:meta])* $level:ident<$param:ident $(: $bound:ident)?> $method:ident of $receiver:ty => $found:ty { $value:expr },)*) => {$(
        $(#[$doc])*
        pub trait $level {
            /// How.
            type Found;
            /// Finds it.
            fn $method(&self) -> Self::Found;
        }
        impl<$param $(: $bound + 'static)?> $level for $receiver {
            type Found = $found;
            #[inline]
            fn $method(&self) -> $found {
                $value
            }
        }
    )*};
}

levels! {
    /// What an `Arc` points to is `PartialEq`.
    EqOfArc<T: PartialEq> eq of &&Comparing<Arc<T>> => ByEq<T> { ByEq(PhantomData) },
    /// The type is `PartialEq`.
    EqOfValue<T: PartialEq> eq of &Comparing<T> => ByEq<T> { ByEq(PhantomData) },
    /// Neither.
    EqOfNothing<T> eq of Comparing<T> => ByNothing { ByNothing },
    /// What an `Arc` points to is `Debug`.
    ShowOfArc<T: Debug> show of &&Comparing<Arc<T>> => ByDebug<T> { ByDebug(PhantomData) },
    /// The type is `Debug`.
    ShowOfValue<T: Debug> show of &Comparing<T> => ByDebug<T> { ByDebug(PhantomData) },
    /// Neither.
    ShowOfNothing<T> show of Comparing<T> => ByNothing { ByNothing },
}
