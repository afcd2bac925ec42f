//! The types that can be versions. Versions order the states of an aggregate.

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
}

macro_rules! versions {
    ($($integer:ty),*) => {$(
        impl IntoVersion for $integer {
            fn to_version(&self) -> u64 {
                u64::try_from(*self).unwrap_or(0)
            }
        }
    )*};
}
versions!(u8, u16, u32, u64, usize, i16, i32, i64);

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
}
