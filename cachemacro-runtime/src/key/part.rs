//! The trait of values in keys.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use super::list;
use super::writer::KeyWriter;

/// A value that can be part of a key: equal values have the same text, and different values have different texts.
///
/// Derive it for newtypes, enums and structs. Floats are not key parts, because `0.0 == -0.0` and `NaN != NaN`. Collections are, if
/// their order is that of their values: slices, `Vec`, `BTreeSet`, `BTreeMap`. One that takes more than 256 bytes is a digest in the key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand in a cache key",
    label = "no key part",
    note = "key parts are integers, `bool`, `char`, strings, paths, times and addresses of the standard library, `Option`s, references, \
            tuples and slices of these, and types with `#[derive(KeyPart)]`; with a feature of cachemacro those of `uuid`, `chrono`, `time` \
            and `rust_decimal`",
    note = "a type of your own: `#[derive(KeyPart)]`; any other: compute a part, `<email.as_str()>`, \
            and in an event take a field of another type, `email: String`; a float: round it to the unit you \
            mean, `<(price * 100.0).round() as i64>`; an argument that is no part of the result: `skip(…)` it"
)]
pub trait KeyPart {
    /// The type that event keys and arguments are compared by: `str` for every type of string, the target of every pointer.
    type Canonical: KeyPart + ?Sized;

    /// This value as its canonical type.
    fn canonical(&self) -> &Self::Canonical;

    /// Writes this part: a text with [`KeyWriter::encoded`], or a number.
    fn render(&self, out: &mut KeyWriter);

    /// What `render` writes, if it is just one number or one text.
    #[doc(hidden)]
    #[inline]
    fn simple(&self) -> Simple<'_> {
        Simple::No
    }

    /// Writes several values: bytes as their hexadecimal digits, all others in parentheses.
    #[doc(hidden)]
    fn render_all(values: &[Self], out: &mut KeyWriter)
    where
        Self: Sized,
    {
        list::render_with(values.len(), values, Self::render, out);
    }

    /// This value as a part of a call's key. A method, so that the compiler's error about a type that is no key part names no
    /// function.
    #[doc(hidden)]
    #[inline]
    fn call_part(&self) -> CallPart<'_, Self> {
        CallPart { value: self, simple: Self::simple, render: Self::render }
    }
}

/// A key part that is one number or one text: for a key with no other part, a hit needs not write the key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Simple<'a> {
    /// What [`KeyWriter::number`] was given.
    Word(u64),
    /// What [`KeyWriter::encoded`] was given.
    Text(&'a [u8]),
    /// Neither, or it is not known.
    No,
}

/// A part of a call's key. It needs no bound any more, so an argument that is no key part gives one compile error.
pub struct CallPart<'a, T: ?Sized> {
    value: &'a T,
    simple: fn(&T) -> Simple<'_>,
    render: fn(&T, &mut KeyWriter),
}

impl<'a, T: ?Sized> CallPart<'a, T> {
    /// As [`KeyPart::simple`].
    #[inline]
    #[must_use]
    pub fn simple(&self) -> Simple<'a> {
        (self.simple)(self.value)
    }

    /// As [`KeyPart::render`].
    #[inline]
    pub fn write(&self, out: &mut KeyWriter) {
        (self.render)(self.value, out);
    }
}

/// The canonical form of a type that is compared by itself.
macro_rules! own_canonical {
    () => {
        type Canonical = Self;
        #[inline]
        fn canonical(&self) -> &Self {
            self
        }
    };
}
pub(super) use own_canonical;

impl KeyPart for bool {
    own_canonical!();
    #[inline]
    fn render(&self, out: &mut KeyWriter) {
        out.literal(if *self { "true" } else { "false" });
    }
}

impl KeyPart for char {
    own_canonical!();
    fn render(&self, out: &mut KeyWriter) {
        out.encoded(self.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

impl KeyPart for str {
    own_canonical!();
    #[inline]
    fn render(&self, out: &mut KeyWriter) {
        out.encoded(self.as_bytes());
    }
    #[inline]
    fn simple(&self) -> Simple<'_> {
        Simple::Text(self.as_bytes())
    }
}

impl KeyPart for String {
    type Canonical = str;
    #[inline]
    fn canonical(&self) -> &str {
        self
    }
    #[inline]
    fn render(&self, out: &mut KeyWriter) {
        out.encoded(self.as_bytes());
    }
    #[inline]
    fn simple(&self) -> Simple<'_> {
        Simple::Text(self.as_bytes())
    }
}

/// `None` is `%-`, which is not the text of any encoded part. `Some(None)` has one `-` more.
impl<T: KeyPart> KeyPart for Option<T> {
    own_canonical!();
    fn render(&self, out: &mut KeyWriter) {
        match self {
            Some(value) => {
                let start = out.parts().len();
                value.render(out);
                if out.parts()[start..].starts_with(b"%-") {
                    out.push(b"%-");
                }
            }
            None => out.push(b"%-"),
        }
    }
}

macro_rules! pointers {
    ($($pointer:ty),*) => {$(
        impl<T: KeyPart + ?Sized> KeyPart for $pointer {
            type Canonical = T::Canonical;
            #[inline]
            fn canonical(&self) -> &T::Canonical {
                (**self).canonical()
            }
            #[inline]
            fn render(&self, out: &mut KeyWriter) {
                (**self).render(out);
            }
            #[inline]
            fn simple(&self) -> Simple<'_> {
                (**self).simple()
            }
        }
    )*};
}
pointers!(&T, Box<T>, Rc<T>, Arc<T>);

