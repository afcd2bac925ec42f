//! The return values of cached functions: their shape, the value in them, and how that value is stored.

mod carry;
mod checks;
mod compare;
mod into_ttl;
mod load_outcome;
mod refusal;
mod shape;
mod store_form;

pub(crate) use carry::Carried;
pub(crate) use checks::Checks;
pub use compare::{ByDebug, ByEq, ByNothing, Comparing, Equal, FindEqual, FindShow, Show};
pub use compare::{EqOfArc, EqOfNothing, EqOfValue, ShowOfArc, ShowOfNothing, ShowOfValue};
pub use into_ttl::IntoTtl;
pub use load_outcome::{LoadOutcome, Outcome, SharesError, absent, absent_or, classify, close, succeeded};
pub(crate) use load_outcome::{SharedError, plain_absence, set_version};
pub use refusal::{
    ByClone, ByFrom, ByIo, ByNone, CarriesCacheError, CarriesFailure, CarriesNothing, CarriesThroughIo, Carry,
    ErrorAdapter, ErrorShare, Errors, FindRefusal, FindShare, Refusal, RefusalFallback, RefusalFrom, RefusalFromIo,
    ShareError, ShareFallback, errors,
};
pub use shape::{OfOption, OfResult, OfResultOption, OfValue, Opened, Probe, Shape, ShapeTypes};
pub use shape::{ShapeOption, ShapePlain, ShapeResult, ShapeResultOption, value_type_of};
pub(crate) use store_form::ValueOps;
pub use store_form::value_of;
pub use store_form::{Flatten, FlattenArc, FlattenLocalArc, FlattenNothing};
pub use store_form::{LocalValue, Operations, SharedValue, Values};
