//! The arguments of a call, as its loads get them.
//!
//! A load may have to be repeated, when a replica's row was too old, and a background refresh outlives its call. So a load gets a clone
//! of what is `Clone`. What is not can be given to one load: then the call loads once ([`Miss::once_if`](super::Miss::once_if)).

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::value::Probe;

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

/// An argument that is used more than once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be used twice: by the body, and by the expression of the annotation that names it",
    label = "not `Clone`",
    note = "derive `Clone`, or take the argument by reference"
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

/// An argument of which each load gets a clone. It is behind a lock, so that it need not be `Sync`.
pub struct ForEach<T>(Mutex<T>);

#[doc(hidden)]
impl<T: Clone> ForEach<T> {
    /// A clone for one load.
    pub fn take(&self) -> T {
        locked(&self.0).clone()
    }

    /// A clone for the loads of a background refresh.
    pub fn own(&self) -> Self {
        Self(Mutex::new(self.take()))
    }

    /// Whether one load can get it.
    pub const fn is_once(&self) -> bool {
        false
    }
}

/// An argument that one load gets as it is.
pub struct Once<T>(Mutex<Option<T>>);

#[doc(hidden)]
impl<T> Once<T> {
    /// Keeps it for the load.
    pub const fn new(value: T) -> Self {
        Self(Mutex::new(Some(value)))
    }

    /// Hands it over.
    ///
    /// # Panics
    /// When it was handed over before. A call that has such an argument loads once ([`Miss::once_if`](super::Miss::once_if)).
    pub fn take(&self) -> T {
        locked(&self.0).take().expect("a call whose argument cannot be given twice loads once")
    }

    /// Hands it to a background refresh.
    ///
    /// # Panics
    /// As [`Once::take`].
    pub fn own(&self) -> Self {
        Self::new(self.take())
    }

    /// Whether one load can get it.
    pub const fn is_once(&self) -> bool {
        true
    }
}

/// Finds out, by method lookup, how an argument is given to loads. This one is for what is `Clone`.
pub trait HoldForEach<T> {
    /// Holds it.
    fn hold(&self, value: T) -> ForEach<T>;
}

impl<T: Clone> HoldForEach<T> for &Probe<T> {
    fn hold(&self, value: T) -> ForEach<T> {
        ForEach(Mutex::new(value))
    }
}

/// As [`HoldForEach`], for everything else.
pub trait HoldOnce<T> {
    /// Holds it.
    fn hold(&self, value: T) -> Once<T>;
}

impl<T> HoldOnce<T> for Probe<T> {
    fn hold(&self, value: T) -> Once<T> {
        Once::new(value)
    }
}

/// Gives an expression that may run several times its argument: a clone, if it is `Clone`.
pub trait CopyClone<T> {
    /// The clone.
    fn copy(&self, value: &T) -> T;
}

impl<T: Clone> CopyClone<T> for &Probe<T> {
    fn copy(&self, value: &T) -> T {
        value.clone()
    }
}

/// As [`CopyClone`], for everything else: a reference.
pub trait CopyReference<T> {
    /// The reference.
    fn copy<'v>(&self, value: &'v T) -> &'v T;
}

impl<T> CopyReference<T> for Probe<T> {
    fn copy<'v>(&self, value: &'v T) -> &'v T {
        value
    }
}

/// A `&mut` argument, lent to one load after another.
pub struct Lend<'a, T: ?Sized>(Mutex<Option<&'a mut T>>);

#[doc(hidden)]
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
        let value = locked(&self.0).take();
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
        *locked(&self.lend.0) = self.value.take();
    }
}

fn locked<T: ?Sized>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! hold {
        ($value:expr) => {
            (&&Probe::of(&$value)).hold($value)
        };
    }
    macro_rules! copy {
        ($value:expr) => {
            (&&Probe::of(&$value)).copy(&$value)
        };
    }

    struct Unique(u64);

    #[test]
    fn what_is_clone_is_given_to_every_load() {
        let held = hold!("a".to_owned());
        assert!(!held.is_once());
        assert_eq!((held.take(), held.own().take(), held.take()), ("a".to_owned(), "a".to_owned(), "a".to_owned()));
    }

    #[test]
    fn what_is_not_clone_is_given_to_one() {
        let held = hold!(Unique(7));
        assert!(held.is_once());
        let owned = held.own();
        assert_eq!(owned.take().0, 7);
        assert!(std::panic::catch_unwind(|| owned.take()).is_err());
    }

    #[test]
    fn a_bound_decides_for_a_type_parameter() {
        fn of_any<T>(value: T) -> bool {
            hold!(value).is_once()
        }
        fn of_clone<T: Clone>(value: T) -> bool {
            hold!(value).is_once()
        }
        assert!(of_any(1_u8) && !of_clone(1_u8));
    }

    #[test]
    fn an_expression_gets_a_clone_or_a_reference() {
        let (text, unique) = ("a".to_owned(), Unique(7));
        let owned: String = copy!(text);
        let borrowed: &Unique = copy!(unique);
        assert_eq!((owned, borrowed.0), (text, 7));
    }
}
