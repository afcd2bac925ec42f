//! The four return types that can be cached. They are recognized by type, not by spelling.
//!
//! Method lookup prefers the receiver with the most references. So `(&&&&Probe::<R>::NEW).shape()` finds the most
//! specific trait whose `impl` matches `R`, also if `R` is written as an alias.

use std::marker::PhantomData;

use crate::entry::Absence;

/// The parts of a return value.
pub enum Opened<S: Shape> {
    /// A value.
    Value(S::Value),
    /// An absence, and the return value that is one.
    Absent(Absence, S::Return),
    /// The loader's error, in the return value.
    Error(S::Return),
}

/// The types of a shape.
///
/// The compiler forgets the lifetimes in the types that a future holds, and checks that the future is `Send` for every lifetime.
/// So `S::Value` must be known without a condition such as `E: 'static`: with one, `Result<u64, Box<dyn Error + Send + Sync>>`
/// is "not general enough".
pub trait ShapeTypes {
    /// The cached value.
    type Value;
    /// What the function returns.
    type Return;
    /// The error that it may return; `()` if it returns none.
    type Error;
}

/// How a return type holds a value, an absence or an error.
pub trait Shape:
    ShapeTypes<Value: 'static, Return: 'static, Error: 'static> + Copy + Send + Sync + Unpin + 'static
{
    /// Splits a return value. `is_absence` decides which errors are absences.
    fn open(returned: Self::Return, is_absence: impl FnOnce(&Self::Error) -> bool) -> Opened<Self>;
    /// The return value that holds this value.
    fn close(value: Self::Value) -> Self::Return;
    /// The return value that is an absence, if the type has one.
    fn absent() -> Option<Self::Return>;
    /// The value in a return value.
    fn peek(returned: &Self::Return) -> Option<&Self::Value>;
    /// Whether the function succeeded: everything but `Err`.
    fn succeeded(returned: &Self::Return) -> bool;
    /// The return value that holds this error; only shapes with errors have one.
    fn fail(error: Self::Error) -> Option<Self::Return>;
    /// The error in a return value.
    fn error(returned: &Self::Return) -> Option<&Self::Error>;
}

/// Carries a return type into method lookup.
pub struct Probe<R>(PhantomData<fn() -> R>);

impl<R> Probe<R> {
    /// The probe.
    pub const NEW: Self = Self(PhantomData);

    /// The probe of a value's type.
    pub const fn of(_: &R) -> Self {
        Self::NEW
    }
}

macro_rules! shape {
    ($(#[$doc:meta])* $marker:ident<$($param:ident),*>, $level:ident, $receiver:ty, $value:ty, $error:ty, $return:ty) => {
        $(#[$doc])*
        pub struct $marker<$($param),*>(PhantomData<fn() -> ($($param,)*)>);
        impl<$($param),*> Clone for $marker<$($param),*> {
            fn clone(&self) -> Self {
                *self
            }
        }
        impl<$($param),*> Copy for $marker<$($param),*> {}
        impl<$($param),*> ShapeTypes for $marker<$($param),*> {
            type Value = $value;
            type Return = $return;
            type Error = $error;
        }
        /// One level of the lookup.
        pub trait $level {
            /// The marker of the shape.
            type Marker;
            /// Finds it.
            fn shape(&self) -> Self::Marker;
        }
        impl<$($param),*> $level for $receiver {
            type Marker = $marker<$($param),*>;
            fn shape(&self) -> Self::Marker {
                $marker(PhantomData)
            }
        }
    };
}
shape!(/** `T` */ OfValue<T>, ShapePlain, Probe<T>, T, (), T);
shape!(/** `Option<T>` */ OfOption<T>, ShapeOption, &Probe<Option<T>>, T, (), Option<T>);
shape!(/** `Result<T, E>` */ OfResult<T, E>, ShapeResult, &&Probe<Result<T, E>>, T, E, Result<T, E>);
shape!(/** `Result<Option<T>, E>` */ OfResultOption<T, E>, ShapeResultOption, &&&Probe<Result<Option<T>, E>>, T, E, Result<Option<T>, E>);

impl<T: 'static> Shape for OfValue<T> {
    fn open(returned: T, _: impl FnOnce(&()) -> bool) -> Opened<Self> {
        Opened::Value(returned)
    }
    fn close(value: T) -> T {
        value
    }
    fn absent() -> Option<T> {
        None
    }
    fn peek(returned: &T) -> Option<&T> {
        Some(returned)
    }
    fn succeeded(_: &T) -> bool {
        true
    }
    fn fail((): ()) -> Option<T> {
        None
    }
    fn error(_: &T) -> Option<&()> {
        None
    }
}

impl<T: 'static> Shape for OfOption<T> {
    fn open(returned: Option<T>, _: impl FnOnce(&()) -> bool) -> Opened<Self> {
        match returned {
            Some(value) => Opened::Value(value),
            None => Opened::Absent(Absence::None, None),
        }
    }
    fn close(value: T) -> Option<T> {
        Some(value)
    }
    fn absent() -> Option<Option<T>> {
        Some(None)
    }
    fn peek(returned: &Option<T>) -> Option<&T> {
        returned.as_ref()
    }
    fn succeeded(_: &Option<T>) -> bool {
        true
    }
    fn fail((): ()) -> Option<Option<T>> {
        None
    }
    fn error(_: &Option<T>) -> Option<&()> {
        None
    }
}

