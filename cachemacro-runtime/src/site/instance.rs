//! A function as it was called: of a generic one, with these types.

use std::any::TypeId;
use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::Site;

/// What entries belong to. Lives as long as the program, as its site does, so entries name it by its address.
pub(crate) struct Instance {
    pub(crate) site: &'static Site,
    /// The type of the values.
    pub(crate) value: TypeId,
    /// The type parameters, as the macros write them; nothing for a function that has none.
    pub(crate) owner: &'static str,
}

impl Instance {
    #[inline]
    fn is(&self, value: TypeId, owner: &'static str) -> bool {
        self.value == value && (std::ptr::eq(self.owner, owner) || self.owner == owner)
    }
}

/// All instances of one site: one, unless it is generic.
pub(super) struct Instances {
    first: OnceLock<Instance>,
    others: Mutex<Vec<&'static Instance>>,
}

impl Instances {
    pub(super) const fn new() -> Self {
        Self { first: OnceLock::new(), others: Mutex::new(Vec::new()) }
    }
}

impl Site {
    /// This function, called with these types.
    #[inline]
    pub(crate) fn instance(&'static self, value: TypeId, owner: &'static str) -> &'static Instance {
        match self.instances.first.get() {
            Some(first) if first.is(value, owner) => first,
            _ => self.find(value, owner),
        }
    }

    #[cold]
    fn find(&'static self, value: TypeId, owner: &'static str) -> &'static Instance {
        let new = || Instance { site: self, value, owner };
        let first = self.instances.first.get_or_init(new);
        if first.is(value, owner) {
            return first;
        }
        let mut others = self.instances.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = others.iter().find(|other| other.is(value, owner)) {
            return known;
        }
        // As many as the compiler made of the function.
        let instance: &'static Instance = Box::leak(Box::new(new()));
        others.push(instance);
        instance
    }
}

impl fmt::Debug for Instances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Instances")
    }
}
