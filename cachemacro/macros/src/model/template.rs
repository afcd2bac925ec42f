//! A key template whose placeholders are known to exist.

use proc_macro2::Ident;
use syn::{Expr, LitStr, Member};

pub(crate) struct Template {
    pub(crate) literal: LitStr,
    pub(crate) pieces: Vec<Piece>,
    /// The arguments, or fields of an event, that the placeholders name; `self` among them.
    pub(crate) covers: Vec<Ident>,
}

pub(crate) enum Piece {
    Text(String),
    Place(Place),
    Computed(Computed),
}

/// `<user.id>`: a root, and the fields after it.
pub(crate) struct Place {
    /// The name as the signature writes it: an argument, a field of an event, or `self`. Or that of a `let` of the attribute.
    pub(crate) root: Ident,
    pub(crate) members: Vec<Member>,
}

/// `<email.to_lowercase()>`
#[derive(Clone)]
pub(crate) struct Computed {
    pub(crate) expr: Expr,
    /// The names in it, as roots of places are.
    pub(crate) roots: Vec<Ident>,
}

impl Template {
    pub(crate) fn places(&self) -> impl Iterator<Item = &Place> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Place(place) => Some(place),
            Piece::Text(_) | Piece::Computed(_) => None,
        })
    }

    /// The computed parts, in their order.
    pub(crate) fn computed(&self) -> impl Iterator<Item = &Computed> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Computed(computed) => Some(computed),
            Piece::Text(_) | Piece::Place(_) => None,
        })
    }

    /// The names of all placeholders, with repetitions.
    pub(crate) fn roots(&self) -> impl Iterator<Item = &Ident> {
        self.places().map(|place| &place.root).chain(self.computed().flat_map(|computed| &computed.roots))
    }

    pub(crate) fn starts_from(&self, name: &Ident) -> bool {
        self.covers.contains(name)
    }
}
