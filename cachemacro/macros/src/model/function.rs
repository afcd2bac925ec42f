//! The annotated function: signature, arguments and body.

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::token::SelfValue;
use syn::{Block, FnArg, ItemFn, Pat, ReceiverKind, Type};

pub(crate) struct Function {
    /// The item as the user wrote it.
    pub(crate) item: ItemFn,
    pub(crate) kind: Kind,
    pub(crate) receiver: Option<Receiver>,
    pub(crate) args: Vec<Arg>,
    /// The output of the call once it is awaited.
    pub(crate) output: Type,
    pub(crate) body: Body,
    /// The names of arguments that a `#[cfg(…)]` removes.
    pub(crate) absent: Vec<Ident>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Async,
    Sync,
    /// Not `async`, but returns a boxed future, as `#[async_trait]` writes it.
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
    /// Its name in the new signature.
    pub(crate) ident: Ident,
    /// Its names in the body.
    pub(crate) names: Vec<Ident>,
    pub(crate) binds: Binds,
    pub(crate) mutable: bool,
    pub(crate) passing: Passing,
    pub(crate) ty: Type,
    /// Whether it is moved into the load, so that there is one load at most, although it may be `Clone`: it is a connection.
    pub(crate) once: bool,
}

/// How an argument is bound to its names.
pub(crate) enum Binds {
    Plain,
    /// By the user's pattern in the signature.
    Pattern(Pat),
    /// By a pattern that `#[async_trait]` moved into the body, from which it is taken.
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

    /// Whether the method takes `&mut self`, `Pin<&mut Self>` or another unique borrow of itself.
    pub(crate) fn borrows_self_uniquely(&self) -> bool {
        self.receiver.as_ref().is_some_and(|receiver| matches!(receiver.form, ReceiverForm::RefMut))
    }

    /// `Pin<&mut Self>`, if that is the type of the receiver.
    pub(crate) fn pinned_receiver(&self) -> Option<&Type> {
        match &self.item.sig.receiver()?.kind {
            ReceiverKind::Typed(_, ty) if self.borrows_self_uniquely() && !matches!(**ty, Type::Reference(_)) => {
                Some(ty)
            }
            _ => None,
        }
    }

    /// An argument as the signature writes it, `id: u64`: what an error underlines.
    pub(crate) fn as_written(&self, arg: &Arg) -> TokenStream {
        let at = self.args.iter().position(|other| other.ident == arg.ident);
        let mut typed = self.item.sig.inputs.iter().filter(|input| matches!(input, FnArg::Typed(_)));
        at.and_then(|at| typed.nth(at)).map_or_else(|| arg.ident.to_token_stream(), ToTokens::to_token_stream)
    }
}

impl Arg {
    /// The pattern that binds its names, if it is not one name.
    pub(crate) fn pattern(&self) -> Option<&Pat> {
        match &self.binds {
            Binds::Plain => None,
            Binds::Pattern(pattern) | Binds::Moved(pattern) => Some(pattern),
        }
    }

    /// Whether a load gets it by value, and not a borrow of what the function has.
    pub(crate) fn is_by_value(&self) -> bool {
        self.once || matches!(self.passing, Passing::Value)
    }

    /// Its name in messages: the first that its pattern binds.
    pub(crate) fn name(&self) -> &Ident {
        self.names.first().unwrap_or(&self.ident)
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use crate::syntax::spelling::tidy;

    #[test]
    fn a_pinned_receiver_is_a_unique_borrow_with_a_type() {
        let read = crate::analyze::function::read;
        let pinned = read(parse_quote!(
            fn f(self: Pin<&mut Self>) {}
        ));
        assert!(pinned.borrows_self_uniquely() && pinned.pinned_receiver().is_some());
        let plain = read(parse_quote!(
            fn f(&mut self) {}
        ));
        assert!(plain.borrows_self_uniquely() && plain.pinned_receiver().is_none());
        let shared = read(parse_quote!(
            fn f(self: &Arc<Self>) {}
        ));
        assert!(!shared.borrows_self_uniquely() && shared.pinned_receiver().is_none());
    }

    #[test]
    fn errors_show_an_argument_as_it_is_written() {
        let function = crate::analyze::function::read(parse_quote!(
            fn f(&self, id: u64, (a, b): (u8, u8)) {}
        ));
        let written: Vec<_> = function.args.iter().map(|arg| tidy(&function.as_written(arg))).collect();
        assert_eq!(written, ["id:u64", "(a, b):(u8, u8)"]);
        assert_eq!(function.args[1].name().to_string(), "a");
    }
}
