//! The names of cached functions in the keys of the server.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::escape::escaped;
use crate::callsite::{Instance, Origin};
use crate::entry::EntryKey;
use crate::util::hash::fnv128;

/// The longest name; longer ones are cut, and end in a hash.
const LONGEST: usize = 160;

/// The name of a function in keys.
#[derive(Debug)]
pub(super) struct Name {
    /// `shop::users::find`, with the types that it was called with, `shop::find<u64>`. A longer name ends in its hash.
    pub(super) text: String,
    /// Part of each entry: no entry is read for another function, or for another instance with the same name.
    pub(super) origin: Origin,
}

/// The names that were used so far.
#[derive(Default)]
pub(super) struct Names {
    known: RwLock<HashMap<usize, Arc<Name>>>,
}

impl Names {
    pub(super) fn of(&self, key: &EntryKey) -> Arc<Name> {
        let instance = key.instance();
        if let Some(name) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&instance.identity()) {
            return Arc::clone(name);
        }
        let name = Arc::new(Name::of(instance));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(instance.identity()).or_insert(name))
    }
}

impl Name {
    fn of(instance: &'static Instance) -> Self {
        let name = instance.name();
        Self { text: key_text(&name.text), origin: name.origin }
    }
}

/// A name as part of a key. Two names never have the same form: blanks become `~`, and a longer name ends in its hash.
/// The compiler's name for a closure becomes one that needs no escapes.
fn key_text(name: &str) -> String {
    let name = name.replace("{{closure}}", " closure ");
    let words = name.split(' ').map(|word| escaped(word.as_bytes(), b"()~"));
    let text = words.collect::<Vec<_>>().join("~");
    if text.len() <= LONGEST {
        return text;
    }
    // Escaped text is ASCII.
    format!("{}~{:032x}", &text[..LONGEST - 33], fnv128(&text))
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::callsite::{Bypass, Callsite, CallsiteInfo};
    use crate::policy::{Mode, Policy, Refresh};

    pub(crate) static FIND: Callsite = Callsite::new(CallsiteInfo {
        name: "find",
        module: "shop::users",
        path: || "shop::users::Users::find",
        shared_name: None,
        file: "users.rs",
        line: 1,
        template: "user:<id>",
        returns: "User",
        value_type: None,
        mode: Mode::Row,
        events: &[],
        ttl_only: None,
        bypass: Bypass::NONE,
        cache: None,
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
        Name { text: text.to_owned(), origin: Origin { function: 0, build: 0, instance: 0 } }
    }

    #[test]
    fn an_origin_is_the_same_in_every_build() {
        let name = Name::of(FIND.plain_instance());
        assert_eq!(name.text, "shop::users::Users::find");
        assert_eq!(name.origin, Origin { function: 0x55e0f1cfd7ddf5f4, build: 0, instance: 0 });
    }

    #[test]
    fn names_are_written_in_characters_of_keys() {
        for (name, text) in [
            ("<shop::User as shop::Model>::count", "<shop::User~as~shop::Model>::count"),
            ("shop::top<3, '~', ' '>", "shop::top<3,~'!7E',~'~'>"),
            ("shop::f<(u8, fn(u8) -> u8)>", "shop::f<!28u8,~fn!28u8!29~->~u8!29>"),
            ("shop::f<shop::g::{{closure}}>", "shop::f<shop::g::~closure~>"),
            ("shop::gr\u{f6}\u{df}e", "shop::gr!C3!B6!C3!9Fe"),
        ] {
            assert_eq!(key_text(name), text);
        }
    }

    #[test]
    fn long_names_end_in_their_hash() {
        let exact = "a".repeat(LONGEST);
        assert_eq!(key_text(&exact), exact);
        let long = [exact.clone() + "b", exact.clone() + "c", exact + &"(".repeat(1000)];
        let texts = long.map(|name| key_text(&name));
        assert!(texts.iter().all(|text| text.len() == LONGEST && text.starts_with("aaa")));
        assert!(texts[0] != texts[1] && texts[1] != texts[2] && texts[0] != texts[2]);
    }
}
