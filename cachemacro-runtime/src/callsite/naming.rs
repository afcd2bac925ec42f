//! The name of an instance outside of this process. It does not depend on line numbers, the order of calls, or other
//! functions.
//!
//! ```text
//! shop::users::find                             a function
//! shop::users::Users::find                      a method
//! <shop::User as shop::Model>::find             a function of a trait
//! shop::users::Table<shop::users::User>::find   of a generic type or function, with its types and constants
//! user-find                                     with `name = "user-find"`
//! user-find<shop::users::User>                  the same, of a generic one
//! ```

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::info::CallsiteInfo;
use super::origin::{Clarity, Name, Origin};
use super::registry::sites;
use super::site::{Callsite, Instance};
use crate::util::hash::Fnv64;

fn of(instance: &'static Instance) -> Name {
    let info = instance.site.info();
    let (declared, called) = (declared(info), without_closures(instance.path()));
    let text = spelled(&declared, &called, info.shared_name);
    let origin = origin(instance, &text, clarity(&declared, &called));
    Name { text, origin }
}

fn origin(instance: &Instance, name: &str, clarity: Clarity) -> Origin {
    let template = instance.site.info().template;
    let function = Fnv64::of(name.bytes().chain([0]).chain(template.bytes())).0;
    match clarity {
        Clarity::Full => Origin { function, build: 0, instance: 0 },
        Clarity::Path => Origin { function, build: build(), instance: instance.discriminator() },
        // In another executable these numbers differ.
        Clarity::Unnamed => Origin { function, build: 0, instance: instance.discriminator() },
    }
}

/// A number for this executable: equal in all of its processes, and different in other executables, with high probability.
/// A hash of the annotations, and of the places where the linker has put them.
fn build() -> u64 {
    static BUILD: OnceLock<u64> = OnceLock::new();
    // Executables are loaded at any address, but as one piece.
    let anchor = std::ptr::from_ref(&BUILD).addr();
    *BUILD.get_or_init(|| {
        let of_site = |site: &'static Callsite| {
            let info = site.info();
            let addresses = [site.identity(), info.path as usize, info.template.as_ptr().addr()];
            let places = addresses.map(|address| address.wrapping_sub(anchor).to_le_bytes());
            let text = [info.module, info.name, info.template, info.returns].concat();
            places.into_iter().flatten().chain(info.line.to_le_bytes()).chain(text.into_bytes())
        };
        Fnv64::of(sites().flat_map(of_site)).0 | 1
    })
}

/// Registers that the instance uses its name.
fn register(instance: &'static Instance) {
    let mut known = known();
    let holders = known.entry(instance.name().text.clone()).or_default();
    holders.push(instance);
    if holders.len() > 1 || instance.site.shares_name() {
        holders.iter().for_each(|holder| holder.set_shares_name());
    }
}

/// The instances of each name that use a shared store.
type RegisteredNames = BTreeMap<String, Vec<&'static Instance>>;

fn known() -> MutexGuard<'static, RegisteredNames> {
    static KNOWN: Mutex<RegisteredNames> = Mutex::new(RegisteredNames::new());
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The names that several instances of one function have, among the instances that used a shared store so far; and the
/// function.
pub(crate) fn shared_by_instances() -> Vec<(String, &'static CallsiteInfo)> {
    let known = known();
    let shared = known.iter().filter(|(_, holders)| holders.len() > 1);
    let of_one_site =
        shared.filter(|(_, holders)| holders.iter().all(|holder| std::ptr::eq(holder.site, holders[0].site)));
    of_one_site.map(|(name, holders)| (name.clone(), holders[0].site.info())).collect()
}

impl Instance {
    /// The name outside of this process.
    pub(crate) fn name(&'static self) -> &'static Name {
        self.name.get_or_init(|| of(self))
    }

    /// Whether another function or instance of this binary has the same [name](Self::name). Called for each instance that
    /// uses a shared store. Two instances of generic functions are recognized when both have called it.
    pub(crate) fn shares_name(&'static self) -> bool {
        self.is_known_by_name.get_or_init(|| register(self));
        self.shares_name.load(Ordering::Acquire)
    }

    fn set_shares_name(&self) {
        self.shares_name.store(true, Ordering::Release);
    }

    /// What to do about an instance that shares its name.
    pub(crate) fn shared_name_remedy(&'static self) -> String {
        let name = &self.name().text;
        if self.site.shares_name() {
            format!(
                "`{name}` is the name of another function of this binary too, so neither is stored in the shared store: \
                 give each a different name, `name = \"…\"`"
            )
        } else {
            format!(
                "this function is called with several types that are all named as in `{name}`, so it is not stored in the \
                 shared store for any of them: give these types different names, as closures and types inside of \
                 functions do not have one of their own"
            )
        }
    }
}

impl Callsite {
    /// Whether another function of the binary has the same name, whatever the types of the calls are.
    pub(crate) fn shares_name(&self) -> bool {
        static COUNTS: OnceLock<HashMap<String, usize>> = OnceLock::new();
        let counts = COUNTS.get_or_init(|| {
            let mut counts = HashMap::new();
            for site in sites().filter(|site| !site.policy().local) {
                *counts.entry(site_name(site.info())).or_default() += 1;
            }
            counts
        });
        counts.get(&site_name(&self.info)).is_some_and(|count| *count > 1)
    }
}

/// The name of a function, without the types of a call.
pub(crate) fn site_name(info: &CallsiteInfo) -> String {
    info.shared_name.map_or_else(|| declared(info), str::to_owned)
}

/// The path at which the function is declared. Types and constants that are known at a call only are `_`, or have the name
/// that they have in the source.
fn declared(info: &CallsiteInfo) -> String {
    let path = (info.path)();
    without_closures(path.split("::__CACHEMACRO_SITE").next().unwrap_or(path))
}

/// The path of the function that these closures are in.
fn without_closures(path: &str) -> String {
    let mut path = path;
    while let Some(outer) = path.strip_suffix("::{{closure}}") {
        path = outer;
    }
    without_lifetimes(path)
}

/// Lifetimes are removed: instances do not differ by them, and not every compiler writes them.
fn without_lifetimes(path: &str) -> String {
    let mut path = path.to_owned();
    while path.contains("<'_, ") {
        path = path.replace("<'_, ", "<");
    }
    path.replace("<'_>", "")
}

fn spelled(declared: &str, called: &str, given: Option<&str>) -> String {
    match given {
        None => called.to_owned(),
        Some(given) if declared == called => given.to_owned(),
        Some(given) => format!("{given}<{}>", difference(declared, called)),
    }
}

/// The types and constants that a call adds to the path of a declaration.
fn difference<'c>(declared: &str, called: &'c str) -> &'c str {
    let pairs = declared.chars().zip(called.chars());
    let start: usize = pairs.take_while(|(a, b)| a == b).map(|(_, b)| b.len_utf8()).sum();
    let (declared, called) = (&declared[start..], &called[start..]);
    let pairs = declared.chars().rev().zip(called.chars().rev());
    let end: usize = pairs.take_while(|(a, b)| a == b).map(|(_, b)| b.len_utf8()).sum();
    let called = &called[..called.len() - end];
    called.strip_prefix('<').and_then(|inside| inside.strip_suffix('>')).unwrap_or(called)
}

