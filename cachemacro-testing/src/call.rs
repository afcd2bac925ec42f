//! Calls of functions that no macro has written: the keys and queries that a store is tested with.

use std::any::type_name_of_val;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use cachemacro_runtime::__private::{Callsite, CallsiteInfo, Instance, entry_key};
use cachemacro_runtime::store::{Aggregate, EntryKey, Query};

/// One call of a cached function that exists in tests only: the key of its entry, and the aggregates that it depends on.
///
/// ```
/// use cachemacro::testing::Call;
///
/// let call = Call::new("shop::page", "org:5:page:2", &["org:5", "user:7"]);
/// let query = call.query();
/// assert_eq!((query.function, query.key.text()), ("shop::page", "org:5:page:2"));
/// assert_eq!(query.aggregates[1].as_str(), "user:7");
/// assert_eq!(call.key(), Call::new("shop::page", "org:5:page:2", &[]).key());
/// ```
pub struct Call {
    key: EntryKey,
    function: &'static str,
    aggregates: Vec<Aggregate>,
}

impl Call {
    /// A call of the function that is called `function` outside of this process. `text` is its rendered key.
    #[must_use]
    pub fn new(function: &str, text: &str, aggregates: &[&str]) -> Self {
        Self::with_type::<()>(function, text, aggregates)
    }

    /// As [`Call::new`], of a generic function that was called with `T`. Its entries are others.
    #[must_use]
    pub fn with_type<T: 'static>(function: &str, text: &str, aggregates: &[&str]) -> Self {
        let (key, function) = entry_key(instance::<T>(function), text);
        Self { key, function, aggregates: aggregates.iter().copied().map(Aggregate::new).collect() }
    }

    /// What an operation of a store is asked with.
    #[must_use]
    pub fn query(&self) -> Query<'_> {
        Query { key: &self.key, function: self.function, aggregates: &self.aggregates, clears: 0 }
    }

    /// The key of the entry.
    #[must_use]
    pub fn key(&self) -> &EntryKey {
        &self.key
    }

    /// The aggregates that the entry depends on.
    #[must_use]
    pub fn aggregates(&self) -> &[Aggregate] {
        &self.aggregates
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("function", &self.function)
            .field("key", &self.key)
            .field("aggregates", &self.aggregates)
            .finish()
    }
}

/// Stands for the body of every function: with `()` as it is declared, with another type as it is called.
fn body<T>() {}

/// The function of this name, called with this type. It lives as long as the program, as annotated functions do.
fn instance<T: 'static>(function: &str) -> &'static Instance {
    static FUNCTIONS: Mutex<BTreeMap<String, &Callsite>> = Mutex::new(BTreeMap::new());
    let mut functions = FUNCTIONS.lock().unwrap_or_else(PoisonError::into_inner);
    let callsite = *functions.entry(function.to_owned()).or_insert_with(|| {
        let name: &'static str = Box::leak(function.into());
        let path = || type_name_of_val(&body::<()>);
        Box::leak(Box::new(Callsite::new(CallsiteInfo { name, shared_name: Some(name), path, ..CallsiteInfo::BASE })))
    });
    callsite.instance(body::<T>)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_known_by_its_name_and_its_type() {
        let plain = Call::new("find", "row:1", &["row:1"]);
        assert_eq!((plain.query().function, plain.query().key.text()), ("find", "row:1"));
        assert_eq!(plain.key(), Call::new("find", "row:1", &[]).key());
        assert_ne!(plain.key(), Call::new("list", "row:1", &[]).key());
        assert_ne!(plain.key(), Call::new("find", "row:2", &[]).key());
        let typed = Call::with_type::<i64>("find", "row:1", &[]);
        assert_eq!(typed.query().function, "find<i64>");
        assert_ne!(plain.key(), typed.key());
        assert!(plain.key().takes(plain.key().origin()) && !plain.key().takes(typed.key().origin()));
    }
}
