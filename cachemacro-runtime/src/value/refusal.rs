//! How a return type can carry the cache's own error, and whether its error can be shared between callers.

use std::io;

use super::shape::Probe;
use crate::entry::Object;
use crate::error::CacheError;

/// Builds the return value with a [`CacheError`]; `None` if the return type cannot carry one.
pub type Refusal<R> = Option<fn(CacheError) -> R>;

/// The error type is `From<CacheError>`.
pub trait RefusalFrom<R> {
    /// The conversion.
    fn refusal(&self) -> Refusal<R>;
}

impl<T, E: From<CacheError>> RefusalFrom<Result<T, E>> for &&Probe<Result<T, E>> {
    fn refusal(&self) -> Refusal<Result<T, E>> {
        Some(|error| Err(E::from(error)))
    }
}

/// The error type is `From<io::Error>`, as `sqlx::Error` is.
pub trait RefusalFromIo<R> {
    /// The conversion.
    fn refusal(&self) -> Refusal<R>;
}

impl<T, E: From<io::Error>> RefusalFromIo<Result<T, E>> for &Probe<Result<T, E>> {
    fn refusal(&self) -> Refusal<Result<T, E>> {
        Some(|error| Err(E::from(io::Error::from(error))))
    }
}

/// Everything else.
pub trait RefusalFallback<R> {
    /// None.
    fn refusal(&self) -> Refusal<R>;
}

impl<R> RefusalFallback<R> for Probe<R> {
    fn refusal(&self) -> Refusal<R> {
        None
    }
}

/// How the error of one caller is shared with all waiters. The error must be `Clone + Send + Sync`.
pub struct ErrorShare<R> {
    pub(crate) pack: fn(&R) -> Option<Object>,
    pub(crate) unpack: fn(&Object) -> Option<R>,
}

impl<R> Clone for ErrorShare<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for ErrorShare<R> {}

/// The error type can be shared.
pub trait ShareError<R> {
    /// How.
    fn share(&self) -> Option<ErrorShare<R>>;
}

impl<T, E: Clone + Send + Sync + 'static> ShareError<Result<T, E>> for &Probe<Result<T, E>> {
    fn share(&self) -> Option<ErrorShare<Result<T, E>>> {
        Some(ErrorShare {
            pack: |returned| returned.as_ref().err().map(|error| std::sync::Arc::new(error.clone()) as Object),
            unpack: |object| object.downcast_ref::<E>().map(|error| Err(error.clone())),
        })
    }
}

/// The error type cannot be shared, or there is none.
pub trait ShareFallback<R> {
    /// None.
    fn share(&self) -> Option<ErrorShare<R>>;
}

impl<R> ShareFallback<R> for Probe<R> {
    fn share(&self) -> Option<ErrorShare<R>> {
        None
    }
}

/// Both properties of a return type, found by [`error_adapter!`](crate::__private::error_adapter).
pub struct ErrorAdapter<R> {
    /// How it carries the cache's own error.
    pub refusal: Refusal<R>,
    /// How its error is shared.
    pub share: Option<ErrorShare<R>>,
}

impl<R> Clone for ErrorAdapter<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for ErrorAdapter<R> {}

/// A return type that can report a failed invalidation, for `on_error = fail`: through its error's `From<CacheError>`.
pub trait CarriesCacheError<R> {
    /// The return value that reports the failure.
    fn carry(&self, error: CacheError) -> R;
}

impl<T, E: From<CacheError>> CarriesCacheError<Result<T, E>> for &&Probe<Result<T, E>> {
    fn carry(&self, error: CacheError) -> Result<T, E> {
        Err(E::from(error))
    }
}

/// As [`CarriesCacheError`], through `From<io::Error>`.
pub trait CarriesThroughIo<R> {
    /// The return value that reports the failure.
    fn carry(&self, error: CacheError) -> R;
}

impl<T, E: From<io::Error>> CarriesThroughIo<Result<T, E>> for &Probe<Result<T, E>> {
    fn carry(&self, error: CacheError) -> Result<T, E> {
        Err(E::from(io::Error::from(error)))
    }
}

/// Everything else, which is a compile error.
pub trait CarriesNothing<R> {
    /// Does not compile.
    fn carry(&self, error: CacheError) -> R
    where
        R: CarriesFailure;
}

impl<R> CarriesNothing<R> for Probe<R> {
    fn carry(&self, _: CacheError) -> R
    where
        R: CarriesFailure,
    {
        R::never()
    }
}

/// No type implements it: it exists for its error message.
#[diagnostic::on_unimplemented(
    message = "`on_error = fail` has no way to tell the caller: `{Self}` cannot carry the failure",
    label = "cannot carry a `CacheError`",
    note = "return a `Result` whose error is `From<cachemacro::CacheError>` or `From<std::io::Error>`, or use `on_error = suspect`"
)]
pub trait CarriesFailure: Sized {
    #[doc(hidden)]
    fn never() -> Self;
}
