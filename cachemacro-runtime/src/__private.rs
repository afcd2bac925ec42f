//! The one door of generated code. Nothing here is for people, and all of it may change in any release.

use std::borrow::Borrow;
use std::sync::{Mutex, PoisonError};

pub use inventory;

pub use crate::CacheError;
pub use crate::cache::{Cache, Current, current as cache};
pub use crate::call::{
    Background, Look, Miss, OneKey, PendingRead, ReadStep, RowVersion, Source, SourceRead, TryHit, evaluate, find,
    find_current, find_one, find_one_current, read_background, read_inline, read_sync_background, read_sync_inline,
    source, try_hit,
};
pub use crate::callsite::{
    AbsentError, Argument, Bypass, CachedFn, Callsite, CallsiteInfo, Commit, EventUse, Instance, InvalidatesFn,
    LookedAt, OnError, RegisteredEvent, Role, Writer, WriterInfo,
};
pub use crate::callsite::{Read, TypeCheck, Written, type_of};
pub use crate::entry::{Absence, EntryKey};
pub use crate::event::{
    AggregateKey, Aggregates, Bind, CacheEvent, Described, EventInfo, EventKind, Fields, IntoVersion, Moves,
    ReadVersion, Shareable, SharedEvent, UnknownFields, Wire, WireJson, WireNothing, check_binding,
};
pub use crate::key::{CallPart, KeyPart, KeyWriter, Simple};
pub use crate::policy::{Mode, Policy, Refresh, check_ttls};
pub use crate::protocol::Move;
pub use crate::publish::{
    Batch, Defers, Unfinished, check_commit, publish, publish_quietly, publish_quietly_sync, publish_sync,
};
pub use crate::value::*;
pub use crate::{
    __cachemacro_compare as compare, __cachemacro_error_adapter as error_adapter, __cachemacro_flatten as flatten,
    __cachemacro_shape as shape, __cachemacro_value_type as value_type, __cachemacro_wire_event as wire_event,
};

/// What `cache = …` may name.
#[diagnostic::on_unimplemented(
    message = "`cache = …` must be a `cachemacro::Cache`, and this is `{Self}`",
    label = "no cache",
    note = "give a `Cache`, a reference or an `Arc` of one, or a type that is `AsRef<Cache>`: `cache = self.cache`"
)]
pub trait Handle {
    /// The cache.
    fn handle(&self) -> &Cache;
}

#[diagnostic::do_not_recommend]
impl<C: AsRef<Cache> + ?Sized> Handle for C {
    #[inline]
    fn handle(&self) -> &Cache {
        self.as_ref()
    }
}

/// The path of a closure, as the compiler writes it.
pub const fn path_of<F>(_: &F) -> fn() -> &'static str {
    std::any::type_name::<F>
}

/// The key of an entry with this text, and the function's name outside of this process: for `cachemacro-testing`.
#[must_use]
pub fn entry_key(instance: &'static Instance, text: &str) -> (EntryKey, &'static str) {
    (EntryKey::of(instance, text), &instance.name().text)
}

/// Renders the aggregates of one binding.
pub fn bind<K: AggregateKey>(out: &mut Aggregates, key: &K) {
    key.render(out);
}

/// Gives the output of an async body its type, in code that never runs.
pub fn never<R>() -> R {
    unreachable!("it stands behind `if false`")
}

/// What a background refresh keeps of a borrowed argument.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept for a background refresh",
    label = "not `Clone`",
    note = "derive `Clone` (a pool or an `Arc` inside makes that cheap), or let the first reader refresh: `refresh = inline`"
)]
pub trait Own<O> {
    /// A copy of its own.
    fn own(&self) -> O;

    /// As [`own`](Self::own), for an optional borrow.
    #[inline]
    fn own_option(value: &Option<&Self>) -> Option<O> {
        value.map(Self::own)
    }
}

#[diagnostic::do_not_recommend]
impl<T: ToOwned + ?Sized> Own<T::Owned> for T {
    fn own(&self) -> T::Owned {
        self.to_owned()
    }
}

/// The borrow of an optional owned argument.
pub fn borrow_option<T: ?Sized, O: Borrow<T>>(value: &Option<O>) -> Option<&T> {
    value.as_ref().map(Borrow::borrow)
}

