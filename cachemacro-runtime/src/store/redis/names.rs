//! What a cached function is called in the keys of the server.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::keys::escaped;
use crate::entry::EntryKey;
use crate::site::{self, Instance};

/// Longer names are cut, and end in a hash.
const LONGEST: usize = 160;

/// A function as the keys name it.
#[derive(Debug)]
pub(super) struct Name {
    /// `shop::users::find`, with the types that it was called with, `shop::find<u64>`; what is too long ends in its hash.
    pub(super) text: String,
    /// Part of each entry: no entry is read as another function's, nor as another instance's of the same name.
    pub(super) identity: u64,
}

/// The names that were needed so far.
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
        let discriminator = if instance.name().is_open { instance.discriminator() } else { 0 };
        Self::new(instance.name(), instance.site.info().template, discriminator)
    }

    /// With `discriminator`, what tells two instances of one name apart that no process has met both.
    fn new(name: &site::Name, template: &str, discriminator: u64) -> Self {
        let identity = fingerprint(&[&name.text, template, &format!("{discriminator:x}")]);
        Self { text: key_text(&name.text), identity }
    }
}

/// A name as part of a key. Two names never become one: blanks are `~`, and what is too long ends in its hash. The compiler's
/// word for a closure becomes one that needs no escapes.
fn key_text(name: &str) -> String {
    let name = name.replace("{{closure}}", " closure ");
    let words = name.split(' ').map(|word| escaped(word.as_bytes(), b"()~"));
    let text = words.collect::<Vec<_>>().join("~");
    if text.len() <= LONGEST {
        return text;
    }
    // Escaped text is ASCII.
    format!("{}~{:032x}", &text[..LONGEST - 33], wide_fingerprint(&text))
}

/// FNV-1a, the same in every build: what `std` hashes with is not.
fn fingerprint(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The same with 128 bits.
fn wide_fingerprint(text: &str) -> u128 {
    let (basis, prime) = (0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, 0x0100_0000_0000_0000_0000_013b);
    text.bytes().fold(basis, |hash: u128, byte| (hash ^ u128::from(byte)).wrapping_mul(prime))
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::policy::{Mode, Policy, Refresh};
    use crate::site::{Site, SiteInfo};

    pub(crate) static FIND: Site = Site::new(SiteInfo {
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

    fn of(text: &str, discriminator: u64) -> Name {
        Name::new(&site::Name { text: text.to_owned(), is_open: false }, "user:<id>", discriminator)
    }

    #[test]
    fn an_identity_is_the_same_in_every_build() {
        let name = of("shop::users::Users::find", 0);
        assert_eq!((name.text.as_str(), name.identity), ("shop::users::Users::find", 0xa28f9b242aa5948c));
    }

    #[test]
    fn an_identity_is_that_of_one_name_and_one_discriminator() {
        let all = [of("a::find", 0), of("a::find", 1), of("b::find", 0), of("b::find", 1)];
        for (at, one) in all.iter().enumerate() {
            assert!(all[at + 1..].iter().all(|other| other.identity != one.identity));
        }
        assert_eq!(all[0].text, all[1].text);
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
        // FNV-1a of 128 bits.
        assert_eq!(wide_fingerprint(""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(wide_fingerprint("foobar"), 0x343e_1662_793c_64bf_6f0d_3597_ba44_6f18);
    }
}
