//! The check of argument types, at each call: calls with a connection or a transaction go past the cache.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::connection::{Carried, carried, is_pool};
use super::harmless::is_harmless;
use super::info::CallsiteInfo;
use super::site::Callsite;

/// Decides whether calls with an argument of a certain type go past the cache. It stores the last type that does not, so
/// that a hit compares two numbers.
pub struct TypeCheck {
    cached: AtomicUsize,
    /// The last type that does. It is noted once.
    noted: AtomicUsize,
}

impl Default for TypeCheck {
    fn default() -> Self {
        Self::new()
    }
}

/// The function, and what to write in its annotation if the argument is not in a transaction.
type Called = (&'static Callsite, &'static str);

impl TypeCheck {
    /// A check for one argument.
    #[must_use]
    pub const fn new() -> Self {
        Self { cached: AtomicUsize::new(0), noted: AtomicUsize::new(0) }
    }

    /// For an argument that may be a connection: every type but a known pool goes past the cache. The strategy report says
    /// this, so the type is not noted.
    #[inline]
    pub fn is_no_pool(&self, type_name: &'static str) -> bool {
        self.bypasses(type_name, None, |name| !is_pool(name))
    }

    /// For an argument of `autocommit(…)`: only a transaction goes past the cache.
    #[inline]
    pub fn is_transaction(&self, type_name: &'static str, called: Called) -> bool {
        self.bypasses(type_name, Some(called), |name| carried(name) == Carried::Transaction)
    }

    /// For a unique borrow: it may hold a connection, unless its type is known not to.
    #[inline]
    pub fn may_hold_connection(&self, type_name: &'static str, called: Called) -> bool {
        self.bypasses(type_name, Some(called), may_hold)
    }

    /// For any other argument, and `self`.
    #[inline]
    pub fn carries_connection(&self, type_name: &'static str, called: Called) -> bool {
        self.bypasses(type_name, Some(called), |name| carried(name) != Carried::Nothing)
    }

    #[inline]
    fn bypasses(&self, type_name: &'static str, called: Option<Called>, judge: fn(&str) -> bool) -> bool {
        // Names are constants, and each has another address.
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

/// The types because of which calls went past the cache, by function and type.
type Noted = BTreeMap<(usize, &'static str), Called>;

fn noted() -> MutexGuard<'static, Noted> {
    static NOTED: Mutex<Noted> = Mutex::new(Noted::new());
    NOTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The functions whose calls went past the cache because of a type, these types, and what to write if they hold no
/// connection.
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
