#![doc = include_str!("../../README.md")]

pub use cachemacro_macros::{CacheEvent, KeyPart, cached, invalidates};
#[doc(hidden)]
pub use cachemacro_runtime::__private;
pub use cachemacro_runtime::*;
