//! The annotated function, taken apart.

use proc_macro2::{Ident, Span};
use syn::token::SelfValue;
use syn::{Block, ItemFn, Pat, Type};

pub(crate) struct Function {
    /// The item as the user wrote it.
    pub(crate) item: ItemFn,
    pub(crate) kind: Kind,
    pub(crate) receiver: Option<Receiver>,
    pub(crate) args: Vec<Arg>,
    /// What the call yields once awaited.
    pub(crate) output: Type,
    pub(crate) body: Body,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Async,
    Sync,
    /// Not `async`, but returns a boxed future: what `#[async_trait]` makes.
    Boxed,
}

pub(crate) enum Body {
    /// Statements that yield the output.
    Plain(Block),
    /// A block that yields a boxed future of this type.
    Future { ty: Box<Type>, block: Block },
}

pub(crate) struct Receiver {
    pub(crate) token: SelfValue,
    pub(crate) span: Span,
    pub(crate) mutable: bool,
    pub(crate) form: ReceiverForm,
}

pub(crate) enum ReceiverForm {
    /// `&self`
    Ref,
    /// `&mut self`
    RefMut,
    /// `self`, `self: Arc<Self>`
    Value(Type),
    /// `self: &Arc<Self>`: the type behind the reference.
    RefTo(Type),
}

pub(crate) struct Arg {
    /// What the outer signature calls it.
    pub(crate) ident: Ident,
    /// The names the body knows it by.
    pub(crate) names: Vec<Ident>,
    pub(crate) binds: Binds,
    pub(crate) mutable: bool,
    pub(crate) passing: Passing,
    pub(crate) ty: Type,
    /// Whether a load gets it as it is, and therefore once: a connection has no copies.
    pub(crate) once: bool,
}

/// How an argument gets its names.
pub(crate) enum Binds {
    Plain,
    /// By the user's pattern in the signature.
    Pattern(Pat),
    /// By a pattern that `#[async_trait]` moved into the body.
    Moved(Pat),
}

pub(crate) enum Passing {
    Value,
    /// `&T`: this is `T`.
    Ref(Type),
    /// `Option<&T>`: this is `T`.
    OptionRef(Type),
    /// `&mut T`: this is `T`.
    RefMut(Type),
}

impl Function {
    pub(crate) fn name(&self) -> String {
        self.item.sig.ident.to_string()
    }

    pub(crate) fn is_async(&self) -> bool {
        self.kind != Kind::Sync
    }

    /// Every name the arguments bind, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Ident> {
        self.args.iter().flat_map(|arg| &arg.names)
    }
}
