//! The event types that an expression makes, by its syntax. The strategy report lists them.

use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprMacro, ExprMethodCall, ExprStruct, GenericArgument, Path, PathArguments, Token, Type};

use crate::model::function::Function;

/// Containers and wrappers, which hold events and are not events.
const WRAPPERS: [&str; 14] = [
    "Some", "Ok", "Err", "None", "Box", "Vec", "Arc", "Rc", "Option", "Result", "Default", "Into", "Iterator", "String",
];

/// Types that are no events, whatever is done with them.
const PRIMITIVES: [&str; 15] =
    ["bool", "char", "str", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize"];

/// The event types that occur in an expression, each once.
pub(crate) fn scan(expr: &Expr, function: &Function) -> Vec<Path> {
    let mut search = Search { function, found: Vec::new() };
    search.visit_expr(expr);
    search.found
}

struct Search<'a> {
    function: &'a Function,
    found: Vec<Path>,
}

impl Search<'_> {
    fn found(&mut self, path: Path) {
        let spelled = |path: &Path| path.to_token_stream().to_string();
        if !self.found.iter().any(|known| spelled(known) == spelled(&path)) {
            self.found.push(path);
        }
    }

    /// The type of an argument, without the references and containers around it.
    fn argument(&mut self, path: &Path) {
        let Some(name) = path.get_ident() else { return };
        let arg = self.function.args.iter().find(|arg| arg.names.len() == 1 && arg.names[0] == *name);
        if let Some(event) = arg.and_then(|arg| innermost(&arg.ty)) {
            self.found(event);
        }
    }
}

impl<'ast> Visit<'ast> for Search<'_> {
    fn visit_expr_struct(&mut self, node: &'ast ExprStruct) {
        // The fields of an event are data, not further events.
        self.found(as_type(&node.path, node.path.segments.len()));
    }

    fn visit_expr_call(&mut self, node: &'ast ExprCall) {
        let Expr::Path(function) = &*node.func else { return visit::visit_expr_call(self, node) };
        match type_of_call(&function.path) {
            Some(event) if !is_wrapper(&event) => self.found(event),
            _ => visit::visit_expr_call(self, node),
        }
    }

    /// `ids.iter().map(|id| Changed { id: *id })`, `changed.then(|| Changed { id })`: what the method is called on is no event where its
    /// argument makes one.
    fn visit_expr_method_call(&mut self, node: &'ast ExprMethodCall) {
        let mut inner = Search { function: self.function, found: Vec::new() };
        node.args.iter().for_each(|argument| inner.visit_expr(argument));
        let replaces =
            node.method == "then_some" || node.args.iter().any(|argument| matches!(argument, Expr::Closure(_)));
        if inner.found.is_empty() || !replaces {
            self.visit_expr(&node.receiver);
        }
        inner.found.into_iter().for_each(|event| self.found(event));
    }

    fn visit_expr_path(&mut self, node: &'ast syn::ExprPath) {
        self.argument(&node.path);
    }

    fn visit_expr_field(&mut self, _: &'ast syn::ExprField) {}

    fn visit_expr_if(&mut self, node: &'ast syn::ExprIf) {
        self.visit_block(&node.then_branch);
        if let Some((_, otherwise)) = &node.else_branch {
            self.visit_expr(otherwise);
        }
    }

    fn visit_expr_match(&mut self, node: &'ast syn::ExprMatch) {
        node.arms.iter().for_each(|arm| self.visit_expr(&arm.body));
    }

    fn visit_expr_macro(&mut self, node: &'ast ExprMacro) {
        let elements =
            |input: syn::parse::ParseStream<'_>| input.parse_terminated(|input| input.parse::<Expr>(), Token![,]);
        if let Ok(elements) = node.mac.parse_body_with(elements) {
            let mut inner = Search { function: self.function, found: Vec::new() };
            elements.iter().for_each(|element| inner.visit_expr(element));
            inner.found.into_iter().for_each(|event| self.found(event));
        }
    }
}

