//! What the types in an annotation must be. The compiler's errors name these traits; each is implemented for all types that fit, and
//! is not for implementing.
//!
//! | trait | of |
//! |---|---|
//! | [`Own`] | arguments and `self` of a cached function with `refresh = background`: they are cloned for the refresh |
//! | [`Background`], which is a type | what such a refresh owns, and the body: `Send + 'static` |
//! | [`ForEach`], [`Once`] and [`Lend`], which are types | arguments of a load: a clone for each load, the argument itself for the only one, and a `&mut`. The error about one that is not `Send` names them |
//! | [`Again`] | arguments that both the body and an expression of the annotation use, such as `not_found` or an event |
//! | [`RowVersion`] | what the closure of `version_from` returns |
//! | [`TaskLocal`], [`CapturedValue`] and [`SentValue`] | what `context(…)` names, and the values of these: `Clone`, and `Send` where a refresh runs in the background |
//! | [`IntoTtl`] | computed TTLs: what an expression or a closure of `hard_ttl`, `soft_ttl` and `negative_ttl` returns |
//! | [`LoadOutcome`], which is a type | the closures of `not_found`, `cache_if` and `weight`: their parameter is a reference to the error or to the value |
//! | [`Handle`] | what `cache = …` names |
//! | [`Read`], [`Written`] | types with the name of a transaction: `Clone`, as a row is |
//! | [`Defers`] | what `defer = …` names |
//! | [`CarriesFailure`] | the return type of a writer with `on_error = fail` |
//! | [`SharesError`] | the error of a function with `share_error` |
//! | [`Shareable`] | events: they are cloned for their subscribers |
//!
//! The bounds of values are [`SharedValue`](crate::SharedValue) and [`LocalValue`](crate::LocalValue), that of parts of a key is
//! [`KeyPart`](crate::KeyPart), that of versions [`IntoVersion`](crate::IntoVersion).

pub use crate::__private::{Again, Handle, Own};
pub use crate::call::{Background, CapturedValue, ForEach, Lend, Once, RowVersion, SentValue, TaskLocal};
pub use crate::callsite::{Read, Written};
pub use crate::event::Shareable;
pub use crate::publish::Defers;
pub use crate::value::{CarriesFailure, IntoTtl, LoadOutcome, SharesError};
