//! The deserializer that records what a type asks for.

use std::any::type_name;

use serde::de::{Deserializer, Visitor};

use super::dummies::{BYTES, TEXTS};
use super::refused::Refused;
use super::trace::Trace;
use crate::util::hash::Fnv64;

type Names = &'static [&'static str];

/// A deserializer for one part of a type. The type now asks it for a form.
pub(super) struct Ask<'t> {
    trace: &'t mut Trace,
    /// The position in the type. It is the same in each pass.
    place: u64,
    is_shallow: bool,
}

/// A container while a type reads its parts.
pub(super) struct Parts<'t> {
    pub(super) trace: &'t mut Trace,
    /// Identifies the container: the same value wherever the type occurs.
    identity: u64,
    is_shallow: bool,
    /// The names of the fields, if the type asks for them by name.
    pub(super) names: Names,
    /// The number of elements, of fields, or of pairs.
    pub(super) count: usize,
    pub(super) given: usize,
}

/// A variant of an enum while a type reads it.
pub(super) struct Variant<'t> {
    pub(super) parts: Parts<'t>,
    pub(super) index: usize,
    pub(super) name: &'static str,
}

impl<'t> Ask<'t> {
    /// Asks for the whole value.
    pub(super) fn whole(trace: &'t mut Trace) -> Self {
        Self { trace, place: 0, is_shallow: false }
    }

    /// Gives a dummy without parts. `count` is the number of dummies, and `give` makes the chosen one.
    fn give<V, R>(
        self,
        what: &'static str,
        count: usize,
        visitor: V,
        give: impl FnOnce(V, Parts<'_>, usize) -> Result<R, Refused>,
    ) -> Result<R, Refused> {
        self.trace.step(what)?;
        let place = Fnv64::new().number(self.place).text(type_name::<V>()).0;
        let chosen = self.trace.choose(place, count);
        let given = give(visitor, Parts::new(self.trace, place, true), chosen);
        if given.is_err() {
            self.trace.blame(Some(place));
        }
        given
    }

    /// Gives a dummy with parts. `count` is the number of dummies, or zero if there is one only. The visitor's type is
    /// the identity of the container: it is equal for two `Vec<Row>`, and different for `Vec<Column>`.
    fn hold<V, R>(
        self,
        what: &'static str,
        names: &[&str],
        count: usize,
        visitor: V,
        give: impl FnOnce(V, Parts<'_>, usize) -> Result<R, Refused>,
    ) -> Result<R, Refused> {
        let Self { trace, place, is_shallow } = self;
        trace.step(what)?;
        trace.see_names(names);
        let identity = Fnv64::new().text(what).texts(names).text(type_name::<V>());
        let is_shallow = trace.enter(identity.0, is_shallow)?;
        let place = identity.number(place).number(u64::from(is_shallow)).0;
        let chosen = trace.choose(place, count);
        let given = give(visitor, Parts::new(trace, identity.0, is_shallow), chosen);
        trace.leave();
        if given.is_err() {
            trace.blame(Some(place));
        }
        given
    }
}

impl<'t> Parts<'t> {
    fn new(trace: &'t mut Trace, identity: u64, is_shallow: bool) -> Self {
        Self { trace, identity, is_shallow, names: &[], count: 0, given: 0 }
    }

    pub(super) fn part(&mut self, index: usize) -> Ask<'_> {
        let place = Fnv64::new().number(self.identity).number(index as u64).number(u64::from(self.is_shallow)).0;
        Ask { trace: self.trace, place, is_shallow: self.is_shallow }
    }

    /// So many parts.
    fn of(self, count: usize) -> Self {
        Self { count, ..self }
    }

    /// One part, or none: the dummy that ends soonest is the empty one.
    fn some(self, chosen: usize) -> Self {
        let count = usize::from((chosen == 0) != self.is_shallow);
        self.of(count)
    }

    /// The fields of a struct in their order, or of a tuple.
    pub(super) fn fields<'de, V: Visitor<'de>>(self, count: usize, visitor: V) -> Result<V::Value, Refused> {
        self.trace.see(count);
        visitor.visit_seq(self.of(count))
    }

    fn variant<'de, V: Visitor<'de>>(self, names: Names, visitor: V) -> Result<V::Value, Refused> {
        let Self { trace, identity, is_shallow, .. } = self;
        let begun = trace.begin_variant(identity, names.len(), is_shallow)?;
        let parts = Parts::new(trace, Fnv64::new().number(identity).number(begun.index as u64).0, is_shallow);
        let read = visitor.visit_enum(Variant { parts, index: begun.index, name: names[begun.index] });
        trace.end_variant(begun, read.is_ok());
        read
    }
}

/// The forms that a type can ask for: the method, the arguments beside the visitor, those of [`Ask::give`] or
/// [`Ask::hold`], and what the visitor is given. The texts are hashed.
macro_rules! forms {
    ($($ask:ident($($given:ident: $type:ty),*) $offer:ident($($form:expr),*) => $give:expr,)*) => {$(
        fn $ask<V: Visitor<'de>>(self, $($given: $type,)* visitor: V) -> Result<V::Value, Refused> {
            self.$offer($($form,)* visitor, $give)
        }
    )*};
}

