//! How `invalidated_by(UserUpdated { id })` finds the key of its event, and the message where the event has no such key.

use std::marker::PhantomData;

use super::aggregates::{AggregateKey, Aggregates};
use super::events::{Bind, Described, EventInfo};
use super::template::{Has, has_field};
use crate::util::const_text::{ConstText, same};

/// The key of an event with these fields, as [`Bind`] numbers them. Where the event has none, [`UnknownFields`] answers in its place,
/// and [`check_binding`] is the only error.
pub struct Fields<E, const NAMES: u64>(PhantomData<fn() -> E>);

impl<E: Bind<NAMES>, const NAMES: u64> Fields<E, NAMES> {
    /// The templates that these fields render.
    pub const TEMPLATES: &'static [&'static str] = <E::Key<'static> as AggregateKey>::TEMPLATES;

    /// The key with these values, which are in the order of the fields' names.
    pub fn key<'a>(values: E::Values<'a>) -> E::Key<'a> {
        E::key(values)
    }
}

/// What [`Fields`] of an event without such a key are.
pub trait UnknownFields {
    /// None.
    const TEMPLATES: &'static [&'static str] = &[];

    /// A key of no aggregate.
    fn key<V>(_: V) -> NoKey {
        NoKey
    }
}

impl<E, const NAMES: u64> UnknownFields for Fields<E, NAMES> {}

/// The key of no aggregate.
pub struct NoKey;

impl AggregateKey for NoKey {
    const TEMPLATES: &'static [&'static str] = &[];

    fn render(&self, _: &mut Aggregates) {}
}

/// Refuses a binding whose fields are not all fields of one key of the event.
///
/// # Panics
/// At compile time, with the keys of the event.
#[track_caller]
pub const fn check_binding(event: Described, fields: &[&str]) {
    let keys = event.keys;
    let mut at = 0;
    while at < keys.len() {
        if is_subset(keys[at], fields) && is_subset(fields, keys[at]) {
            return;
        }
        at += 1;
    }
    // The derive of an event with mistakes has its own errors.
    if !event.info.keys.is_empty() {
        let text = refusal(event.info, keys, fields);
        panic!("{}", text.as_str());
    }
}

/// Refuses a binding to an argument that is in the key of the function as one of these texts only, where the event's key does not compute
/// the same: an event whose field is spelled otherwise would not end the entry.
///
/// # Panics
/// At compile time, with what to write.
#[track_caller]
pub const fn check_computed(event: Described, templates: &[&str], field: &str, expected: &[&str]) {
    let mut at = 0;
    while at < templates.len() {
        if !matches!(has_field(templates[at], field, expected), Has::Expected | Has::Nothing) {
            let name = last_segment(event.info.rust_type);
            let mut text = ConstText::new();
            text.push("the key of the function has `");
            text.push(field);
            text.push("` as `");
            text.push(expected[0]);
            text.push("`, and the key of `");
            text.push(name);
            text.push("` is \"");
            text.push(templates[at]);
            text.push("\": an event with another spelling would not end the entry\nhelp: compute it in the event too, with `<");
            text.push(expected[0]);
            text.push(">` in its `key`; or, if each event carries what is computed, bind that: `");
            text.push(name);
            text.push(" { ");
            text.push(field);
            text.push(": … }` with the expression of the key");
            panic!("{}", text.as_str());
        }
        at += 1;
    }
}

/// Refuses a binding to what the key of the function computes, where the event's key computes something itself.
///
/// # Panics
/// At compile time, with what to write.
#[track_caller]
pub const fn check_carried(event: Described, templates: &[&str], field: &str) {
    let mut at = 0;
    while at < templates.len() {
        if matches!(has_field(templates[at], field, &[]), Has::Other) {
            let name = last_segment(event.info.rust_type);
            let mut text = ConstText::new();
            text.push("the key of `");
            text.push(name);
            text.push("`, \"");
            text.push(templates[at]);
            text.push("\", computes `");
            text.push(field);
            text.push("` itself\nhelp: bind the argument as it is: `");
            text.push(name);
            text.push(" { ");
            text.push(field);
            text.push(" }`");
            panic!("{}", text.as_str());
        }
        at += 1;
    }
}

