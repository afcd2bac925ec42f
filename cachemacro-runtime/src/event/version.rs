//! The types that can be versions. Versions order the states of an aggregate.

use std::sync::Arc;

/// A type that can be a version: a counter that the database increments under the row lock.
///
/// Signed integers are accepted because many databases have no unsigned column. A negative version counts as 0, which
/// is below every version that an event can announce.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a version",
    label = "not a version",
    note = "a version is a counter bumped under the row lock: u16, u32, u64, usize, i16, i32, i64 or a NonZero of these",
    note = "a timestamp is no version: two writes in one tick would share it"
)]
pub trait IntoVersion {
    /// The version as the protocol orders it.
    fn to_version(&self) -> u64;

    #[doc(hidden)]
    fn reader<T: 'static>(version: fn(&T) -> Self) -> ReadVersion<T>
    where
        Self: Sized + 'static,
    {
        ReadVersion::Other(Arc::new(move |value| version(value).to_version()))
    }
}

/// How the version of a value is read. The usual types need no allocation.
pub enum ReadVersion<T> {
    /// A `u64`.
    U64(fn(&T) -> u64),
    /// An `i64`.
    I64(fn(&T) -> i64),
    /// A `u32`.
    U32(fn(&T) -> u32),
    /// An `i32`.
    I32(fn(&T) -> i32),
    /// Any other type.
    Other(Arc<dyn Fn(&T) -> u64 + Send + Sync>),
}

impl<T> Clone for ReadVersion<T> {
    fn clone(&self) -> Self {
        match self {
            Self::U64(version) => Self::U64(*version),
            Self::I64(version) => Self::I64(*version),
            Self::U32(version) => Self::U32(*version),
            Self::I32(version) => Self::I32(*version),
            Self::Other(version) => Self::Other(Arc::clone(version)),
        }
    }
}

impl<T> ReadVersion<T> {
    pub(crate) fn read(&self, value: &T) -> u64 {
        match self {
            Self::U64(version) => version(value),
            Self::I64(version) => version(value).to_version(),
            Self::U32(version) => version(value).to_version(),
            Self::I32(version) => version(value).to_version(),
            Self::Other(version) => version(value),
        }
    }
}

macro_rules! versions {
    ($($integer:ty $(: $reader:ident)?),*) => {$(
        impl IntoVersion for $integer {
            fn to_version(&self) -> u64 {
                u64::try_from(*self).unwrap_or(0)
            }

            $(fn reader<T: 'static>(version: fn(&T) -> Self) -> ReadVersion<T> {
                ReadVersion::$reader(version)
            })?
        }
    )*};
}
versions!(u8, u16, u32: U32, u64: U64, usize, i16, i32: I32, i64: I64);

macro_rules! nonzero_versions {
    ($($integer:ident),*) => {$(
        impl IntoVersion for std::num::$integer {
            fn to_version(&self) -> u64 {
                self.get().to_version()
            }
        }
    )*};
}
nonzero_versions!(NonZeroU32, NonZeroU64, NonZeroI32, NonZeroI64);

impl<T: IntoVersion + ?Sized> IntoVersion for &T {
    fn to_version(&self) -> u64 {
        (**self).to_version()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_version_is_below_all() {
        assert_eq!((-5_i64).to_version(), 0);
        assert_eq!(7_i32.to_version(), 7);
        assert_eq!((&&9_u64).to_version(), 9);
    }

    #[test]
    fn a_reader_reads_what_its_function_returns_in_any_type() {
        let number = -3_i64;
        assert_eq!(i64::reader(|number: &i64| *number).read(&number), 0);
        assert_eq!(i32::reader(|number: &i64| (*number + 10) as i32).read(&number), 7);
        assert_eq!(u32::reader(|number: &i64| number.unsigned_abs() as u32).read(&number), 3);
        assert_eq!(u64::reader(|number: &i64| number.unsigned_abs()).clone().read(&number), 3);
        assert_eq!(u16::reader(|number: &i64| number.unsigned_abs() as u16).clone().read(&number), 3);
        let four = |_: &i64| std::num::NonZeroU64::new(4).unwrap();
        assert_eq!(IntoVersion::to_version(&four(&number)), std::num::NonZeroU64::reader(four).read(&number));
    }
}
