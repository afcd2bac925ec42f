//! Errors: all mistakes of one annotation are collected, and reported at once.

use std::cell::{Cell, RefCell};
use std::fmt::Display;

use proc_macro2::Span;
use quote::ToTokens;

/// Collects the errors of one annotation. To drop it unread is a bug of this crate: debug builds panic.
pub(crate) struct Diag {
    errors: RefCell<Vec<syn::Error>>,
    read: Cell<bool>,
}

impl Diag {
    pub(crate) fn new() -> Self {
        Self { errors: RefCell::new(Vec::new()), read: Cell::new(false) }
    }

    /// An error that underlines a whole node: what is wrong, and what to write instead.
    pub(crate) fn error(&self, node: impl ToTokens, what: impl Display, remedy: impl Display) {
        self.push(syn::Error::new_spanned(node, message(what, remedy)));
    }

    /// An error at one span: what is wrong, and what to write instead.
    pub(crate) fn error_at(&self, span: Span, what: impl Display, remedy: impl Display) {
        self.push(syn::Error::new(span, message(what, remedy)));
    }

    pub(crate) fn push(&self, error: syn::Error) {
        self.errors.borrow_mut().push(error);
    }

    /// The value of a result. An error is collected.
    pub(crate) fn ok<T>(&self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// All errors as one, if there are any.
    pub(crate) fn errors(self) -> Option<syn::Error> {
        self.read.set(true);
        self.errors.take().into_iter().reduce(|mut all, next| {
            all.combine(next);
            all
        })
    }

    /// The value if there are no errors, all errors otherwise.
    pub(crate) fn finish<T>(self, value: Option<T>) -> syn::Result<T> {
        match (self.errors(), value) {
            (Some(errors), _) => Err(errors),
            (None, Some(value)) => Ok(value),
            (None, None) => Err(syn::Error::new(
                Span::call_site(),
                message("cachemacro stopped without an error", "this is a bug of cachemacro: please report it"),
            )),
        }
    }
}

impl Drop for Diag {
    fn drop(&mut self) {
        if !self.read.get() && !std::thread::panicking() {
            debug_assert!(false, "a Diag was dropped without being read");
        }
    }
}

/// The two parts of every message: what is wrong, and what to write instead.
pub(crate) fn message(what: impl Display, remedy: impl Display) -> String {
    format!("{what}\nhelp: {remedy}")
}

/// "line 12, column 5". Outside of the compiler, as in unit tests, spans have no place.
pub(crate) fn place(span: Span) -> String {
    if !proc_macro::is_available() {
        return "an earlier place".to_owned();
    }
    let span = span.unwrap();
    format!("line {}, column {}", span.line(), span.column())
}

/// `` `a`, `b` and `c` ``, or `nothing`.
pub(crate) fn list<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match names.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_errors_leave_together() {
        let diag = Diag::new();
        diag.error_at(Span::call_site(), "one", "remedy one");
        diag.error_at(Span::call_site(), "two", "remedy two");
        let all: Vec<String> = diag.finish(Some(())).unwrap_err().into_iter().map(|error| error.to_string()).collect();
        assert_eq!(all, ["one\nhelp: remedy one", "two\nhelp: remedy two"]);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "without being read")]
    fn dropping_it_unread_panics() {
        drop(Diag::new());
    }

    #[test]
    fn lists_read_like_prose() {
        assert_eq!(list::<&str>([]), "nothing");
        assert_eq!(list(["a"]), "`a`");
        assert_eq!(list(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
