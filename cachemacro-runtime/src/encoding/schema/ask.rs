//! The deserializer that records what a type asks for.

use std::any::type_name;
use std::iter;

use serde::de::value::{MapDeserializer, SeqDeserializer};
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
    /// The number of elements, of fields, or of pairs.
    count: usize,
    given: usize,
}

/// The fields of a struct that asks for them by name.
pub(super) struct Fields<'t> {
    pub(super) parts: Parts<'t>,
    pub(super) names: Names,
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
        mut self,
        what: &'static str,
        count: usize,
        visitor: V,
        give: impl FnOnce(V, usize) -> Result<R, Refused>,
    ) -> Result<R, Refused> {
        let (place, chosen) = self.leaf(what, count, type_name::<V>())?;
        let given = give(visitor, chosen);
        self.trace.end(place, given.is_ok());
        given
    }

    /// Gives a dummy with parts. `count` is the number of dummies, or zero if there is one only.
    fn hold<V, R>(
        mut self,
        what: &'static str,
        names: &[&str],
        count: usize,
        visitor: V,
        give: impl FnOnce(V, Parts<'_>, usize) -> Result<R, Refused>,
    ) -> Result<R, Refused> {
        let (place, chosen, parts) = self.container(what, names, count, type_name::<V>())?;
        let given = give(visitor, parts, chosen);
        self.trace.leave();
        self.trace.end(place, given.is_ok());
        given
    }

    // What does not depend on the type is here, so that it is compiled once.

    fn leaf(&mut self, what: &'static str, count: usize, visitor: &str) -> Result<(u64, usize), Refused> {
        self.trace.step(what)?;
        let place = Fnv64::new().number(self.place).text(visitor).0;
        Ok((place, self.trace.choose(place, count)))
    }

    /// The visitor's type is the identity of the container: it is equal for two `Vec<Row>`, and different for
    /// `Vec<Column>`.
    fn container(
        &mut self,
        what: &'static str,
        names: &[&str],
        count: usize,
        visitor: &str,
    ) -> Result<(u64, usize, Parts<'_>), Refused> {
        self.trace.step(what)?;
        self.trace.see_names(names);
        let identity = Fnv64::new().text(what).texts(names).text(visitor);
        let is_shallow = self.trace.enter(identity.0, self.is_shallow)?;
        let place = identity.number(self.place).number(u64::from(is_shallow)).0;
        let chosen = self.trace.choose(place, count);
        Ok((place, chosen, Parts::new(self.trace, identity.0, is_shallow)))
    }
}

impl<'t> Parts<'t> {
    fn new(trace: &'t mut Trace, identity: u64, is_shallow: bool) -> Self {
        Self { trace, identity, is_shallow, count: 0, given: 0 }
    }

