//! The kinds of values that attributes have, each read from one item.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Expr, ExprClosure, ExprLit, Lit, LitBool, LitStr, Path};

use crate::model::policy::{Computed, Ttl};
use crate::parse::item::{Item, ItemBody};
use crate::parse::{duration, percent, split};
use crate::syntax::diag::{list, message};
use crate::syntax::mentions::mentions;
use crate::syntax::nearest::did_you_mean;
use crate::syntax::spelling::tidy;

/// The tokens after `=`.
fn assigned(item: &Item, example: &str) -> syn::Result<TokenStream> {
    let name = item.spelled();
    match &item.body {
        ItemBody::Value(tokens) if !tokens.is_empty() => Ok(tokens.clone()),
        _ => {
            Err(wrong(&item.tokens, format!("`{name}` needs a value after `=`"), format!("write `{name} = {example}`")))
        }
    }
}

/// The tokens in parentheses.
pub(crate) fn listed(item: &Item, example: &str) -> syn::Result<TokenStream> {
    let name = item.spelled();
    match &item.body {
        ItemBody::List(tokens) if !tokens.is_empty() => Ok(tokens.clone()),
        _ => Err(wrong(
            &item.tokens,
            format!("`{name}` needs a list in parentheses"),
            format!("write `{name}({example})`"),
        )),
    }
}

fn wrong(node: impl ToTokens, what: impl std::fmt::Display, remedy: impl std::fmt::Display) -> syn::Error {
    syn::Error::new_spanned(node, message(what, remedy))
}

/// Reads all tokens as one value.
fn whole<T: Parse>(item: &Item, tokens: TokenStream, example: &str) -> syn::Result<T> {
    let name = item.spelled();
    let value = |input: ParseStream<'_>| {
        let value: T = input.parse().map_err(|error| {
            let what = format!("the value of `{name}` cannot be read: {error}");
            wrong(&tokens, what, format!("write `{name} = {example}`"))
        })?;
        if !input.is_empty() {
            let what = format!("the value of `{name}` ends before this");
            return Err(syn::Error::new(input.span(), message(what, "put a comma between the two attributes")));
        }
        Ok(value)
    };
    value.parse2(tokens.clone())
}

pub(crate) fn flag(item: &Item) -> syn::Result<()> {
    let name = item.spelled();
    match &item.body {
        ItemBody::Flag => Ok(()),
        _ => Err(wrong(&item.tokens, format!("`{name}` takes no value"), format!("write `{name}`, or leave it out"))),
    }
}

pub(crate) fn flag_or_bool(item: &Item) -> syn::Result<bool> {
    let name = item.spelled();
    let remedy = format!("write `{name}`, `{name} = true` or `{name} = false`");
    match &item.body {
        ItemBody::Flag => Ok(true),
        ItemBody::Value(tokens) => match syn::parse2::<LitBool>(tokens.clone()) {
            Ok(value) => Ok(value.value()),
            Err(_) => Err(wrong(item.value_tokens(), format!("`{name}` is either on or off"), remedy)),
        },
        ItemBody::List(_) => Err(wrong(&item.tokens, format!("`{name}` is either on or off"), remedy)),
    }
}

pub(crate) fn string(item: &Item, example: &str) -> syn::Result<LitStr> {
    let tokens = assigned(item, example)?;
    match expr(item, example)? {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text),
        _ => {
            let what = format!("`{}` is a string literal, as it is checked while compiling", item.spelled());
            Err(wrong(tokens, what, format!("write `{} = {example}`", item.spelled())))
        }
    }
}

/// `key = "user:<id>"`. An expression that makes such a text is told how to write it as a template.
pub(crate) fn template(item: &Item) -> syn::Result<LitStr> {
    const EXAMPLE: &str = "\"user:<id>\"";
    let remedy = match expr(item, EXAMPLE)? {
        Expr::Macro(call) if call.mac.path.is_ident("format") => of_format(&call.mac.tokens),
        Expr::Path(path) if path.path.get_ident().is_some_and(is_variable) => Some(format!("<{}>", tidy(&path.path))),
        _ => None,
    };
    match remedy {
        None => string(item, EXAMPLE),
        Some(template) => {
            let name = item.spelled();
            let what = format!("`{name}` is a template, not an expression: it is checked while compiling");
            Err(wrong(item.value_tokens(), what, format!("write `{name} = \"{template}\"`")))
        }
    }
}

fn is_variable(name: &Ident) -> bool {
    name.to_string().starts_with(char::is_lowercase)
}

