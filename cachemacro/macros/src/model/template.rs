//! A key template whose placeholders are known to exist.

use proc_macro2::Ident;
use syn::{LitStr, Member};

pub(crate) struct Template {
    pub(crate) literal: LitStr,
    pub(crate) pieces: Vec<Piece>,
}

pub(crate) enum Piece {
    Text(String),
    Place(Place),
}

/// `<user.id>`: a root, and the fields after it.
pub(crate) struct Place {
    /// The name as the signature writes it: an argument, a field of an event, or `self`.
    pub(crate) root: Ident,
    pub(crate) members: Vec<Member>,
}

impl Template {
    pub(crate) fn places(&self) -> impl Iterator<Item = &Place> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Place(place) => Some(place),
            Piece::Text(_) => None,
        })
    }

    pub(crate) fn starts_from(&self, name: &Ident) -> bool {
        self.places().any(|place| place.root == *name)
    }
}