const fn is_subset(part: &[&str], whole: &[&str]) -> bool {
    let mut at = 0;
    while at < part.len() {
        if !contains(whole, part[at]) {
            return false;
        }
        at += 1;
    }
    true
}

const fn contains(names: &[&str], name: &str) -> bool {
    let mut at = 0;
    while at < names.len() {
        if same(names[at], name) {
            return true;
        }
        at += 1;
    }
    false
}

/// The first field that is in no key.
const fn unknown<'f>(keys: &[&[&str]], fields: &[&'f str]) -> Option<&'f str> {
    let mut at = 0;
    while at < fields.len() {
        let mut key = 0;
        while key < keys.len() && !contains(keys[key], fields[at]) {
            key += 1;
        }
        if key == keys.len() {
            return Some(fields[at]);
        }
        at += 1;
    }
    None
}

const fn refusal(event: &EventInfo, keys: &[&[&str]], fields: &[&str]) -> ConstText {
    let name = last_segment(event.rust_type);
    let mut text = ConstText::new();
    text.push("`");
    text.push(name);
    match unknown(keys, fields) {
        Some(field) => {
            text.push("` has no key field `");
            text.push(field);
            text.push("`");
        }
        None if fields.is_empty() => text.push("` is bound without the fields of its key"),
        None => {
            text.push("` has no key with just the fields `");
            text.push_all(fields, "`, `");
            text.push("`");
        }
    }
    text.push("\nhelp: bind all fields of ");
    text.push(if keys.len() == 1 { "its key" } else { "one of its keys" });
    let mut at = 0;
    while at < keys.len() {
        text.push(if at == 0 { ": `" } else { "`, or `" });
        push_key(&mut text, name, keys[at]);
        at += 1;
    }
    text.push("`");
    text
}

/// `UserUpdated { id }`, `PostsChanged {}`
const fn push_key(text: &mut ConstText, name: &str, fields: &[&str]) {
    text.push(name);
    text.push(if fields.is_empty() { " {" } else { " { " });
    text.push_all(fields, ", ");
    text.push(if fields.is_empty() { "}" } else { " }" });
}

/// The name of a type without its module.
const fn last_segment(path: &str) -> &str {
    let bytes = path.as_bytes();
    let mut at = bytes.len();
    while at > 0 && bytes[at - 1] != b':' {
        at -= 1;
    }
    path.split_at(at).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventKind;

    const INFO: EventInfo = EventInfo {
        name: "mail.changed",
        rust_type: "app::MailChanged",
        keys: &["mail:<email>", "member:<org>:<id>"],
        kind: EventKind::Unversioned,
    };
    const KEYS: &[&[&str]] = &[&["email"], &["org", "id"]];

    #[test]
    fn the_message_names_the_wrong_field_and_all_keys() {
        let said = |fields: &[&str]| refusal(&INFO, KEYS, fields).as_str().to_owned();
        assert_eq!(
            said(&["email", "mail"]),
            "`MailChanged` has no key field `mail`\nhelp: bind all fields of one of its keys: `MailChanged { email }`, or \
             `MailChanged { org, id }`"
        );
        assert!(said(&["email", "org"]).starts_with("`MailChanged` has no key with just the fields `email`, `org`\n"));
        assert!(said(&[]).starts_with("`MailChanged` is bound without"));
        let whole = EventInfo { keys: &["posts"], rust_type: "PostsChanged", ..INFO };
        let said = refusal(&whole, &[&[]], &["id"]);
        assert_eq!(
            said.as_str(),
            "`PostsChanged` has no key field `id`\nhelp: bind all fields of its key: `PostsChanged {}`"
        );
    }
}