/// The types in the path of a call.
fn clarity(declared: &str, called: &str) -> Clarity {
    if declared == called {
        return Clarity::Full;
    }
    let types = difference(declared, called);
    if types.contains('{') {
        return Clarity::Unnamed;
    }
    let is_known = |word: &str| match word.split_once("::") {
        None => !matches!(word, "fn" | "dyn" | "for"),
        Some((first, _)) => matches!(first, "core" | "alloc" | "std"),
    };
    let mut words = types.split(|character: char| !(character.is_alphanumeric() || "_:".contains(character)));
    let is_full = !types.contains('\'') && words.all(is_known);
    if is_full { Clarity::Full } else { Clarity::Path }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::callsite::site::tests::site;

    #[test]
    fn a_path_is_that_of_the_function() {
        assert_eq!(without_closures("a::b::{{closure}}::{{closure}}"), "a::b");
        assert_eq!(without_closures("a::{{closure}}::b::{{closure}}"), "a::{{closure}}::b");
        assert_eq!(without_closures("<a::B as a::C>::d<'_, '_, u8>::{{closure}}"), "<a::B as a::C>::d<u8>");
        assert_eq!(without_closures("a::B<'_>::d<'_', '_>::{{closure}}"), "a::B::d<'_', '_>");
    }

    /// Entries on a server carry it.
    #[test]
    fn an_origin_is_the_same_in_every_build() {
        let find = CallsiteInfo { path: || "shop::users::Users::find", ..*site("find").info() };
        let find: &'static Callsite = Box::leak(Box::new(Callsite::new(find)));
        let name = find.plain_instance().name();
        assert_eq!(name.text, "shop::users::Users::find");
        assert_eq!(name.origin, Origin { function: 0x55e0_f1cf_d7dd_f5f4, build: 0, instance: 0 });
    }

    #[test]
    fn a_given_name_keeps_the_types() {
        for (declared, called, name) in [
            ("a::find", "a::find", "n"),
            ("a::Table<_>::find", "a::Table<a::User>::find", "n<a::User>"),
            ("a::top", "a::top<3, u8>", "n<3, u8>"),
            ("a::Model::find", "<a::User as a::Model>::find", "n<a::User as a::Model>"),
            ("a::Pair<_, _>::find", "a::Pair<a::A, a::B>::find<7>", "n<a::A, a::B>::find<7>>"),
        ] {
            assert_eq!(spelled(declared, called, Some("n")), name);
            assert_eq!(spelled(declared, called, None), called);
        }
    }

    #[test]
    fn only_what_the_language_brings_has_one_meaning() {
        let clarity = |types: &str| clarity("a::f", &format!("a::f<{types}>"));
        for full in ["u8", "alloc::vec::Vec<core::option::Option<u8>>", "3", "-1, true", "&str", "[u8; 3]", "(u8,)"] {
            assert_eq!(clarity(full), Clarity::Full, "{full}");
        }
        for path in ["a::User", "alloc::vec::Vec<a::User>", "fn(&u8)", "dyn core::fmt::Debug", "'a'", "u8, a::User"] {
            assert_eq!(clarity(path), Clarity::Path, "{path}");
        }
        for unnamed in ["a::f::{{closure}}", "a::User, a::{{closure}}::Local"] {
            assert_eq!(clarity(unnamed), Clarity::Unnamed, "{unnamed}");
        }
        assert_eq!(super::clarity("a::f", "a::f"), Clarity::Full);
        assert_eq!(super::clarity("a::M::f", "<a::User as a::M>::f"), Clarity::Path);
        assert_eq!(super::clarity("a::{{closure}}::M::f", "<u8 as a::{{closure}}::M>::f"), Clarity::Unnamed);
    }

    #[test]
    fn an_executable_has_one_number() {
        assert_eq!(build(), build());
        assert_ne!(build(), 0);
    }
}
