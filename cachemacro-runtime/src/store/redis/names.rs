//! What a cached function is called on the server, where its address means nothing.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::keys::escaped;
use crate::entry::EntryKey;
use crate::site::{Instance, Site, sites};

/// A function as the keys name it.
#[derive(Debug)]
pub(super) struct Name {
    /// `find`; where another function of the binary has that name, `shop::users::find`; of a generic type or function also
    /// the types it was called with, `find<shop::Repository<alloc::string::String>>`.
    pub(super) text: String,
    /// Told apart also from functions of other binaries that are called the same: no entry is read as another function's.
    pub(super) identity: u64,
}

/// The names that were needed so far.
#[derive(Default)]
pub(super) struct Names {
    known: RwLock<HashMap<usize, (&'static Instance, Arc<Name>)>>,
}

impl Names {
    pub(super) fn of(&self, key: &EntryKey) -> Arc<Name> {
        let instance = key.instance();
        let address = std::ptr::from_ref(instance).addr();
        if let Some((_, name)) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&address) {
            return Arc::clone(name);
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let others = || known.values().map(|(other, _)| *other).filter(|other| std::ptr::eq(other.site, instance.site));
        // A method that a trait provides is one function of many types.
        let is_alone = others().all(|other| other.owner == instance.owner);
        let types = types(instance.owner);
        let owner = if is_alone && is_plain(&types) { String::new() } else { types.join(",") };
        let ordinal = others().filter(|other| other.owner == instance.owner && other.value != instance.value).count();
        let name = Name::new(instance.site, instance.owner, &owner, ordinal);
        let (_, name) = known.entry(address).or_insert_with(|| (instance, Arc::new(name)));
        Arc::clone(name)
    }
}

impl Name {
    /// With `ordinal`, the number of types that share this owner's name: two versions of one crate in a binary. Other
    /// binaries may count them otherwise, and then find bytes that their codec refuses.
    fn new(site: &Site, instance: &str, owner: &str, ordinal: usize) -> Self {
        let mut text = distinct(site);
        if !owner.is_empty() {
            text.push_str(&format!("<{}>", escaped(owner.as_bytes(), b"()")));
        }
        if ordinal > 0 {
            text.push_str(&format!("#{ordinal}"));
        }
        let info = site.info();
        let identity = fingerprint(&[info.module, &text, info.template, instance]);
        Self { text, identity }
    }
}

/// The types in an owner, which the macros write as a tuple of `PhantomData`.
fn types(owner: &str) -> Vec<&str> {
    let inside = owner.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(owner);
    let mut depth = 0_u32;
    let at_top = |character: char| {
        match character {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    };
    let names = inside.split(at_top).map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| bare(name).unwrap_or(name)).collect()
}

fn bare(name: &str) -> Option<&str> {
    name.strip_prefix("core::marker::PhantomData<")?.strip_suffix('>')
}

/// No type, or a `Self` without parameters, which a function's place in the source tells already.
fn is_plain(types: &[&str]) -> bool {
    match types {
        [] => true,
        [own] => !own.contains('<'),
        _ => false,
    }
}

/// The shortest name that no other function of the binary has.
fn distinct(site: &Site) -> String {
    let info = site.info();
    let others = || sites().filter(|other| other.identity() != site.identity()).map(Site::info);
    let path = format!("{}::{}", info.module, info.name);
    if others().all(|other| other.name != info.name) {
        info.name.to_owned()
    } else if others().all(|other| (other.module, other.name) != (info.module, info.name)) {
        path
    } else {
        // Methods of two types in one module: nothing else about them is known to differ.
        format!("{path}@{}", info.line)
    }
}

/// FNV-1a, the same in every build: what `std` hashes with is not.
fn fingerprint(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
pub(super) mod tests {
    use std::any::TypeId;
    use std::time::Duration;

    use super::*;
    use crate::entry::EntryKey;
    use crate::policy::{Mode, Policy, Refresh};
    use crate::site::SiteInfo;

    pub(crate) static FIND: Site = Site::new(SiteInfo {
        name: "find",
        module: "shop::users",
        file: "users.rs",
        line: 1,
        template: "user:<id>",
        returns: "User",
        value_type: None,
        mode: Mode::Row,
        events: &[],
        ttl_only: None,
        policy: Policy {
            soft: None,
            hard: Duration::from_secs(60),
            negative: None,
            jitter: 0.0,
            early: None,
            stale_if_error: None,
            timeout: None,
            strict: true,
            refresh: Refresh::Inline,
            local: false,
        },
    });

    pub(crate) fn name(text: &str) -> Name {
        Name { text: text.to_owned(), identity: 0 }
    }

    #[test]
    fn an_identity_is_the_same_in_every_build() {
        assert_eq!(Name::new(&FIND, "", "", 0).identity, 0xdedea4ebc17235c4);
    }

    #[test]
    fn the_types_it_was_called_with_are_part_of_a_name() {
        let owned = Name::new(&FIND, "(a::B<u8>,)", "a::B<u8>", 0);
        assert_eq!(owned.text, "find<a::B<u8>>");
        assert_ne!(owned.identity, Name::new(&FIND, "", "", 0).identity);
    }

    #[test]
    fn the_types_of_an_owner_are_read_from_its_tuple() {
        let own = "(core::marker::PhantomData<shop::Users>,)";
        assert_eq!(types(own), ["shop::Users"]);
        assert!(is_plain(&types(own)), "a method's name says enough");
        let generic = "(core::marker::PhantomData<a::B<u8, i8>>, core::marker::PhantomData<&str>)";
        assert_eq!(types(generic), ["a::B<u8, i8>", "&str"]);
        assert!(!is_plain(&types(generic)));
        assert!(is_plain(&types("")));
    }

    #[test]
    fn types_of_one_name_are_told_apart() {
        let names = Names::default();
        let of = |value| names.of(&EntryKey::of(&FIND, value, "user:1")).text.clone();
        assert_eq!(of(TypeId::of::<u64>()), "find");
        assert_eq!(of(TypeId::of::<i64>()), "find#1");
        assert_eq!(of(TypeId::of::<u64>()), "find");
    }
}
