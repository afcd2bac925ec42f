//! Which calls go past the cache because of a type, call by call.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::connection::{Carried, carried, is_pool};
use super::harmless::is_harmless;
use super::info::CallsiteInfo;
use super::site::Callsite;

/// Whether calls with an argument of some type go past the cache. The last type that does not is remembered, so that a hit
/// compares two numbers.
pub struct TypeCheck {
    cached: AtomicUsize,
    /// The last type that does, which is noted once.
    noted: AtomicUsize,
}

impl Default for TypeCheck {
    fn default() -> Self {
        Self::new()
    }
}

/// The function that is called, and what to write in its annotation if the argument is in no transaction.
type Called = (&'static Callsite, &'static str);

impl TypeCheck {
    /// One for each argument.
    #[must_use]
    pub const fn new() -> Self {
        Self { cached: AtomicUsize::new(0), noted: AtomicUsize::new(0) }
    }

    /// What may be a connection: only a known pool is none. The strategy report says so, so it is not noted.
    #[inline]
    pub fn is_no_pool(&self, type_name: &'static str) -> bool {
        self.bypasses(type_name, None, |name| !is_pool(name))
    }

    /// What is said to be in no transaction: only a transaction is.
    #[inline]
    pub fn is_transaction(&self, type_name: &'static str, called: Called) -> bool {
        self.bypasses(type_name, Some(called), |name| carried(name) == Carried::Transaction)
    }

    /// A unique borrow, which may hold a connection unless its type is known not to.
    #[inline]
    pub fn may_hold_connection(&self, type_name: &'static str, called: Called) -> bool {
        self.bypasses(type_name, Some(called), may_hold)
    }

    /// Any other argument, and `self`.
    #[inline]
    pub fn carries_connection(&self, type_name: &'static str, called: Called) -> bool {
        self.bypasses(type_name, Some(called), |name| carried(name) != Carried::Nothing)
    }

    #[inline]
    fn bypasses(&self, type_name: &'static str, called: Option<Called>, judge: fn(&str) -> bool) -> bool {
        // Names are constants, each at an address of its own.
        let known = type_name.as_ptr().addr() ^ type_name.len().rotate_right(8);
        self.cached.load(Ordering::Relaxed) != known && self.judge(type_name, known, called, judge)
    }

    #[cold]
    fn judge(&self, type_name: &'static str, known: usize, called: Option<Called>, judge: fn(&str) -> bool) -> bool {
        let bypasses = judge(type_name);
        if !bypasses {
            self.cached.store(known, Ordering::Relaxed);
        } else if let Some((site, remedy)) = called
            && self.noted.swap(known, Ordering::Relaxed) != known
        {
            noted().insert((site.identity(), type_name), (site, remedy));
        }
        bypasses
    }
}

/// Whether a unique borrow of this type may hold a connection.
pub(crate) fn may_hold(type_name: &str) -> bool {
    carried(type_name) != Carried::Nothing || !is_harmless(type_name)
}

/// By function and type, those that calls have gone past the cache with.
type Noted = BTreeMap<(usize, &'static str), Called>;

fn noted() -> MutexGuard<'static, Noted> {
    static NOTED: Mutex<Noted> = Mutex::new(Noted::new());
    NOTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The functions of which calls have gone past the cache because of a type, the types, and what to write if they hold none.
pub(crate) fn bypassed_by_type() -> Vec<(&'static CallsiteInfo, &'static str, &'static str)> {
    noted().iter().map(|((_, type_name), (site, remedy))| (site.info(), *type_name, *remedy)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callsite::site::tests::site;

    const CONN: &str = "&mut sqlx_sqlite::connection::SqliteConnection";

    #[test]
    fn a_check_remembers_only_what_is_cached() {
        let check = TypeCheck::new();
        let pool = "&sqlx_core::pool::Pool<u8>";
        let called = (site("remembers"), "");
        for _ in 0..2 {
            assert!(check.is_no_pool(CONN));
            assert!(!check.is_no_pool(pool));
        }
        assert!(check.is_no_pool(&pool[1..]) || is_pool(&pool[1..]), "another type at a near address is judged anew");
        assert!(check.carries_connection(CONN, called));
        assert!(!check.is_transaction("&mut sqlx_sqlite::connection::PgConnection", called));
    }

    #[test]
    fn what_goes_past_the_cache_is_noted() {
        let noted = |name| {
            let all = bypassed_by_type().into_iter();
            all.filter(|(site, ..)| site.name == name).map(|(_, ty, remedy)| (ty, remedy)).collect::<Vec<_>>()
        };
        let check = TypeCheck::new();
        let called = (site("noted"), "`autocommit(x)`");
        assert!(!check.may_hold_connection("&mut alloc::vec::Vec<u8>", called));
        assert_eq!(noted("noted"), []);
        for _ in 0..2 {
            assert!(check.may_hold_connection("&mut app::Unit", called));
            assert!(check.carries_connection(CONN, called));
        }
        assert_eq!(noted("noted"), [("&mut app::Unit", "`autocommit(x)`"), (CONN, "`autocommit(x)`")]);
    }
}
