//! What of an event other services get: its JSON where its type has one, and never a compile error where it has none.

use cachemacro::CacheEvent;
use serde::{Deserialize, Serialize, Serializer};

#[derive(Clone, Serialize, Deserialize, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated {
    id: u64,
    #[serde(rename = "v")]
    version: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "user.moved", key = "user:<id>")]
struct UserMoved {
    id: u64,
}

/// `Serialize`, but with an error for every value.
#[derive(Clone, CacheEvent)]
#[event(name = "user.odd", key = "user:<id>")]
struct Odd {
    id: u64,
}

impl Serialize for Odd {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("odd"))
    }
}

#[test]
fn a_serializable_event_travels_as_json() {
    let event = UserUpdated { id: 7, version: u64::MAX };
    assert_eq!(event.wire().as_deref(), Some(r#"{"id":7,"v":18446744073709551615}"#));
    let borrowed: &UserUpdated = &event;
    assert_eq!(CacheEvent::wire(&borrowed), event.wire(), "a borrowed event is the same on the wire");
}

#[test]
fn any_other_event_stays_and_its_moves_travel() {
    assert_eq!(UserMoved { id: 7 }.wire(), None);
    assert_eq!(Odd { id: 7 }.wire(), None);
}