    pub(super) fn part(&mut self, index: usize) -> Ask<'_> {
        let place = Fnv64::new().number(self.identity).number(index as u64).number(u64::from(self.is_shallow)).0;
        Ask { trace: self.trace, place, is_shallow: self.is_shallow }
    }

    /// The index of the next part. A trace that has used up its steps gives no more parts: some types skip refused
    /// parts and ask again.
    pub(super) fn next(&mut self) -> Option<usize> {
        let next = (self.given < self.count && !self.trace.is_spent()).then_some(self.given)?;
        self.given += 1;
        Some(next)
    }

    /// The index of the part that was given last.
    pub(super) fn last(&self) -> usize {
        self.given.saturating_sub(1)
    }

    /// So many parts.
    fn of(mut self, count: usize) -> Self {
        self.count = count;
        self
    }

    /// Whether the dummy is not empty. The one that ends soonest is the empty one.
    fn is_some(&self, chosen: usize) -> bool {
        (chosen == 0) != self.is_shallow
    }

    fn some(self, chosen: usize) -> Self {
        let count = usize::from(self.is_some(chosen));
        self.of(count)
    }

    /// The fields of a tuple, or of a struct in their order.
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
        deserialize_any() give("any", 6 + TEXTS.len()) => |visitor, chosen| match chosen {
            0 => visitor.visit_unit(),
            1 => visitor.visit_bool(true),
            2 => visitor.visit_u64(1),
            3 => visitor.visit_f64(1.0),
            4 => visitor.visit_seq(SeqDeserializer::new(iter::empty::<u8>())),
            5 => visitor.visit_map(MapDeserializer::new(iter::empty::<(u8, u8)>())),
            _ => visitor.visit_str(TEXTS[chosen - 6]),
        },
        deserialize_bool() give("bool", 2) => |visitor, chosen| visitor.visit_bool(chosen == 0),
        deserialize_i8() give("deserialize_i8", 2) => |visitor, chosen| visitor.visit_i8([1, 0][chosen]),
        deserialize_i16() give("deserialize_i16", 2) => |visitor, chosen| visitor.visit_i16([1, 0][chosen]),
        deserialize_i32() give("deserialize_i32", 2) => |visitor, chosen| visitor.visit_i32([1, 0][chosen]),
        deserialize_i64() give("deserialize_i64", 2) => |visitor, chosen| visitor.visit_i64([1, 0][chosen]),
        deserialize_i128() give("deserialize_i128", 2) => |visitor, chosen| visitor.visit_i128([1, 0][chosen]),
        deserialize_u8() give("deserialize_u8", 2) => |visitor, chosen| visitor.visit_u8([1, 0][chosen]),
        deserialize_u16() give("deserialize_u16", 2) => |visitor, chosen| visitor.visit_u16([1, 0][chosen]),
        deserialize_u32() give("deserialize_u32", 2) => |visitor, chosen| visitor.visit_u32([1, 0][chosen]),
        deserialize_u64() give("deserialize_u64", 2) => |visitor, chosen| visitor.visit_u64([1, 0][chosen]),
        deserialize_u128() give("deserialize_u128", 2) => |visitor, chosen| visitor.visit_u128([1, 0][chosen]),
        deserialize_f32() give("deserialize_f32", 2) => |visitor, chosen| visitor.visit_f32([1.0, 0.0][chosen]),
        deserialize_f64() give("deserialize_f64", 2) => |visitor, chosen| visitor.visit_f64([1.0, 0.0][chosen]),
        deserialize_char() give("char", 2) => |visitor, chosen| visitor.visit_char(['a', '1'][chosen]),
        deserialize_str() give("str", TEXTS.len()) => |visitor, chosen| visitor.visit_str(TEXTS[chosen]),
        deserialize_string() give("str", TEXTS.len()) => |visitor, chosen| visitor.visit_str(TEXTS[chosen]),
        // The containers give names where they are known; a type that asks for a name elsewhere gets a text.
        deserialize_identifier() give("str", TEXTS.len()) => |visitor, chosen| visitor.visit_str(TEXTS[chosen]),
        deserialize_bytes() give("bytes", BYTES.len()) => |visitor, chosen| visitor.visit_bytes(BYTES[chosen]),
        deserialize_byte_buf() give("bytes", BYTES.len()) => |visitor, chosen| visitor.visit_bytes(BYTES[chosen]),
        deserialize_unit() give("unit", 1) => |visitor, _| visitor.visit_unit(),
        deserialize_ignored_any() give("ignored", 1) => |visitor, _| visitor.visit_unit(),
        deserialize_option() hold("option", &[], 2) => |visitor, mut parts, chosen| match parts.is_some(chosen) {
            true => visitor.visit_some(parts.part(0)),
            false => visitor.visit_none(),
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
            |visitor, parts, chosen| match parts.of(names.len()) {
                parts if chosen == 0 => visitor.visit_seq(parts),
                parts => visitor.visit_map(Fields { parts, names }),
            }
        },
        deserialize_enum(name: &'static str, names: Names) hold("enum", &[&[name], names].concat(), 0) => {
            |visitor, parts, _| parts.variant(names, visitor)
        },
    }
}
