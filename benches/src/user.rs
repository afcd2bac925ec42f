//! The value that everyone caches.

use std::sync::LazyLock;

use cachemacro::CacheEvent;
use hitbox_fn::CacheableResponse;
use serde::{Deserialize, Serialize};

/// Some 300 bytes, three of its fields on the heap, as rows of a database are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, CacheableResponse)]
pub struct User {
    /// The primary key.
    pub id: u64,
    /// The row's version.
    pub version: u64,
    /// A short text.
    pub name: String,
    /// Another.
    pub email: String,
    /// A longer one.
    pub about: String,
}

/// A user was written.
#[derive(Clone, Debug, Serialize, Deserialize, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
pub struct UserUpdated {
    /// Whose row.
    pub id: u64,
    /// Its new version.
    pub version: u64,
}

/// What the database would answer.
#[must_use]
pub fn user(id: u64) -> User {
    User {
        id,
        version: 1,
        name: format!("User {id}"),
        email: format!("user{id}@example.org"),
        about: "Reads much, writes little, and never says the same thing twice. ".repeat(3),
    }
}

/// How many users have a name.
const NAMED: usize = 1 << 14;

/// The name under which a user is looked up where the key is a text: 25 bytes.
#[must_use]
pub fn name(id: u64) -> &'static str {
    static NAMES: LazyLock<Vec<String>> =
        LazyLock::new(|| (0..NAMED).map(|id| format!("user-{id:08}@example.org")).collect());
    &NAMES[usize::try_from(id).expect("few users") & (NAMED - 1)]
}
