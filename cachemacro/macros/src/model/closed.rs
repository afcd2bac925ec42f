//! Types of arguments that mean the same outside of the function.

use syn::visit_mut::{self, VisitMut};
use syn::{Lifetime, Path, Type};

/// Types that name a database in `Transaction<'_, Sqlite>`: no one calls a parameter so.
const DATABASES: [&str; 4] = ["Sqlite", "Postgres", "MySql", "Mssql"];

/// The type of an argument without the lifetimes of the function. A name that stands alone may be a parameter of the `impl`,
/// so only those with a path or with arguments are taken.
pub(crate) fn closed(ty: &Type) -> Option<Type> {
    struct Elide(bool);
    impl VisitMut for Elide {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            if lifetime.ident != "static" {
                *lifetime = Lifetime::new("'_", lifetime.span());
            }
        }
        fn visit_path_mut(&mut self, path: &mut Path) {
            if let Some(first) = path.segments.first() {
                let name = first.ident.to_string();
                let alone = path.segments.len() == 1 && first.arguments.is_none();
                let begins_in_module = path.segments.len() > 1 && is_primitive(&name);
                self.0 &= if alone {
                    is_primitive(&name) || DATABASES.contains(&name.as_str())
                } else {
                    path.segments.len() == 1 || begins_in_module
                };
                self.0 &= name != "Self";
            }
            visit_mut::visit_path_mut(self, path);
        }
        fn visit_type_mut(&mut self, ty: &mut Type) {
            self.0 &= !matches!(ty, Type::Infer(_) | Type::Macro(_) | Type::ImplTrait(_) | Type::TraitObject(_));
            visit_mut::visit_type_mut(self, ty);
        }
    }
    let mut ty = ty.clone();
    let mut search = Elide(true);
    search.visit_type_mut(&mut ty);
    search.0.then_some(ty)
}

/// In a method any bare name may be a parameter of its `impl`, but these.
pub(crate) fn is_primitive(name: &str) -> bool {
    name == "String" || name.starts_with(char::is_lowercase)
}