impl<T: 'static, E: 'static> Shape for OfResult<T, E> {
    fn open(returned: Result<T, E>, is_absence: impl FnOnce(&E) -> bool) -> Opened<Self> {
        match returned {
            Ok(value) => Opened::Value(value),
            Err(error) if is_absence(&error) => Opened::Absent(Absence::Error, Err(error)),
            Err(error) => Opened::Error(Err(error)),
        }
    }
    fn close(value: T) -> Result<T, E> {
        Ok(value)
    }
    fn absent() -> Option<Result<T, E>> {
        None
    }
    fn peek(returned: &Result<T, E>) -> Option<&T> {
        returned.as_ref().ok()
    }
    fn succeeded(returned: &Result<T, E>) -> bool {
        returned.is_ok()
    }
    fn fail(error: E) -> Option<Result<T, E>> {
        Some(Err(error))
    }
    fn error(returned: &Result<T, E>) -> Option<&E> {
        returned.as_ref().err()
    }
}

impl<T: 'static, E: 'static> Shape for OfResultOption<T, E> {
    fn open(returned: Result<Option<T>, E>, is_absence: impl FnOnce(&E) -> bool) -> Opened<Self> {
        match returned {
            Ok(Some(value)) => Opened::Value(value),
            Ok(None) => Opened::Absent(Absence::None, Ok(None)),
            Err(error) if is_absence(&error) => Opened::Absent(Absence::Error, Err(error)),
            Err(error) => Opened::Error(Err(error)),
        }
    }
    fn close(value: T) -> Result<Option<T>, E> {
        Ok(Some(value))
    }
    fn absent() -> Option<Result<Option<T>, E>> {
        Some(Ok(None))
    }
    fn peek(returned: &Result<Option<T>, E>) -> Option<&T> {
        returned.as_ref().ok()?.as_ref()
    }
    fn succeeded(returned: &Result<Option<T>, E>) -> bool {
        returned.is_ok()
    }
    fn fail(error: E) -> Option<Result<Option<T>, E>> {
        Some(Err(error))
    }
    fn error(returned: &Result<Option<T>, E>) -> Option<&E> {
        returned.as_ref().err()
    }
}

/// The name of the value type in a return type.
pub fn value_type_of<S: Shape>(_: S) -> &'static str {
    std::any::type_name::<S::Value>()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Alias<T> = Result<T, std::io::Error>;

    #[test]
    #[expect(clippy::needless_borrow, reason = "the references are what selects the shape")]
    fn shapes_are_found_through_aliases() {
        fn value<S: Shape>(shape: S) -> &'static str {
            value_type_of(shape)
        }
        assert_eq!(value((&&&&Probe::<u64>::NEW).shape()), "u64");
        assert_eq!(value((&&&&Probe::<Option<u8>>::NEW).shape()), "u8");
        assert_eq!(value((&&&&Probe::<Alias<u16>>::NEW).shape()), "u16");
        assert_eq!(value((&&&&Probe::<Alias<Option<u32>>>::NEW).shape()), "u32");
        assert_eq!(value((&&&&Probe::<Option<Option<u32>>>::NEW).shape()), "core::option::Option<u32>");
    }
}
