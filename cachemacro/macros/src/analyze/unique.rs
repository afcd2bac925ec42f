//! Arguments that are, or visibly hold, a unique borrow: `&mut T`, `Option<&mut T>`, `Pin<&mut T>`. `T` may hold a transaction,
//! whatever its name is, unless it is known to hold none.

use proc_macro2::Ident;
use syn::visit::{self, Visit};
use syn::{
    GenericArgument, ParenthesizedGenericArguments, Path, PathArguments, PathSegment, Type, TypeFnPtr, TypeParamBound,
    TypeReference,
};

use crate::model::function::Function;

/// What is behind the unique borrows of a type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Unique {
    /// There are none.
    Absent,
    /// Only types that hold no connection: `Vec<u8>`, `StdRng`.
    Harmless,
    /// A type parameter, or `impl Trait`: its type is known when the function is called.
    Open,
    /// Any other type.
    Unknown,
}

/// Types of the standard library, and of widely used crates, that hold no connection unless one of their arguments does.
const HARMLESS: &[&str] = &[
    "String",
    "Vec",
    "VecDeque",
    "Option",
    "Result",
    "Box",
    "Rc",
    "Arc",
    "Cell",
    "RefCell",
    "Mutex",
    "RwLock",
    "Cow",
    "HashMap",
    "HashSet",
    "BTreeMap",
    "BTreeSet",
    "BinaryHeap",
    "LinkedList",
    "IndexMap",
    "IndexSet",
    "SmallVec",
    "ArrayVec",
    "Bytes",
    "BytesMut",
    "PathBuf",
    "Path",
    "OsString",
    "OsStr",
    "CString",
    "Duration",
    "Instant",
    "SystemTime",
    "Uuid",
    "Formatter",
    "DefaultHasher",
    "StdRng",
    "SmallRng",
    "ThreadRng",
    "OsRng",
    "ChaCha8Rng",
    "ChaCha12Rng",
    "ChaCha20Rng",
    "StepRng",
    "AtomicBool",
    "AtomicU32",
    "AtomicU64",
    "AtomicUsize",
    "PendingEvents",
];

/// Crates whose types hold no connection unless one of their arguments does.
const HARMLESS_CRATES: &[&str] =
    &["std", "core", "alloc", "rand", "rand_core", "rand_chacha", "fastrand", "bytes", "cachemacro"];

/// Traits that no connection has.
const HARMLESS_TRAITS: &[&str] =
    &["Rng", "RngCore", "RngExt", "CryptoRng", "TryRngCore", "SeedableRng", "Hasher", "Write", "BufMut"];

/// What is behind the unique borrows of an argument's type.
pub(crate) fn of(function: &Function, ty: &Type) -> Unique {
    let mut search = Borrows { function, found: Unique::Absent };
    search.visit_type(ty);
    search.found
}

struct Borrows<'f> {
    function: &'f Function,
    found: Unique,
}

impl<'ast> Visit<'ast> for Borrows<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        if reference.mutability.is_some() {
            self.found = self.found.max(behind(self.function, &reference.elem));
        }
        visit::visit_type_reference(self, reference);
    }
    // A function that takes a borrow does not hold one.
    fn visit_type_fn_ptr(&mut self, _: &'ast TypeFnPtr) {}
    fn visit_parenthesized_generic_arguments(&mut self, _: &'ast ParenthesizedGenericArguments) {}
}

fn behind(function: &Function, ty: &Type) -> Unique {
    match ty {
        Type::Reference(reference) => behind(function, &reference.elem),
        Type::Paren(paren) => behind(function, &paren.elem),
        Type::Group(group) => behind(function, &group.elem),
        Type::Slice(slice) => behind(function, &slice.elem),
        Type::Array(array) => behind(function, &array.elem),
        Type::Tuple(tuple) => worst(function, &tuple.elems),
        Type::FnPtr(_) | Type::Never(_) => Unique::Harmless,
        Type::ImplTrait(opaque) => bounds(&opaque.bounds, Unique::Open),
        Type::TraitObject(object) => bounds(&object.bounds, Unique::Unknown),
        Type::Path(path) if path.qself.is_none() => named(function, &path.path),
        _ => Unique::Unknown,
    }
}

fn worst<'t>(function: &Function, types: impl IntoIterator<Item = &'t Type>) -> Unique {
    types.into_iter().map(|ty| behind(function, ty)).max().unwrap_or(Unique::Harmless)
}