impl<T: KeyPart + ToOwned + ?Sized> KeyPart for Cow<'_, T> {
    type Canonical = T::Canonical;
    fn canonical(&self) -> &T::Canonical {
        (**self).canonical()
    }
    fn render(&self, out: &mut KeyWriter) {
        (**self).render(out);
    }
    #[inline]
    fn simple(&self) -> Simple<'_> {
        (**self).simple()
    }
}

macro_rules! tuples {
    ($(($first:ident $($rest:ident)*))*) => {$(
        impl<$first: KeyPart $(, $rest: KeyPart)*> KeyPart for ($first, $($rest,)*) {
            own_canonical!();
            #[allow(non_snake_case)]
            fn render(&self, out: &mut KeyWriter) {
                let ($first, $($rest,)*) = self;
                out.open("");
                $first.render(out);
                $(
                    out.next();
                    $rest.render(out);
                )*
                out.close();
            }
        }
    )*};
}
tuples! { (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H) }

impl KeyPart for () {
    own_canonical!();
    fn render(&self, out: &mut KeyWriter) {
        out.open("");
        out.close();
    }
}

#[cfg(test)]
mod tests {
    use super::super::KeyRef;
    use super::*;

    fn rendered(value: &(impl KeyPart + ?Sized)) -> String {
        let mut out = KeyWriter::new();
        value.render(&mut out);
        out.to_string()
    }

    #[test]
    fn parts_render_as_a_person_would_write_them() {
        assert_eq!(rendered(&42_u64), "42");
        assert_eq!(rendered(&i64::MIN), i64::MIN.to_string());
        assert_eq!(rendered(&true), "true");
        assert_eq!(rendered("New York"), "New%20York");
        assert_eq!(rendered(&("a:b", 'ü')), "(a%3Ab,%C3%BC)");
        assert_eq!(rendered(&std::net::Ipv4Addr::LOCALHOST), "127.0.0.1");
    }

    #[test]
    fn a_simple_part_is_what_is_rendered() {
        fn check(value: &(impl KeyPart + ?Sized)) -> bool {
            let mut out = KeyWriter::new();
            out.fixed("before:");
            value.render(&mut out);
            out.fixed(":behind");
            let (of_word, of_text) =
                (|word| super::super::hash_of_word(word, 7), |text| super::super::hash_of_text(text, 7));
            match value.simple() {
                Simple::No => return false,
                Simple::Word(word) => {
                    assert_eq!((out.form().of(out.parts()), out.hash_with(7)), (KeyRef::Word(word), of_word(word)))
                }
                Simple::Text(text) => {
                    assert_eq!((out.form().of(out.parts()), out.hash_with(7)), (KeyRef::Text(text), of_text(text)))
                }
            }
            true
        }
        assert!(check(&0_u8) && check(&u64::MAX) && check(&5_i32) && check(&usize::MAX) && check(&i64::MAX));
        assert!(check(&std::num::NonZeroU64::MIN) && check(&std::num::NonZeroI32::MAX));
        assert!(check("") && check("New York") && check(&"ü".repeat(100)) && check(&String::from("a")));
        assert!(
            check(&Arc::<str>::from("a")) && check(&Box::new(5_u16)) && check(&Cow::Borrowed("a")) && check(&&&7_u8)
        );
        assert!(!check(&-1_i8) && !check(&7_u128) && !check(&Some(7_u8)) && !check(&true) && !check(&('a', 7_u8)));
    }

    #[test]
    fn an_absent_part_is_none_that_is_present() {
        assert_eq!(rendered(&None::<&str>), "%-");
        assert_eq!(rendered(&Some("%-")), "%25-");
        assert_eq!(rendered(&Some("")), "");
        assert_eq!(rendered(&Some(None::<u8>)), "%-%-");
        assert_eq!(rendered(&Some(Some(7_u8))), "7");
    }

    #[test]
    fn all_strings_have_one_canonical_form() {
        fn same<A: KeyPart<Canonical = str>, B: KeyPart<Canonical = str>>(_: A, _: B) {}
        same(String::new(), "");
        same(Arc::<str>::from(""), Cow::Borrowed(""));
    }
}
