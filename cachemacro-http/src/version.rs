//! The version of a response.

/// The version of a response.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Version {
    /// Nothing was served yet.
    #[default]
    Any,
    /// That of one entry: of this function, under this key.
    Of(u64, (&'static str, String)),
    /// It has none, or more than one.
    Never,
}

impl Version {
    pub(crate) fn and(&mut self, other: Option<(u64, (&'static str, String))>) {
        *self = match (std::mem::take(self), other) {
            (Self::Any, Some((version, entry))) => Self::Of(version, entry),
            (Self::Of(version, entry), Some(other)) if (version, &entry) == (other.0, &other.1) => {
                Self::Of(version, entry)
            }
            _ => Self::Never,
        };
    }
}