/// `UserUpdated::new` and `UserUpdated(..)` both make a `UserUpdated`.
fn type_of_call(path: &Path) -> Option<Path> {
    let capitalised = |at: usize| path.segments[at].ident.to_string().starts_with(char::is_uppercase);
    let count = path.segments.len();
    if count >= 2 && capitalised(count - 2) {
        return Some(as_type(path, count - 1));
    }
    (count >= 1 && capitalised(count - 1)).then(|| as_type(path, count))
}

fn as_type(path: &Path, count: usize) -> Path {
    Path { leading_colon: path.leading_colon, segments: path.segments.iter().take(count).cloned().collect() }
}

fn is_wrapper(path: &Path) -> bool {
    path.segments.last().is_some_and(|last| WRAPPERS.iter().any(|wrapper| last.ident == wrapper))
}

fn is_primitive(path: &Path) -> bool {
    path.get_ident().is_some_and(|name| PRIMITIVES.iter().any(|primitive| name == primitive))
}

fn innermost(ty: &Type) -> Option<Path> {
    match ty {
        Type::Reference(reference) => innermost(&reference.elem),
        Type::Paren(paren) => innermost(&paren.elem),
        Type::Group(group) => innermost(&group.elem),
        Type::Slice(slice) => innermost(&slice.elem),
        Type::Array(array) => innermost(&array.elem),
        Type::Path(path) if path.qself.is_none() => {
            if !is_wrapper(&path.path) {
                return (!is_primitive(&path.path)).then(|| path.path.clone());
            }
            let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else { return None };
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => innermost(ty),
                _ => None,
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;
    use crate::analyze::function;
    use crate::syntax::spelling::tidy;

    fn found(expr: Expr) -> Vec<String> {
        let function = function::read(parse_quote! {
            fn f(event: UserUpdated, all: &[Option<m::Moved>], id: u64, ids: Vec<UserId>, team: Option<TeamId>, changed: bool) {}
        });
        scan(&expr, &function).iter().map(tidy).collect()
    }

    #[test]
    fn events_are_found_in_every_expression_that_makes_one() {
        for (expr, expected) in [
            (parse_quote!(event), vec!["UserUpdated"]),
            (parse_quote!(&event), vec!["UserUpdated"]),
            (parse_quote!(all), vec!["m::Moved"]),
            (parse_quote!(UserUpdated { id, version: Version::new(1) }), vec!["UserUpdated"]),
            (parse_quote!(events::UserUpdated::new(id)), vec!["events::UserUpdated"]),
            (parse_quote!(UserUpdated(id)), vec!["UserUpdated"]),
            (parse_quote!(Some(Box::new(A { id }))), vec!["A"]),
            (parse_quote!((A { id }, [B::new()], vec![C(id), A { id }])), vec!["A", "B", "C"]),
            (parse_quote!(ids.iter().map(|id| A { id: *id }).collect::<Vec<_>>()), vec!["A"]),
            (parse_quote!(team.map(|team| A { team })), vec!["A"]),
            (parse_quote!(changed.then(|| A { id })), vec!["A"]),
            (parse_quote!(changed.then_some(A { id })), vec!["A"]),
            (parse_quote!(all.iter().flatten().cloned().collect::<Vec<_>>()), vec!["m::Moved"]),
            (
                parse_quote!((event.clone(), all.iter().map(|moved| B { id: moved.id }).collect::<Vec<_>>())),
                vec!["UserUpdated", "B"],
            ),
            (parse_quote!(vec![event.clone(), UserUpdated { id }]), vec!["UserUpdated"]),
            (parse_quote!(|user| if user.gone { Some(A { id }) } else { None }), vec!["A"]),
            (
                parse_quote!(|user| {
                    let v = 1;
                    match user {
                        _ => A { id },
                    }
                }),
                vec!["A"],
            ),
        ] {
            assert_eq!(found(expr), expected);
        }
    }

    #[test]
    fn no_event_is_guessed() {
        assert!(found(parse_quote!(|user| user.event())).is_empty());
        assert!(found(parse_quote!(make_event())).is_empty());
        assert!(found(parse_quote!(make_event(id))).is_empty());
        assert!(found(parse_quote!(changed.then(make_event))).is_empty());
    }
}
