//! The names of cached functions in the keys of the server.

use std::collections::HashMap;
use std::sync::Arc;

use cachemacro_runtime::store::fnv128;
use parking_lot::RwLock;

use super::escape::escaped;

/// The longest name; longer ones are cut, and end in a hash.
const LONGEST: usize = 160;

/// The names that were used so far, in the form that they have in keys.
#[derive(Default)]
pub(crate) struct Names {
    known: RwLock<HashMap<&'static str, Arc<str>>>,
}

impl Names {
    /// The name of a function, [`Query::function`](cachemacro_runtime::store::Query::function), as part of a key.
    pub(crate) fn of(&self, function: &'static str) -> Arc<str> {
        if let Some(name) = self.known.read().get(function) {
            return Arc::clone(name);
        }
        let name = Arc::from(key_text(function));
        Arc::clone(self.known.write().entry(function).or_insert(name))
    }
}

/// A name as part of a key. Two names never have the same form: blanks become `~`, and a longer name ends in its hash.
/// The compiler's name for a closure becomes one that needs no escapes.
fn key_text(name: &str) -> String {
    let name = name.replace("{{closure}}", " closure ");
    let words = name.split(' ').map(|word| escaped(word.as_bytes(), b"()~@"));
    let text = words.collect::<Vec<_>>().join("~");
    if text.len() <= LONGEST {
        return text;
    }
    // Escaped text is ASCII.
    format!("{}~{:032x}", &text[..LONGEST - 33], fnv128(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

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
