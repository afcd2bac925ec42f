//! How a return type can carry the cache's own error, and whether its error can be shared between callers.

use std::io;
use std::marker::PhantomData;
use std::ops::Deref;

use super::shape::Probe;
use crate::entry::Object;
use crate::error::CacheError;

/// Builds the return value with a [`CacheError`]; `None` if the return type cannot carry one.
pub type Refusal<R> = Option<fn(CacheError) -> R>;

/// A marker whose type says how a return type carries a [`CacheError`].
pub trait FindRefusal {
    /// The return type.
    type Return: 'static;
    #[doc(hidden)]
    const REFUSAL: Refusal<Self::Return>;
}

/// A marker whose type says how the error of a return type is shared.
pub trait FindShare {
    /// The return type.
    type Return: 'static;
    #[doc(hidden)]
    const SHARE: Option<ErrorShare<Self::Return>>;
}

/// Through `From<CacheError>`.
pub struct ByFrom<T, E>(PhantomData<fn() -> (T, E)>);

impl<T: 'static, E: From<CacheError> + 'static> FindRefusal for ByFrom<T, E> {
    type Return = Result<T, E>;
    const REFUSAL: Refusal<Result<T, E>> = Some(|error| Err(E::from(error)));
}

/// Through `From<io::Error>`, which `sqlx::Error` has.
pub struct ByIo<T, E>(PhantomData<fn() -> (T, E)>);

impl<T: 'static, E: From<io::Error> + 'static> FindRefusal for ByIo<T, E> {
    type Return = Result<T, E>;
    const REFUSAL: Refusal<Result<T, E>> = Some(|error| Err(E::from(io::Error::from(error))));
}

/// By its clone.
pub struct ByClone<T, E>(PhantomData<fn() -> (T, E)>);

impl<T: 'static, E: Clone + Send + Sync + 'static> FindShare for ByClone<T, E> {
    type Return = Result<T, E>;
    const SHARE: Option<ErrorShare<Result<T, E>>> = Some(ErrorShare {
        pack: |returned| returned.as_ref().err().map(|error| std::sync::Arc::new(error.clone()) as Object),
        unpack: |object| object.downcast_ref::<E>().map(|error| Err(error.clone())),
    });
}

/// Not at all.
pub struct ByNone<R>(PhantomData<fn() -> R>);

impl<R: 'static> FindRefusal for ByNone<R> {
    type Return = R;
    const REFUSAL: Refusal<R> = None;
}

impl<R: 'static> FindShare for ByNone<R> {
    type Return = R;
    const SHARE: Option<ErrorShare<R>> = None;
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

macro_rules! levels {
    ($($(#[$doc:meta])* $level:ident<$($param:ident $(: $($bound:path),+)?);*> $method:ident of $receiver:ty => $found:ty { $value:expr },)*) => {$(
        $(#[$doc])*
        pub trait $level {
            /// How.
            type Found;
            /// Finds it.
            fn $method(&self) -> Self::Found;
        }
        impl<$($param $(: $($bound +)+)?),*> $level for $receiver {
            type Found = $found;
            #[inline]
            fn $method(&self) -> $found {
                $value
            }
        }
    )*};
}

levels! {
    /// The error type is `From<CacheError>`.
    RefusalFrom<T; E: From<CacheError>> refusal of &&Probe<Result<T, E>> => ByFrom<T, E> { ByFrom(PhantomData) },
    /// The error type is `From<io::Error>`.
    RefusalFromIo<T; E: From<io::Error>> refusal of &Probe<Result<T, E>> => ByIo<T, E> { ByIo(PhantomData) },
    /// Everything else.
    RefusalFallback<R> refusal of Probe<R> => ByNone<R> { ByNone(PhantomData) },
    /// The error type can be shared.
    ShareError<T; E: Clone, Send, Sync> share of &Probe<Result<T, E>> => ByClone<T, E> { ByClone(PhantomData) },
    /// The error type cannot be shared, or there is none.
    ShareFallback<R> share of Probe<R> => ByNone<R> { ByNone(PhantomData) },
}

/// Both properties of a return type, found by [`error_adapter!`](crate::__private::error_adapter).
pub struct ErrorAdapter<R: 'static>(&'static Errors<R>);

/// What an [`ErrorAdapter`] refers to.
pub struct Errors<R> {
    /// How the return type carries the cache's own error.
    pub(crate) refusal: Refusal<R>,
    /// How its error is shared.
    pub(crate) share: Option<ErrorShare<R>>,
}

impl<R> Clone for ErrorAdapter<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for ErrorAdapter<R> {}

impl<R> Deref for ErrorAdapter<R> {
    type Target = Errors<R>;

    fn deref(&self) -> &Errors<R> {
        self.0
    }
}

/// Both, as a constant.
#[inline]
pub fn errors<A: FindRefusal, B: FindShare<Return = A::Return>>(_: A, _: B) -> ErrorAdapter<A::Return> {
    ErrorAdapter(const { &Errors { refusal: A::REFUSAL, share: B::SHARE } })
}

/// A return value that reports a failed invalidation, for `on_error = fail`; none where the type cannot.
pub struct Carry<R, const IS_CARRIED: bool>(Option<R>);

/// A return type that can report a failed invalidation: through its error's `From<CacheError>`.
pub trait CarriesCacheError<R> {
    /// The return value that reports the failure.
    fn carry(&self, error: CacheError) -> Carry<R, true>;
}

impl<T, E: From<CacheError>> CarriesCacheError<Result<T, E>> for &&Probe<Result<T, E>> {
    fn carry(&self, error: CacheError) -> Carry<Result<T, E>, true> {
        Carry(Some(Err(E::from(error))))
    }
}

/// As [`CarriesCacheError`], through `From<io::Error>`.
pub trait CarriesThroughIo<R> {
    /// The return value that reports the failure.
    fn carry(&self, error: CacheError) -> Carry<R, true>;
}

impl<T, E: From<io::Error>> CarriesThroughIo<Result<T, E>> for &Probe<Result<T, E>> {
    fn carry(&self, error: CacheError) -> Carry<Result<T, E>, true> {
        Carry(Some(Err(E::from(io::Error::from(error)))))
    }
}

/// Everything else, which [`CarriesFailure`] refuses.
pub trait CarriesNothing<R> {
    /// No return value.
    fn carry(&self, error: CacheError) -> Carry<R, false>;
}

impl<R> CarriesNothing<R> for Probe<R> {
    fn carry(&self, _: CacheError) -> Carry<R, false> {
        Carry(None)
    }
}

/// A return type of a writer with `on_error = fail`: it can tell the caller that the events were not published.
#[diagnostic::on_unimplemented(
    message = "`on_error = fail` has no way to tell the caller: `{Self}` cannot carry the failure",
    label = "cannot carry a `CacheError`",
    note = "return a `Result` whose error is `From<cachemacro::CacheError>` or `From<std::io::Error>`, or use `on_error = suspect`"
)]
pub trait CarriesFailure<const IS_CARRIED: bool>: Sized {
    #[doc(hidden)]
    fn finish(carry: Carry<Self, IS_CARRIED>) -> Self;
}

#[diagnostic::do_not_recommend]
impl<R> CarriesFailure<true> for R {
    fn finish(Carry(returned): Carry<R, true>) -> R {
        returned.expect("both ways make one")
    }
}
