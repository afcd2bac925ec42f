//! The deserializer that records what a type asks for.

use std::any::type_name;

use serde::de::{Deserializer, Visitor};

use super::dummies::{LENGTHS, TEXTS};
use super::parts::{Entries, Fields, Nothing, Taken};
use super::refused::Refused;
use super::trace::{Choice, Inside, Trace};
use crate::util::hash::Fnv64 as Hash;

/// A deserializer for one part of a type. The type now asks it for a form.
pub(super) struct Ask<'t> {
    pub(super) trace: &'t mut Trace,
    /// The position in the type. It is the same in each pass.
    pub(super) place: u64,
    pub(super) is_shallow: bool,
}

impl<'t> Ask<'t> {
    /// A part of this container.
    pub(super) fn part(trace: &'t mut Trace, inside: Inside, index: usize) -> Self {
        let place = Hash::new().number(inside.identity).number(index as u64).number(u64::from(inside.is_shallow));
        Self { trace, place: place.0, is_shallow: inside.is_shallow }
    }

    /// Gives a dummy without parts. `count` is the number of dummies, and `give` makes the chosen one.
    fn give<V, R>(
        self,
        what: &'static str,
        count: usize,
        visitor: V,
        give: impl FnOnce(V, usize) -> Result<R, Refused>,
    ) -> Result<R, Refused> {
        let Self { trace, place, .. } = self;
        trace.step(what)?;
        let choice = Choice { place: Hash::new().number(place).text(type_name::<V>()).0, count };
        let chosen = trace.choose(choice);
        let given = give(visitor, chosen);
        if given.is_err() {
            trace.blame(Some(choice));
        }
        given
    }

    /// Gives a dummy with parts. `count` is the number of dummies, and `run` makes the chosen one. The visitor's type
    /// is the identity of the container: it is equal for two `Vec<Row>`, and different for `Vec<Column>`.
    fn hold<V, R>(
        self,
        what: &'static str,
        names: &[&str],
        count: usize,
        visitor: V,
        run: impl FnOnce(&mut Trace, Inside, V, usize) -> Result<R, Refused>,
    ) -> Result<R, Refused> {
        let Self { trace, place, is_shallow } = self;
        trace.step(what)?;
        trace.see_names(names);
        let identity = Hash::new().text(what).texts(names).text(type_name::<V>());
        let inside = trace.enter(identity.0, is_shallow)?;
        let choice = Choice { place: identity.number(place).number(u64::from(inside.is_shallow)).0, count };
        // A container with one dummy is not recorded as a choice.
        let chosen = if count > 1 { trace.choose(choice) } else { 0 };
        let read = run(trace, inside, visitor, chosen);
        trace.leave(read, Some(choice))
    }

    fn fields<'de, V: Visitor<'de>>(
        self,
        what: &'static str,
        names: &[&str],
        count: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.hold(what, names, 1, visitor, |trace, inside, visitor, _| {
            trace.see(count);
            visitor.visit_seq(Entries::new(trace, inside, count))
        })
    }
}

macro_rules! numbers {
    ($($ask:ident => $visit:ident $dummies:expr,)*) => {$(
        fn $ask<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            self.give(stringify!($ask), $dummies.len(), visitor, |visitor, chosen| visitor.$visit($dummies[chosen]))
        }
    )*};
}

impl<'de> Deserializer<'de> for Ask<'_> {
    type Error = Refused;

    fn is_human_readable(&self) -> bool {
        self.trace.is_human_readable
    }

    /// Types that accept anything accept the first of these; others accept one of them.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.give("any", 6 + TEXTS.len(), visitor, |visitor, chosen| match chosen {
            0 => visitor.visit_unit(),
            1 => visitor.visit_bool(true),
            2 => visitor.visit_u64(1),
            3 => visitor.visit_f64(1.0),
            4 => visitor.visit_seq(Nothing),
            5 => visitor.visit_map(Nothing),
            _ => visitor.visit_str(TEXTS[chosen - 6]),
        })
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.give("bool", 2, visitor, |visitor, chosen| visitor.visit_bool(chosen == 0))
    }

    // Most types that check a number want a count, a month, or a number that is not zero.
    numbers! {
        deserialize_i8 => visit_i8 [1, 0],
        deserialize_i16 => visit_i16 [1, 0],
        deserialize_i32 => visit_i32 [1, 0],
        deserialize_i64 => visit_i64 [1, 0],
        deserialize_i128 => visit_i128 [1, 0],
        deserialize_u8 => visit_u8 [1, 0],
        deserialize_u16 => visit_u16 [1, 0],
        deserialize_u32 => visit_u32 [1, 0],
        deserialize_u64 => visit_u64 [1, 0],
        deserialize_u128 => visit_u128 [1, 0],
        deserialize_f32 => visit_f32 [1.0, 0.0],
        deserialize_f64 => visit_f64 [1.0, 0.0],
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.give("char", 2, visitor, |visitor, chosen| visitor.visit_char(['a', '1'][chosen]))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.give("str", TEXTS.len(), visitor, |visitor, chosen| visitor.visit_str(TEXTS[chosen]))
    }

    /// The same form for every codec.
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.give("bytes", LENGTHS.len(), visitor, |visitor, chosen| visitor.visit_bytes(&[0; 64][..LENGTHS[chosen]]))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.give("unit", 1, visitor, |visitor, _| visitor.visit_unit())
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Refused> {
        self.hold("unit struct", &[name], 1, visitor, |_, _, visitor, _| visitor.visit_unit())
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.give("ignored", 1, visitor, |visitor, _| visitor.visit_unit())
    }

    /// The containers give names where they are known; a type that asks for a name elsewhere gets a text.
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.hold("option", &[], 2, visitor, |trace, inside, visitor, chosen| {
            if (chosen == 0) != inside.is_shallow {
                visitor.visit_some(Ask::part(trace, inside, 0))
            } else {
                visitor.visit_none()
            }
        })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Refused> {
        self.hold("newtype", &[name], 1, visitor, |trace, inside, visitor, _| {
            visitor.visit_newtype_struct(Ask::part(trace, inside, 0))
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.hold("seq", &[], 2, visitor, |trace, inside, visitor, chosen| {
            let count = usize::from((chosen == 0) != inside.is_shallow);
            visitor.visit_seq(Entries::new(trace, inside, count))
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.hold("map", &[], 2, visitor, |trace, inside, visitor, chosen| {
            let count = usize::from((chosen == 0) != inside.is_shallow);
            visitor.visit_map(Entries::new(trace, inside, count))
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        self.fields("tuple", &[], len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.fields("tuple struct", &[name], len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let names: Vec<&str> = [name].iter().chain(fields).copied().collect();
        // Some types can be read by name only.
        self.hold("struct", &names, 2, visitor, |trace, inside, visitor, chosen| match chosen {
            0 => visitor.visit_seq(Entries::new(trace, inside, fields.len())),
            _ => visitor.visit_map(Fields::new(trace, inside, fields)),
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let names: Vec<&str> = [name].iter().chain(variants).copied().collect();
        self.hold("enum", &names, 1, visitor, |trace, inside, visitor, _| Taken::read(trace, inside, variants, visitor))
    }
}
