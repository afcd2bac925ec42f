//! A part of `self` or of an argument, and what it is by the names of its fields: `self.tx` is a transaction.

use proc_macro2::Ident;
use syn::Member;

use crate::analyze::hints::{self, Hint};

/// A part of `self` or of an argument.
#[derive(Clone)]
pub(crate) struct Place {
    /// `self`, or the argument.
    pub(crate) root: Ident,
    pub(crate) kind: Kind,
    /// The last field of the path.
    pub(crate) name: Option<String>,
    /// Whether the path has a field.
    pub(crate) is_field: bool,
    pub(crate) borrow: Borrow,
}

/// What is known of a place, by the names of its path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// All of `self`, or of an argument.
    Whole,
    /// A part with another name.
    Part,
    /// A field with the name of a connection, which may also be a pool or a client.
    Connection,
    /// A copy of such a field: of a handle, or of a pointer to it.
    Copied,
    /// The content of a lock in such a field, or a local that is declared with the type of a connection.
    Guarded,
    /// The content of a variant, or a binding, with the name of a transaction. It may be a row.
    Perhaps,
    /// A field with the name of a transaction.
    Transaction,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Borrow {
    No,
    /// `*place`: a copy of what it points to, as a unique borrow cannot be moved out.
    Deref,
    Shared,
    Unique,
}

impl Place {
    pub(crate) fn whole(root: Ident) -> Self {
        Self { root, kind: Kind::Whole, name: None, is_field: false, borrow: Borrow::No }
    }

    pub(crate) fn field(self, member: &Member) -> Self {
        let name = match member {
            Member::Named(name) => Some(name.to_string()),
            Member::Unnamed(_) => None,
        };
        let hint = name.as_deref().and_then(hints::of_field);
        // `order.transaction.id` is a field of a row.
        let is_row = name.is_some() && hint.is_none() && self.name.as_deref() == Some("transaction");
        let kind = match (self.kind, hint) {
            (_, Some(Hint::Transaction)) => Kind::Transaction,
            (Kind::Transaction, _) if !is_row => Kind::Transaction,
            (Kind::Guarded, _) => Kind::Guarded,
            (Kind::Perhaps, None) if name.is_none() => Kind::Perhaps,
            (_, Some(Hint::Connection)) => Kind::Connection,
            (kind @ (Kind::Connection | Kind::Copied), None) if name.is_none() => kind,
            _ => Kind::Part,
        };
        Self { name, kind, is_field: true, borrow: Borrow::No, ..self }
    }

    /// The same place, bound to this name.
    pub(crate) fn bound_to(self, name: &str) -> Self {
        let kind = match (self.kind, hints::of_field(name)) {
            (Kind::Whole | Kind::Part, Some(Hint::Transaction)) => Kind::Perhaps,
            (Kind::Whole | Kind::Part, Some(Hint::Connection)) => Kind::Connection,
            (kind, _) => kind,
        };
        Self { kind, ..self }
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn kind_of(members: &[&str]) -> Kind {
        let whole = Place::whole(parse_quote!(uow));
        let member = |text: &&str| syn::parse_str::<Member>(text).expect("a field");
        members.iter().map(member).fold(whole, |place, member| place.field(&member)).kind
    }

    #[test]
    fn fields_are_known_by_their_names() {
        assert_eq!(kind_of(&[]), Kind::Whole);
        assert_eq!(kind_of(&["pool"]), Kind::Part);
        assert_eq!(kind_of(&["inner", "db_conn"]), Kind::Connection);
        assert_eq!(kind_of(&["inner", "tx"]), Kind::Transaction);
    }

    #[test]
    fn what_is_in_a_transaction_is_one_and_a_field_of_a_row_is_not() {
        assert_eq!(kind_of(&["tx", "inner"]), Kind::Transaction);
        assert_eq!(kind_of(&["transaction", "0"]), Kind::Transaction);
        assert_eq!(kind_of(&["transaction", "id"]), Kind::Part);
    }

    #[test]
    fn a_binding_with_the_name_of_a_transaction_may_be_a_row() {
        let place = Place::whole(parse_quote!(order));
        assert_eq!(place.clone().bound_to("tx").kind, Kind::Perhaps);
        assert_eq!(place.clone().bound_to("conn").kind, Kind::Connection);
        assert_eq!(place.bound_to("row").kind, Kind::Whole);
    }
}