/// `format!("user:{id}")` or `format!("user:{}", id)` as a template.
fn of_format(arguments: &TokenStream) -> Option<String> {
    let mut arguments = split::items(arguments.clone()).into_iter();
    let text = syn::parse2::<LitStr>(arguments.next()?).ok()?.value();
    let (mut template, mut rest) = (String::new(), text.as_str());
    while let Some((before, after)) = rest.split_once('{') {
        let (inner, behind) = after.split_once('}')?;
        let name = inner.split(':').next().unwrap_or_default();
        let name = if name.is_empty() { tidy(&arguments.next()?) } else { name.to_owned() };
        template.extend([before, "<", name.trim_start_matches('&'), ">"]);
        rest = behind;
    }
    Some(template + rest)
}

pub(crate) fn expr(item: &Item, example: &str) -> syn::Result<Expr> {
    whole(item, assigned(item, example)?, example).map(ungrouped)
}

/// Without the group around a fragment of `macro_rules!`.
fn ungrouped(expr: Expr) -> Expr {
    match expr {
        Expr::Group(group) => ungrouped(*group.expr),
        expr => expr,
    }
}

pub(crate) fn path(item: &Item, example: &str) -> syn::Result<Path> {
    let tokens = assigned(item, example)?;
    let result = |input: ParseStream<'_>| Path::parse_mod_style(input);
    result.parse2(tokens.clone()).map_err(|_| {
        wrong(tokens, format!("`{}` is a path", item.spelled()), format!("write `{} = {example}`", item.spelled()))
    })
}

/// A closure over one value.
pub(crate) fn closure(item: &Item, example: &str) -> syn::Result<ExprClosure> {
    match expr(item, example)? {
        Expr::Closure(closure) => one_parameter(item, closure, example),
        other => {
            let what = format!("`{}` is a closure with one parameter", item.spelled());
            Err(wrong(other, what, format!("write `{} = {example}`", item.spelled())))
        }
    }
}

pub(crate) fn one_parameter(item: &Item, closure: ExprClosure, example: &str) -> syn::Result<ExprClosure> {
    let remedy = format!("write `{} = {example}`", item.spelled());
    if let Some(asyncness) = &closure.asyncness {
        return Err(wrong(asyncness, format!("the closure of `{}` cannot be async", item.spelled()), remedy));
    }
    if closure.inputs.len() == 1 {
        return Ok(closure);
    }
    let what =
        format!("the closure of `{}` takes the value and nothing else, not {}", item.spelled(), closure.inputs.len());
    Err(wrong(closure, what, remedy))
}

/// Why `timeout = self.timeout` is refused.
pub(crate) const IS_FIXED: &str = "it is fixed when the function is compiled, and the strategy report prints it";

/// What a duration that is not computed can be.
pub(crate) fn allowed_ttl(name: &str) -> String {
    format!(
        "write a duration, `{name} = \"10m\"`, or a constant of type `Duration`: `const TTL: Duration = Duration::from_secs(600);` \
         and `{name} = TTL`"
    )
}

/// A duration literal, or a constant of the user.
pub(crate) fn fixed_ttl(item: &Item) -> syn::Result<Ttl> {
    let name = item.spelled();
    match expr(item, "\"60s\"")? {
        Expr::Closure(closure) => {
            Err(wrong(closure, format!("`{name}` cannot be computed: {IS_FIXED}"), allowed_ttl(&name)))
        }
        value if mentions(&value, &Ident::new("self", Span::call_site())) => {
            Err(wrong(&value, format!("`{name}` cannot be read from `self`: {IS_FIXED}"), allowed_ttl(&name)))
        }
        value => literal_or_const(&name, value),
    }
}

/// How often a job runs: a duration, or a constant that does not belong to a type.
pub(crate) fn interval(item: &Item) -> syn::Result<Ttl> {
    let name = item.spelled();
    let remedy = || format!("write the time from one run to the next: `{name} = \"24h\"`");
    if let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = expr(item, "\"24h\"")?
        && text.value().contains(['*', '@'])
    {
        return Err(wrong(&text, format!("`{name}` is an interval, and no schedule"), remedy()));
    }
    match fixed_ttl(item)? {
        Ttl::OfType(value) => {
            let what = format!("`{name}` cannot be a constant of a type: the strategy report is made outside of it");
            Err(wrong(value, what, format!("{}, or name a constant outside of types", remedy())))
        }
        interval => Ok(interval),
    }
}

/// As [`fixed_ttl`], or a closure over the loaded value. Which expressions are no constants is known when the arguments are.
pub(crate) fn ttl(item: &Item, closure_example: &str) -> syn::Result<Ttl> {
    match expr(item, "\"60s\"")? {
        Expr::Closure(closure) => {
            one_parameter(item, closure, closure_example).map(|closure| Ttl::Computed(Computed::Of(Box::new(closure))))
        }
        value => literal_or_const(&item.spelled(), value),
    }
}

