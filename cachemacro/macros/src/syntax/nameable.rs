//! Types that mean the same outside of the function that names them.
//!
//! A `static` inside a function cannot name the generic parameters of the function or of its `impl`, and an attribute does not
//! see the `impl`. A name that stands alone, `User`, may be such a parameter, whatever it is called. A name with generic
//! arguments, or with a module before it, is never one.

use syn::visit_mut::{self, VisitMut};
use syn::{Lifetime, Path, Type};

/// Types that name a database in `Transaction<'_, Sqlite>`.
const DATABASES: [&str; 4] = ["Sqlite", "Postgres", "MySql", "Mssql"];

/// The type with the lifetimes of the function left out, if no name in it can be a generic parameter.
pub(crate) fn nameable(ty: &Type) -> Option<Type> {
    let mut search = Search { is_nameable: true };
    let mut ty = ty.clone();
    search.visit_type_mut(&mut ty);
    search.is_nameable.then_some(ty)
}

struct Search {
    is_nameable: bool,
}

impl VisitMut for Search {
    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident != "static" {
            *lifetime = Lifetime::new("'_", lifetime.span());
        }
    }

    fn visit_path_mut(&mut self, path: &mut Path) {
        if let Some(first) = path.segments.first() {
            let name = first.ident.to_string();
            let is_known = match path.segments.len() {
                1 if first.arguments.is_none() => is_std(&name) || DATABASES.contains(&name.as_str()),
                1 => true,
                // `T::Item` begins with a parameter, `shop::User` with a module.
                _ => name.starts_with(char::is_lowercase),
            };
            self.is_nameable &= is_known;
        }
        visit_mut::visit_path_mut(self, path);
    }

    fn visit_type_mut(&mut self, ty: &mut Type) {
        self.is_nameable &= !matches!(ty, Type::Infer(_) | Type::Macro(_) | Type::ImplTrait(_) | Type::TraitObject(_));
        visit_mut::visit_type_mut(self, ty);
    }
}

/// `u64`, `str`, `String`.
fn is_std(name: &str) -> bool {
    name == "String" || name.starts_with(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::spelling::tidy;

    fn outside(ty: &str) -> Option<String> {
        nameable(&syn::parse_str(ty).expect(ty)).map(|ty| tidy(&ty))
    }

    #[test]
    fn no_name_of_a_nameable_type_can_be_a_parameter() {
        for ty in ["u64", "Result<Option<shop::User>, sqlx::Error>", "Vec<String>", "[u8; 4]", "[u8; limits::SIZE]"] {
            assert_eq!(outside(ty).as_deref(), Some(ty));
        }
        for ty in [
            "Stored",
            "Option<Row>",
            "Vec<T>",
            "[u8; N]",
            "Page<N>",
            "Self",
            "Result<Self::Item, E>",
            "T::Item",
            "<T as A>::B",
        ] {
            assert_eq!(outside(ty), None, "{ty}");
        }
    }

    #[test]
    fn lifetimes_of_the_function_are_left_out() {
        assert_eq!(outside("&'a mut Uow<'a, Sqlite>").as_deref(), Some("&'_ mut Uow<'_, Sqlite>"));
        assert_eq!(outside("Cow<'static, str>").as_deref(), Some("Cow<'static, str>"));
    }

    #[test]
    fn types_without_a_name_are_not_nameable() {
        for ty in ["_", "impl shop::Rows", "Box<dyn shop::Rows>", "shop::row!(u8)"] {
            assert_eq!(outside(ty), None, "{ty}");
        }
    }
}
