//! The paths of a writer's events, which its expansion names once each.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::visit_mut::{self, VisitMut};
use syn::{ExprPath, ExprStruct, Path};

use crate::expand::span::{at, ends, here};
use crate::model::writer::{Source, Writer};

/// Replaces the paths of events by their aliases. What a macro is given stays as it is.
pub(crate) fn in_sources(writer: &mut Writer) {
    let mut names = Names { events: &writer.events };
    for source in &mut writer.sources {
        match source {
            Source::Arguments(expr) => names.visit_expr_mut(expr),
            Source::Value(closure) => names.visit_expr_mut(&mut closure.body),
        }
    }
}

/// ```text
/// type Event0 = UserUpdated;
/// ```
/// For each event. One that is not there is one error, at the place where the user names it.
pub(crate) fn aliases(writer: &Writer) -> TokenStream {
    let aliases = writer.events.iter().enumerate().map(|(number, event)| {
        let alias = alias(number);
        quote_spanned!(here()=> #[allow(dead_code)] type #alias = #event;)
    });
    aliases.collect()
}

/// The name of an event inside of the function.
pub(crate) fn alias(number: usize) -> Ident {
    format_ident!("__CachemacroEvent{number}", span = here())
}

struct Names<'w> {
    events: &'w [Path],
}

impl Names<'_> {
    /// Replaces the first `count` segments, if they name an event. The alias is located at the user's last one.
    fn replace(&self, path: &mut Path, count: usize) {
        let of_type =
            Path { leading_colon: path.leading_colon, segments: path.segments.iter().take(count).cloned().collect() };
        let spelled = of_type.to_token_stream().to_string();
        let Some(number) = self.events.iter().position(|event| event.to_token_stream().to_string() == spelled) else {
            return;
        };
        let mut alias = alias(number);
        alias.set_span(at(ends(&of_type).1));
        let rest = path.segments.iter().skip(count).cloned();
        path.segments = std::iter::once(alias.into()).chain(rest).collect();
        path.leading_colon = None;
    }
}

impl VisitMut for Names<'_> {
    fn visit_expr_struct_mut(&mut self, node: &mut ExprStruct) {
        if node.qself.is_none() {
            let count = node.path.segments.len();
            self.replace(&mut node.path, count);
        }
        visit_mut::visit_expr_struct_mut(self, node);
    }

    /// `UserUpdated::new`
    fn visit_expr_path_mut(&mut self, node: &mut ExprPath) {
        let count = node.path.segments.len();
        if node.qself.is_none() && count >= 2 {
            self.replace(&mut node.path, count - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use syn::{Expr, parse_quote};

    use super::*;
    use crate::syntax::spelling::tidy;

    #[test]
    fn paths_that_make_an_event_are_replaced() {
        let events: [Path; 2] = [parse_quote!(UserUpdated), parse_quote!(events::Moved)];
        let renamed = |mut expr: Expr| {
            Names { events: &events }.visit_expr_mut(&mut expr);
            tidy(&expr)
        };
        assert_eq!(renamed(parse_quote!(UserUpdated { id: 1 })), "__CachemacroEvent0 { id:1 }");
        assert_eq!(renamed(parse_quote!(f(&events::Moved::new(id)))), "f(&__CachemacroEvent1::new(id))");
        assert_eq!(renamed(parse_quote!(Moved { id: UserUpdated })), "Moved { id:UserUpdated }");
        assert_eq!(renamed(parse_quote!(vec![UserUpdated { id }])), "vec![UserUpdated { id }]");
    }
}