fn literal_or_const(name: &str, value: Expr) -> syn::Result<Ttl> {
    match &value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => duration::read(&text.value())
            .map(Ttl::Literal)
            .map_err(|fault| wrong(&value, format!("`{name} = {}` {fault}", tidy(text)), fault.remedy())),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => {
            let number = number.base10_digits();
            let what = format!("`{name} = {number}` has no unit");
            let remedy = format!("write \"{number}s\" for seconds; the units are `ms`, `s`, `m`, `h` and `d`");
            Err(wrong(&value, what, remedy))
        }
        Expr::Lit(_) => Err(wrong(
            &value,
            format!("`{name}` is a duration"),
            format!("write `{name} = \"60s\"`, or name a constant of type `Duration`"),
        )),
        _ if is_of_type(&value) => Ok(Ttl::OfType(value)),
        _ => Ok(Ttl::Const(value)),
    }
}

/// Whether a constant is one of `Self` or of a type parameter, which looks like `K` or `ROW`. A registration is made outside of both.
fn is_of_type(value: &Expr) -> bool {
    fn names_self(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == "Self",
            TokenTree::Group(group) => names_self(group.stream()),
            _ => false,
        })
    }
    let is_of_parameter = match value {
        Expr::Path(path) => {
            let first = path.path.segments.first().map(|first| first.ident.to_string()).unwrap_or_default();
            path.qself.is_some() || path.path.segments.len() == 2 && !first.contains(char::is_lowercase)
        }
        _ => false,
    };
    is_of_parameter || names_self(value.to_token_stream())
}

pub(crate) fn percentage(item: &Item) -> syn::Result<f64> {
    const RANGE: &str = "write a percentage from \"0%\" to \"50%\", such as `jitter = \"10%\"`";
    let value = expr(item, "\"10%\"")?;
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &value else {
        return Err(wrong(&value, format!("`{}` is a percentage in quotes", item.spelled()), RANGE));
    };
    percent::read(&text.value())
        .map_err(|why| wrong(&value, format!("`{} = {}` {why}", item.spelled(), tidy(text)), RANGE))
}

pub(crate) fn number(item: &Item, example: &str) -> syn::Result<f64> {
    let value = expr(item, example)?;
    let read = match &value {
        Expr::Lit(ExprLit { lit: Lit::Float(float), .. }) => float.base10_parse().ok(),
        Expr::Lit(ExprLit { lit: Lit::Int(int), .. }) => int.base10_parse().ok(),
        _ => None,
    };
    let remedy = format!("write `{} = {example}`", item.spelled());
    read.ok_or_else(|| wrong(&value, format!("`{}` is a positive number literal", item.spelled()), remedy))
}

/// One of a few words.
pub(crate) fn choice<T: Copy>(item: &Item, choices: &[(&str, T)]) -> syn::Result<T> {
    let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
    let tokens = assigned(item, words[0])?;
    let typed = match syn::parse2::<Ident>(tokens.clone()) {
        Ok(word) => word.to_string(),
        Err(_) => tidy(&tokens),
    };
    let found = choices.iter().find(|(word, _)| *word == typed);
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let hint = did_you_mean(typed.trim_matches('"'), words.iter().copied());
        let what = format!("`{}` cannot be `{typed}`", item.spelled());
        wrong(tokens, what, format!("{hint}it is one of {}, without quotes", list(&words)))
    })
}

/// `skip(a, b)`: names, `self` and `_` among them.
pub(crate) fn names(item: &Item, example: &str) -> syn::Result<Vec<Ident>> {
    let read = |input: ParseStream<'_>| input.call(Ident::parse_any);
    each(listed(item, example)?, |tokens| {
        read.parse2(tokens.clone()).map_err(|_| {
            let name = item.spelled();
            wrong(tokens, format!("`{name}` lists the names of arguments"), format!("write `{name}({example})`"))
        })
    })
}

/// `context(TENANT, crate::trace::TRACE)`: paths.
pub(crate) fn paths(item: &Item, example: &str) -> syn::Result<Vec<Path>> {
    let read = |input: ParseStream<'_>| Path::parse_mod_style(input);
    each(listed(item, example)?, |tokens| {
        read.parse2(tokens.clone()).map_err(|_| {
            let name = item.spelled();
            wrong(tokens, format!("`{name}` lists task-locals by their names"), format!("write `{name}({example})`"))
        })
    })
}

/// Reads each item of a list, and reports all that cannot be read.
pub(crate) fn each<T>(tokens: TokenStream, read: impl Fn(TokenStream) -> syn::Result<T>) -> syn::Result<Vec<T>> {
    let mut all = Vec::new();
    let mut wrong: Option<syn::Error> = None;
    for tokens in split::items(tokens) {
        match (read(tokens), &mut wrong) {
            (Ok(value), _) => all.push(value),
            (Err(error), Some(errors)) => errors.combine(error),
            (Err(error), None) => wrong = Some(error),
        }
    }
    wrong.map_or(Ok(all), Err)
}
