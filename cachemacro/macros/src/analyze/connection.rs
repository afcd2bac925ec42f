//! Which arguments are transactions, connections and executors of a database, by the names of their types.
//!
//! - A *transaction* is a concrete type such as `Transaction<'_, Postgres>`, `DatabaseTransaction` or `Savepoint`.
//! - An *executor* is any other connection, `PgConnection` or `PoolConnection<Sqlite>`, and every type that may be one:
//!   `impl Executor<'_>`, `E: ConnectionTrait`, `&dyn GenericClient`.
//! - A pool, `PgPool` or `DatabaseConnection`, is neither: it uses another connection for each query.
//! - `Transaction`, `Connection` and a few more are also names of rows. Without a lifetime, or a path into a database crate,
//!   they are *unsure*: the type is a row if it is `Clone`, as connections are not.
//!
//! What an alias or a struct of the user holds is not visible here. The runtime checks the names of types when the function is
//! called.

use proc_macro2::Ident;
use syn::visit::{self, Visit};
use syn::{
    GenericArgument, GenericParam, Generics, ParenthesizedGenericArguments, Path, PathArguments, PathSegment, Type,
    TypeFnPtr, TypeParamBound, TypePath, WherePredicate,
};

use crate::model::function::Function;

mod crates;
mod names;

use crates::{DATABASES, OTHERS};
use names::{
    EXECUTOR_TRAITS, EXECUTORS, QUALIFIED_EXECUTORS, TRANSACTIONS, UNSURE_EXECUTORS, UNSURE_TRANSACTIONS, WRAPPERS,
};

/// What a type is to a database.
#[derive(Clone)]
pub(crate) enum Connection {
    Transaction,
    Executor,
    /// It has the name of a transaction, and is one unless this type is `Clone`.
    UnsureTransaction(Box<Type>),
    /// It has the name of a connection, and is one unless this type is `Clone`.
    UnsureExecutor(Box<Type>),
}

/// What an argument of this type is to a database, if anything.
pub(crate) fn of(function: &Function, ty: &Type) -> Option<Connection> {
    Search { generics: &function.item.sig.generics, depth: 0 }.ty(ty)
}

/// Whether the signature shows that this argument is a connection or a pool.
pub(crate) fn is_shown(function: &Function, name: &Ident) -> bool {
    let arg = function.args.iter().find(|arg| arg.names.contains(name));
    arg.is_some_and(|arg| of(function, &arg.ty).is_some() || is_pool_type(&arg.ty))
}

/// Whether every call passes a connection: the type has no parameter of the function, and no `impl Trait`.
pub(crate) fn is_concrete(function: &Function, ty: &Type) -> bool {
    struct Open<'f>(&'f Function, bool);
    impl<'ast> Visit<'ast> for Open<'_> {
        fn visit_type_impl_trait(&mut self, _: &'ast syn::TypeImplTrait) {
            self.1 = true;
        }
        fn visit_path(&mut self, path: &'ast Path) {
            let first = path.segments.first();
            self.1 |= first
                .is_some_and(|first| self.0.item.sig.generics.type_params().any(|param| param.ident == first.ident));
            visit::visit_path(self, path);
        }
    }
    let sure = matches!(of(function, ty), Some(Connection::Executor));
    let mut open = Open(function, false);
    open.visit_type(ty);
    sure && !open.1
}

/// `&PgPool`, `Arc<Pool<Postgres>>`.
pub(crate) fn is_pool_type(ty: &Type) -> bool {
    match ty {
        Type::Reference(reference) => is_pool_type(&reference.elem),
        Type::Paren(paren) => is_pool_type(&paren.elem),
        Type::Group(group) => is_pool_type(&group.elem),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| {
            let name = last.ident.to_string();
            is_pool(&name) || WRAPPERS.contains(&name.as_str()) && types(last).any(is_pool_type)
        }),
        _ => false,
    }
}

