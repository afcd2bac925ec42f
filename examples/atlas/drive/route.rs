//! The kinds of request in the traffic.

/// What a user wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Route {
    City,
    ByName,
    Largest,
    World,
    Unknown,
    Write,
}

impl Route {
    pub const ALL: [Self; 6] = [Self::City, Self::ByName, Self::Largest, Self::World, Self::Unknown, Self::Write];

    /// What a reader of the report calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::City => "a city by id",
            Self::ByName => "a city by name",
            Self::Largest => "ten largest of a country",
            Self::World => "totals of the world",
            Self::Unknown => "an id that does not exist",
            Self::Write => "a write",
        }
    }
}