impl<'de> Deserializer<'de> for Ask<'_> {
    type Error = Refused;

    fn is_human_readable(&self) -> bool {
        self.trace.is_human_readable
    }

    // Types that accept anything accept the first dummy of `any`; others accept one of them. Most types that check a
    // number want a count, a month, or a number that is not zero.
    forms! {
        deserialize_any() give("any", 6 + TEXTS.len()) => |visitor, empty, chosen| match chosen {
            0 => visitor.visit_unit(),
            1 => visitor.visit_bool(true),
            2 => visitor.visit_u64(1),
            3 => visitor.visit_f64(1.0),
            4 => visitor.visit_seq(empty),
            5 => visitor.visit_map(empty),
            _ => visitor.visit_str(TEXTS[chosen - 6]),
        },
        deserialize_bool() give("bool", 2) => |visitor, _, chosen| visitor.visit_bool(chosen == 0),
        deserialize_i8() give("deserialize_i8", 2) => |visitor, _, chosen| visitor.visit_i8([1, 0][chosen]),
        deserialize_i16() give("deserialize_i16", 2) => |visitor, _, chosen| visitor.visit_i16([1, 0][chosen]),
        deserialize_i32() give("deserialize_i32", 2) => |visitor, _, chosen| visitor.visit_i32([1, 0][chosen]),
        deserialize_i64() give("deserialize_i64", 2) => |visitor, _, chosen| visitor.visit_i64([1, 0][chosen]),
        deserialize_i128() give("deserialize_i128", 2) => |visitor, _, chosen| visitor.visit_i128([1, 0][chosen]),
        deserialize_u8() give("deserialize_u8", 2) => |visitor, _, chosen| visitor.visit_u8([1, 0][chosen]),
        deserialize_u16() give("deserialize_u16", 2) => |visitor, _, chosen| visitor.visit_u16([1, 0][chosen]),
        deserialize_u32() give("deserialize_u32", 2) => |visitor, _, chosen| visitor.visit_u32([1, 0][chosen]),
        deserialize_u64() give("deserialize_u64", 2) => |visitor, _, chosen| visitor.visit_u64([1, 0][chosen]),
        deserialize_u128() give("deserialize_u128", 2) => |visitor, _, chosen| visitor.visit_u128([1, 0][chosen]),
        deserialize_f32() give("deserialize_f32", 2) => |visitor, _, chosen| visitor.visit_f32([1.0, 0.0][chosen]),
        deserialize_f64() give("deserialize_f64", 2) => |visitor, _, chosen| visitor.visit_f64([1.0, 0.0][chosen]),
        deserialize_char() give("char", 2) => |visitor, _, chosen| visitor.visit_char(['a', '1'][chosen]),
        deserialize_str() give("str", TEXTS.len()) => |visitor, _, chosen| visitor.visit_str(TEXTS[chosen]),
        deserialize_string() give("str", TEXTS.len()) => |visitor, _, chosen| visitor.visit_str(TEXTS[chosen]),
        // The containers give names where they are known; a type that asks for a name elsewhere gets a text.
        deserialize_identifier() give("str", TEXTS.len()) => |visitor, _, chosen| visitor.visit_str(TEXTS[chosen]),
        deserialize_bytes() give("bytes", BYTES.len()) => |visitor, _, chosen| visitor.visit_bytes(BYTES[chosen]),
        deserialize_byte_buf() give("bytes", BYTES.len()) => |visitor, _, chosen| visitor.visit_bytes(BYTES[chosen]),
        deserialize_unit() give("unit", 1) => |visitor, _, _| visitor.visit_unit(),
        deserialize_ignored_any() give("ignored", 1) => |visitor, _, _| visitor.visit_unit(),
        deserialize_option() hold("option", &[], 2) => |visitor, parts, chosen| match parts.some(chosen) {
            Parts { count: 0, .. } => visitor.visit_none(),
            mut parts => visitor.visit_some(parts.part(0)),
        },
        deserialize_seq() hold("seq", &[], 2) => |visitor, parts, chosen| visitor.visit_seq(parts.some(chosen)),
        deserialize_map() hold("map", &[], 2) => |visitor, parts, chosen| visitor.visit_map(parts.some(chosen)),
        deserialize_tuple(count: usize) hold("tuple", &[], 0) => |visitor, parts, _| parts.fields(count, visitor),
        deserialize_unit_struct(name: &'static str) hold("unit struct", &[name], 0) => {
            |visitor, _, _| visitor.visit_unit()
        },
        deserialize_newtype_struct(name: &'static str) hold("newtype", &[name], 0) => {
            |visitor, mut parts, _| visitor.visit_newtype_struct(parts.part(0))
        },
        deserialize_tuple_struct(name: &'static str, count: usize) hold("tuple struct", &[name], 0) => {
            |visitor, parts, _| parts.fields(count, visitor)
        },
        // Some types can be read by name only.
        deserialize_struct(name: &'static str, names: Names) hold("struct", &[&[name], names].concat(), 2) => {
            |visitor, parts, chosen| match (chosen, parts.of(names.len())) {
                (0, parts) => visitor.visit_seq(parts),
                (_, parts) => visitor.visit_map(Parts { names, ..parts }),
            }
        },
        deserialize_enum(name: &'static str, names: Names) hold("enum", &[&[name], names].concat(), 0) => {
            |visitor, parts, _| parts.variant(names, visitor)
        },
    }
}