/// Whether a type may hold a connection that its name does not show: an alias, a struct of the user, a parameter.
pub(crate) fn may_hold(ty: &Type) -> bool {
    const PLAIN: &[&str] =
        &["String", "Vec", "Option", "Result", "HashMap", "HashSet", "BTreeMap", "BTreeSet", "Uuid", "Duration"];
    struct Other(bool);
    impl<'ast> Visit<'ast> for Other {
        fn visit_path(&mut self, path: &'ast Path) {
            if let Some(last) = path.segments.last() {
                let name = last.ident.to_string();
                self.0 |= name.starts_with(char::is_uppercase) && !PLAIN.contains(&name.as_str());
            }
            visit::visit_path(self, path);
        }
        fn visit_type_fn_ptr(&mut self, _: &'ast TypeFnPtr) {}
        fn visit_parenthesized_generic_arguments(&mut self, _: &'ast ParenthesizedGenericArguments) {}
    }
    let mut other = Other(false);
    other.visit_type(ty);
    other.0
}

struct Search<'g> {
    generics: &'g Generics,
    /// How many bounds were followed: they may name other parameters, which have bounds too.
    depth: u8,
}

impl Search<'_> {
    fn ty(&self, ty: &Type) -> Option<Connection> {
        match ty {
            Type::Reference(reference) => self.ty(&reference.elem),
            Type::Paren(paren) => self.ty(&paren.elem),
            Type::Group(group) => self.ty(&group.elem),
            Type::Tuple(tuple) => tuple.elems.iter().find_map(|ty| self.ty(ty)),
            Type::ImplTrait(opaque) => self.bounds(&opaque.bounds),
            Type::TraitObject(object) => self.bounds(&object.bounds),
            Type::Path(path) => self.path(path, ty),
            _ => None,
        }
    }

    fn path(&self, path: &TypePath, ty: &Type) -> Option<Connection> {
        if let Some(param) = path.path.get_ident().filter(|ident| self.is_param(ident)) {
            return self.param(param);
        }
        let last = path.path.segments.last()?;
        let name = last.ident.to_string();
        if is_pool(&name) || is_elsewhere(&path.path) {
            return None;
        }
        let names = |list: &[&str]| list.contains(&name.as_str());
        if names(TRANSACTIONS) {
            return Some(Connection::Transaction);
        }
        if names(EXECUTORS) || is_associated(path) && names(UNSURE_EXECUTORS) {
            return Some(Connection::Executor);
        }
        let is_qualified = is_of(&path.path, DATABASES);
        if names(UNSURE_TRANSACTIONS) {
            let is_sure = is_qualified || has_lifetime(last) || self.names_database(last);
            return Some(if is_sure { Connection::Transaction } else { Connection::UnsureTransaction(unsure(ty)) });
        }
        if names(UNSURE_EXECUTORS) {
            return Some(if is_qualified { Connection::Executor } else { Connection::UnsureExecutor(unsure(ty)) });
        }
        if is_qualified && names(QUALIFIED_EXECUTORS) {
            return Some(Connection::Executor);
        }
        if names(WRAPPERS) { types(last).find_map(|ty| self.ty(ty)) } else { None }
    }

    /// `Transaction<Postgres>`, with its lifetime left out, or `Transaction<DB>`.
    fn names_database(&self, segment: &PathSegment) -> bool {
        const NAMES: &[&str] = &["Postgres", "MySql", "Sqlite", "Any", "Mssql", "DB", "Db"];
        types(segment).any(|ty| match ty {
            Type::Path(path) => {
                path.path.segments.last().is_some_and(|last| NAMES.iter().any(|name| last.ident == name))
            }
            _ => false,
        })
    }

    fn is_param(&self, ident: &Ident) -> bool {
        self.generics.type_params().any(|param| param.ident == *ident)
    }

    fn param(&self, ident: &Ident) -> Option<Connection> {
        let search = Search { generics: self.generics, depth: self.depth + 1 };
        if search.depth > 3 {
            return None;
        }
        let own = self.generics.params.iter().filter_map(|param| match param {
            GenericParam::Type(param) if param.ident == *ident => Some(&param.bounds),
            _ => None,
        });
        let predicates = self.generics.where_clause.iter().flat_map(|clause| &clause.predicates);
        let given = predicates.filter_map(|predicate| match predicate {
            WherePredicate::Type(predicate) if is_about(&predicate.bounded_ty, ident) => Some(&predicate.bounds),
            _ => None,
        });
        own.chain(given).find_map(|bounds| search.bounds(bounds))
    }

    fn bounds<'b>(&self, bounds: impl IntoIterator<Item = &'b TypeParamBound>) -> Option<Connection> {
        bounds.into_iter().find_map(|bound| match bound {
            TypeParamBound::Trait(bound) => self.bound(&bound.path),
            _ => None,
        })
    }

    /// `Executor<'e>`, and also `DerefMut<Target = PgConnection>`.
    fn bound(&self, path: &Path) -> Option<Connection> {
        let last = path.segments.last()?;
        let name = last.ident.to_string();
        let is_executor = EXECUTORS.contains(&name.as_str()) || EXECUTOR_TRAITS.contains(&name.as_str());
        if is_executor && !is_elsewhere(path) {
            return Some(Connection::Executor);
        }
        types(last).find_map(|ty| self.ty(ty)).map(|_| Connection::Executor)
    }
}

fn unsure(ty: &Type) -> Box<Type> {
    Box::new(ty.clone())
}

/// `PgPool`, `r2d2::Pool<M>`, and sea-orm's `DatabaseConnection`, which is a pool too.
fn is_pool(name: &str) -> bool {
    name.ends_with("Pool") || name == "DatabaseConnection"
}

/// Whether the path begins in one of these crates.
fn is_of(path: &Path, crates: &[&str]) -> bool {
    let first = path.segments.first().filter(|_| path.segments.len() > 1);
    first.is_some_and(|first| crates.iter().any(|krate| first.ident == krate))
}

/// `redis::aio::Connection`, and `rt::Executor` of hyper.
fn is_elsewhere(path: &Path) -> bool {
    is_of(path, OTHERS) || is_of(path, &["rt"])
}

/// `DB::Connection`, `<DB as Database>::Connection`.
fn is_associated(path: &TypePath) -> bool {
    let segments = &path.path.segments;
    let shouted = |segment: &PathSegment| !segment.ident.to_string().contains(char::is_lowercase);
    path.qself.is_some() || segments.len() == 2 && segments.first().is_some_and(shouted)
}

fn has_lifetime(segment: &PathSegment) -> bool {
    match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => {
            arguments.args.iter().any(|argument| matches!(argument, GenericArgument::Lifetime(_)))
        }
        _ => false,
    }
}

/// The types among the generic arguments, with those of associated types, and without those of `Fn(..)`.
fn types(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
        _ => None,
    };
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        GenericArgument::AssocType(assigned) => Some(&assigned.ty),
        _ => None,
    })
}

/// Whether a bounded type is the parameter, or a reference to it: `for<'c> &'c mut C: Executor<'c>`.
fn is_about(ty: &Type, ident: &Ident) -> bool {
    match ty {
        Type::Reference(reference) => is_about(&reference.elem, ident),
        Type::Paren(paren) => is_about(&paren.elem, ident),
        Type::Group(group) => is_about(&group.elem, ident),
        Type::Path(path) => path.path.is_ident(ident),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