fn named(function: &Function, path: &Path) -> Unique {
    let Some(last) = path.segments.last() else { return Unique::Unknown };
    let name = last.ident.to_string();
    let alone = path.segments.len() == 1;
    if alone && is_param(function, &last.ident) {
        return param(function, &last.ident);
    }
    let is_known = if alone { HARMLESS.contains(&name.as_str()) } else { is_in(path, HARMLESS_CRATES) };
    if is_known || alone && name.starts_with(char::is_lowercase) {
        return worst(function, arguments(last));
    }
    Unique::Unknown
}

fn is_in(path: &Path, crates: &[&str]) -> bool {
    path.segments.first().is_some_and(|first| crates.iter().any(|krate| first.ident == krate))
}

fn is_param(function: &Function, ident: &Ident) -> bool {
    function.item.sig.generics.type_params().any(|param| param.ident == *ident) || looks_like_one(&ident.to_string())
}

/// `T`, `DB`: most likely a parameter of the `impl`, which an attribute does not see. It is checked when the function is called.
fn looks_like_one(name: &str) -> bool {
    name.starts_with(char::is_uppercase) && !name.contains(char::is_lowercase)
}

fn param(function: &Function, ident: &Ident) -> Unique {
    let own = function.item.sig.generics.type_params().find(|param| param.ident == *ident);
    own.map_or(Unique::Open, |param| bounds(&param.bounds, Unique::Open))
}

/// Harmless, if one of the traits is one that connections do not have.
fn bounds<'b>(bounds: impl IntoIterator<Item = &'b TypeParamBound>, otherwise: Unique) -> Unique {
    let mut names = bounds.into_iter().filter_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    });
    let is_harmless = names.any(|name| HARMLESS_TRAITS.contains(&name.as_str()));
    if is_harmless { Unique::Harmless } else { otherwise }
}

fn arguments(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
        _ => None,
    };
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;
    use crate::analyze::function;

    fn all(expected: Unique, types: &[&str]) {
        for ty in types {
            let parsed: Type = syn::parse_str(ty).expect(ty);
            let function = function::read(parse_quote!(fn f<T, G: Rng, Conn: Users>(x: #parsed) {}));
            assert_eq!(of(&function, &function.args[0].ty), expected, "{ty}");
        }
    }

    #[test]
    fn what_has_no_unique_borrow_has_none() {
        all(Unique::Absent, &["u64", "&Uow<'_>", "Cx<'_>", "Arc<Mutex<T>>", "fn(&mut Uow)", "Box<dyn Fn(&mut Uow)>"]);
    }

    #[test]
    fn buffers_and_generators_are_harmless() {
        let harmless =
            ["&mut Vec<u8>", "Option<&mut Vec<String>>", "&mut [u8]", "&mut StdRng", "&mut rand::rngs::StdRng"];
        all(Unique::Harmless, &harmless);
        let generators = ["&mut dyn RngCore", "&mut impl Rng", "&mut (impl Rng + ?Sized)", "&mut G", "&mut dyn Write"];
        all(Unique::Harmless, &generators);
        all(Unique::Harmless, &["&mut std::collections::HashMap<u64, Vec<String>>", "(&mut u64, &mut (u8, [f64; 3]))"]);
    }

    #[test]
    fn parameters_are_open() {
        all(
            Unique::Open,
            &["&mut T", "Option<&mut T>", "Pin<&mut T>", "&mut Vec<T>", "&mut Conn", "&mut DB", "&mut impl Users"],
        );
    }

    #[test]
    fn all_else_is_unknown() {
        let unknown = ["&mut Uow<'_>", "&mut MyConn", "Option<&mut Stats>", "Pin<&mut Uow<'_>>", "(&mut Uow, u8)"];
        all(Unique::Unknown, &unknown);
        let within = ["&mut Vec<User>", "&mut [Tx<'_>]", "&mut Ctx<T, u8>", "&mut dyn Users", "&mut <T as Has>::Conn"];
        all(Unique::Unknown, &within);
        all(Unique::Unknown, &["Vec<&mut Uow>", "&'a mut crate::Path", "&mut Option<Uow>", "&mut T::Conn"]);
    }
}