/// An argument that a load may need more than once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be given to a load twice",
    label = "not `Clone`",
    note = "a load may have to be repeated, when a replica's row was too old: derive `Clone`, or take the argument by reference"
)]
pub trait Again: Sized {
    /// One more.
    fn again(&self) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Clone> Again for T {
    fn again(&self) -> Self {
        self.clone()
    }
}

/// A connection that a call is given: there is one load for it, which gets it as it is.
pub struct Once<T>(Mutex<Option<T>>);

impl<T> Once<T> {
    /// Keeps it for the load.
    pub const fn new(value: T) -> Self {
        Self(Mutex::new(Some(value)))
    }

    /// Hands it over.
    ///
    /// # Panics
    /// When it was handed over before. A call that is given a connection loads once ([`Miss::load_once`]).
    pub fn take(&self) -> T {
        let value = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        value.expect("a call that is given a connection loads once")
    }
}

/// A `&mut` argument, lent to one load after another.
pub struct Lend<'a, T: ?Sized>(Mutex<Option<&'a mut T>>);

impl<'a, T: ?Sized> Lend<'a, T> {
    /// Lends.
    pub fn new(value: &'a mut T) -> Self {
        Self(Mutex::new(Some(value)))
    }

    /// Borrows, until the guard is dropped.
    ///
    /// # Panics
    /// When it is borrowed already. The loads of one call follow one another, and a cancelled one has given it back.
    pub fn take(&self) -> Lent<'_, 'a, T> {
        let value = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Lent { lend: self, value: Some(value.expect("the loads of one call follow one another")) }
    }
}

/// A borrowed `&mut` argument.
pub struct Lent<'l, 'a, T: ?Sized> {
    lend: &'l Lend<'a, T>,
    value: Option<&'a mut T>,
}

impl<T: ?Sized> std::ops::Deref for Lent<'_, '_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.value.as_ref().expect("taken in drop only")
    }
}

impl<T: ?Sized> std::ops::DerefMut for Lent<'_, '_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value.as_mut().expect("taken in drop only")
    }
}

impl<T: ?Sized> Drop for Lent<'_, '_, T> {
    fn drop(&mut self) {
        *self.lend.0.lock().unwrap_or_else(PoisonError::into_inner) = self.value.take();
    }
}

/// The marker of a return type's shape.
#[doc(hidden)]
#[macro_export]
macro_rules! __cachemacro_shape {
    ($returned:ty) => {{
        #[allow(unused_imports)]
        use $crate::__private::{ShapeOption as _, ShapePlain as _, ShapeResult as _, ShapeResultOption as _};
        (&&&&$crate::__private::Probe::<$returned>::NEW).shape()
    }};
}

/// How values are kept, of a return type that names an `Arc`.
#[doc(hidden)]
#[macro_export]
macro_rules! __cachemacro_flatten {
    ($values:expr) => {{
        #[allow(unused_imports)]
        use $crate::__private::{FlattenArc as _, FlattenLocalArc as _, FlattenNothing as _};
        (&&&$crate::__private::Flatten($values)).flatten()
    }};
}

/// Adds how values are compared, of a type that is known here.
#[doc(hidden)]
#[macro_export]
macro_rules! __cachemacro_compare {
    ($values:expr) => {{
        #[allow(unused_imports)]
        use $crate::__private::{
            EqOfArc as _, EqOfNothing as _, EqOfValue as _, ShowOfArc as _, ShowOfNothing as _, ShowOfValue as _,
        };
        let __cachemacro_values = $values;
        let __cachemacro_type = __cachemacro_values.comparing();
        __cachemacro_values.compared((&&&__cachemacro_type).eq(), (&&&__cachemacro_type).show())
    }};
}

/// The value type's name in a return type.
#[doc(hidden)]
#[macro_export]
macro_rules! __cachemacro_value_type {
    ($returned:ty) => {
        || $crate::__private::value_type_of($crate::__cachemacro_shape!($returned))
    };
}

/// An event's JSON, where its type is `Serialize`.
#[doc(hidden)]
#[macro_export]
macro_rules! __cachemacro_wire_event {
    ($event:expr) => {{
        #[allow(unused_imports)]
        use $crate::__private::{WireJson as _, WireNothing as _};
        (&&$crate::__private::Wire($event)).json()
    }};
}

/// How a return type carries the cache's own error, and shares its own.
#[doc(hidden)]
#[macro_export]
macro_rules! __cachemacro_error_adapter {
    ($returned:ty) => {{
        #[allow(unused_imports)]
        use $crate::__private::{
            RefusalFallback as _, RefusalFrom as _, RefusalFromIo as _, ShareError as _, ShareFallback as _,
        };
        let __cachemacro_type = $crate::__private::Probe::<$returned>::NEW;
        $crate::__private::errors((&&&__cachemacro_type).refusal(), (&&__cachemacro_type).share())
    }};
}
