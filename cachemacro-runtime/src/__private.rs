//! The one door of generated code. Nothing here is for people, and all of it may change in any release.

pub use inventory;

pub use crate::CacheError;
pub use crate::cache::{Cache, Current, current as cache};
pub use crate::call::{Again, CopyClone, CopyReference, ForEach, HoldForEach, HoldOnce, Lend, Lent, Once, Own};
pub use crate::call::{
    Background, CapturedValue, Look, Miss, OneKey, PendingRead, ReadStep, RowVersion, SentValue, Source, SourceRead,
    TaskLocal, TryHit, evaluate, find, find_current, find_one, find_one_current, read_background, read_inline,
    read_sync_background, read_sync_inline, source, try_hit,
};
pub use crate::callsite::{
    AbsentError, Argument, Bypass, CachedFn, Callsite, CallsiteInfo, Commit, EventUse, Instance, InvalidatesFn,
    LookedAt, OnError, RegisteredEvent, Role, TaskLocalUse, Writer, WriterInfo,
};
pub use crate::callsite::{Read, TypeCheck, Written, type_of, writing, writing_sync};
pub use crate::entry::{Absence, EntryKey};
pub use crate::event::{
    AggregateKey, Aggregates, Bind, CacheEvent, Described, EventInfo, EventKind, Fields, IntoVersion, Moves,
    ReadVersion, Shareable, SharedEvent, UnknownFields, Wire, WireJson, WireNothing, check_binding, check_carried,
    check_computed,
};
pub use crate::key::{CallPart, KeyPart, KeyWriter, Simple};
pub use crate::policy::{Computed, ComputedTtls, Mode, OnOutage, Policy, Refresh, check_ttls, interval};
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
