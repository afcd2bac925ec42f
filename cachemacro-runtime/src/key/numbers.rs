//! Integers in keys.

use std::num;

use super::list;
use super::part::{KeyPart, Simple, own_canonical};
use super::writer::KeyWriter;

macro_rules! integers {
    ($write:ident as $wide:ty, $simple:expr; $($unsigned:ty, $signed:ty);*) => {$(
        impl KeyPart for $unsigned {
            own_canonical!();
            #[inline]
            fn render(&self, out: &mut KeyWriter) {
                out.$write(<$wide>::from(*self));
            }
            #[inline]
            fn simple(&self) -> Simple<'_> {
                $simple(<$wide>::from(*self))
            }
        }
        impl KeyPart for $signed {
            own_canonical!();
            #[inline]
            fn render(&self, out: &mut KeyWriter) {
                if *self < 0 {
                    out.push(b"-");
                }
                out.$write(<$wide>::from(self.unsigned_abs()));
            }
            #[inline]
            fn simple(&self) -> Simple<'_> {
                if *self < 0 { Simple::No } else { $simple(<$wide>::from(self.unsigned_abs())) }
            }
        }
    )*};
}
integers!(number as u64, Simple::Word; u16, i16; u32, i32; u64, i64);
integers!(unsigned as u128, |_| Simple::No; u128, i128);

impl KeyPart for u8 {
    own_canonical!();
    #[inline]
    fn render(&self, out: &mut KeyWriter) {
        out.number(u64::from(*self));
    }
    #[inline]
    fn simple(&self) -> Simple<'_> {
        Simple::Word(u64::from(*self))
    }
    fn render_all(values: &[Self], out: &mut KeyWriter) {
        list::render_bytes(values, out);
    }
}

impl KeyPart for i8 {
    own_canonical!();
    #[inline]
    fn render(&self, out: &mut KeyWriter) {
        i64::from(*self).render(out);
    }
    #[inline]
    fn simple(&self) -> Simple<'_> {
        u64::try_from(*self).map_or(Simple::No, Simple::Word)
    }
}

/// A type that is rendered as this integer.
macro_rules! via {
    ($($ty:ty => |$value:ident| $via:expr;)*) => {$(
        impl KeyPart for $ty {
            own_canonical!();
            #[inline]
            fn render(&self, out: &mut KeyWriter) {
                let $value = *self;
                KeyPart::render(&$via, out);
            }
            #[inline]
            fn simple(&self) -> Simple<'_> {
                let $value = *self;
                // A number is copied, so it lends nothing.
                match KeyPart::simple(&$via) {
                    Simple::Word(word) => Simple::Word(word),
                    _ => Simple::No,
                }
            }
        }
    )*};
}
via! {
    usize => |value| value as u64;
    isize => |value| value as i64;
    num::NonZeroU8 => |value| value.get();
    num::NonZeroU16 => |value| value.get();
    num::NonZeroU32 => |value| value.get();
    num::NonZeroU64 => |value| value.get();
    num::NonZeroU128 => |value| value.get();
    num::NonZeroUsize => |value| value.get();
    num::NonZeroI8 => |value| value.get();
    num::NonZeroI16 => |value| value.get();
    num::NonZeroI32 => |value| value.get();
    num::NonZeroI64 => |value| value.get();
    num::NonZeroI128 => |value| value.get();
    num::NonZeroIsize => |value| value.get();
}
