//! Who takes part, and as what.

/// What a contestant is, which decides what it is compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// This library.
    Ours,
    /// Another cache: it has a bound, a time to live, or both, or it is an annotation that caches.
    Peer,
    /// A bare map, without time and versions, and often without a bound: what the cheapest possible hit costs.
    Floor,
}

/// A contestant's name and role.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Contestant {
    /// What tables call it.
    pub name: &'static str,
    /// What it is compared as.
    pub role: Role,
}

impl Contestant {
    /// This library.
    #[must_use]
    pub const fn ours(name: &'static str) -> Self {
        Self { name, role: Role::Ours }
    }

    /// Another cache.
    #[must_use]
    pub const fn peer(name: &'static str) -> Self {
        Self { name, role: Role::Peer }
    }

    /// A bare map.
    #[must_use]
    pub const fn floor(name: &'static str) -> Self {
        Self { name, role: Role::Floor }
    }

    /// The name, with its role where it is a bare map.
    #[must_use]
    pub fn label(self) -> String {
        if self.role == Role::Floor { format!("*floor:* {}", self.name) } else { self.name.to_owned() }
    }
}
