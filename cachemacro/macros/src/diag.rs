//! One collector, one exit: every mistake of an annotation is gathered here and reported at once.

use std::cell::{Cell, RefCell};
use std::fmt::Display;

use proc_macro2::Span;
use quote::ToTokens;

/// Gathers the errors of one annotation. Dropping it unread is a bug of this crate, and loud in debug builds.
pub(crate) struct Diag {
    errors: RefCell<Vec<syn::Error>>,
    read: Cell<bool>,
}

impl Diag {
    pub(crate) fn new() -> Self {
        Self { errors: RefCell::new(Vec::new()), read: Cell::new(false) }
    }

    /// Complains about a whole node: says what is wrong, then the mend.
    pub(crate) fn wrong(&self, node: impl ToTokens, what: impl Display, mend: impl Display) {
        self.push(syn::Error::new_spanned(node, message(what, mend)));
    }

    /// Complains at one span: says what is wrong, then the mend.
    pub(crate) fn wrong_at(&self, span: Span, what: impl Display, mend: impl Display) {
        self.push(syn::Error::new(span, message(what, mend)));
    }

    pub(crate) fn push(&self, error: syn::Error) {
        self.errors.borrow_mut().push(error);
    }

    /// The value of a result, or nothing and one more error.
    pub(crate) fn ok<T>(&self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// Every error as one, if there is any.
    pub(crate) fn errors(self) -> Option<syn::Error> {
        self.read.set(true);
        self.errors.take().into_iter().reduce(|mut all, next| {
            all.combine(next);
            all
        })
    }

    /// Hands the value over if nothing is wrong, and every error otherwise.
    pub(crate) fn finish<T>(self, value: Option<T>) -> syn::Result<T> {
        match (self.errors(), value) {
            (Some(errors), _) => Err(errors),
            (None, Some(value)) => Ok(value),
            (None, None) => Err(syn::Error::new(
                Span::call_site(),
                message("cachemacro gave up without saying why", "this is a bug of cachemacro; please report it"),
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

/// The two halves of every message.
pub(crate) fn message(what: impl Display, mend: impl Display) -> String {
    format!("{what}\nhelp: {mend}")
}

/// "line 12, column 5", where the compiler can tell.
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
        diag.wrong_at(Span::call_site(), "one", "mend one");
        diag.wrong_at(Span::call_site(), "two", "mend two");
        let all: Vec<String> = diag.finish(Some(())).unwrap_err().into_iter().map(|error| error.to_string()).collect();
        assert_eq!(all, ["one\nhelp: mend one", "two\nhelp: mend two"]);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "without being read")]
    fn forgetting_to_look_is_loud() {
        drop(Diag::new());
    }

    #[test]
    fn lists_read_like_prose() {
        assert_eq!(list::<&str>([]), "nothing");
        assert_eq!(list(["a"]), "`a`");
        assert_eq!(list(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
