//! Access to the parts of a dummy container while a type reads it.

use serde::de::value::{StrDeserializer, U32Deserializer};
use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::ask::Ask;
use super::enums::Variants;
use super::refused::Refused;
use super::trace::{Inside, Trace};
use crate::util::hash::Fnv64 as Hash;

/// A number of elements, of fields in their order, or of pairs.
pub(super) struct Entries<'t> {
    trace: &'t mut Trace,
    inside: Inside,
    given: usize,
    count: usize,
}

impl<'t> Entries<'t> {
    pub(super) fn new(trace: &'t mut Trace, inside: Inside, count: usize) -> Self {
        Self { trace, inside, given: 0, count }
    }

    /// The index of the next part. A trace that has used up its steps gives no more parts: some types skip refused
    /// parts and ask again.
    fn next(&mut self) -> Option<usize> {
        let next = (self.given < self.count && !self.trace.is_spent()).then_some(self.given)?;
        self.given += 1;
        Some(next)
    }

    fn part(&mut self, index: usize) -> Ask<'_> {
        Ask::part(self.trace, self.inside, index)
    }
}

impl<'de> SeqAccess<'de> for Entries<'_> {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refused> {
        self.next().map(|index| seed.deserialize(self.part(index))).transpose()
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refused> {
        self.next().map(|_| seed.deserialize(self.part(0))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        seed.deserialize(self.part(1))
    }
}

/// The fields of a struct that asks for them by name.
pub(super) struct Fields<'t> {
    entries: Entries<'t>,
    names: &'static [&'static str],
}

impl<'t> Fields<'t> {
    pub(super) fn new(trace: &'t mut Trace, inside: Inside, names: &'static [&'static str]) -> Self {
        Self { entries: Entries::new(trace, inside, names.len()), names }
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refused> {
        self.entries.next().map(|index| seed.deserialize(name(self.names[index]))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        let index = self.entries.given.saturating_sub(1);
        seed.deserialize(self.entries.part(index))
    }
}

fn name(name: &'static str) -> StrDeserializer<'static, Refused> {
    name.into_deserializer()
}

/// An empty sequence, and an empty map.
pub(super) struct Nothing;

impl<'de> SeqAccess<'de> for Nothing {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, _: T) -> Result<Option<T::Value>, Refused> {
        Ok(None)
    }
}

impl<'de> MapAccess<'de> for Nothing {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, _: K) -> Result<Option<K::Value>, Refused> {
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, _: V) -> Result<V::Value, Refused> {
        Err(Refused::END)
    }
}

/// An enum, read as one of its variants.
pub(super) struct Taken<'t> {
    trace: &'t mut Trace,
    inside: Inside,
    index: usize,
    name: &'static str,
}

impl<'t> Taken<'t> {
    /// Reads the enum as a variant with unseen parts, if it has one.
    pub(super) fn read<'de, V: Visitor<'de>>(
        trace: &'t mut Trace,
        inside: Inside,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        let Inside { identity, is_shallow } = inside;
        let variants = trace.enums.entry(identity).or_insert_with(|| Variants::new(names.len()));
        let index = variants.begin(is_shallow).ok_or(Refused::END)?;
        trace.see(index);
        let more_outside = std::mem::take(&mut trace.has_more);
        let inside = Inside { identity: Hash::new().number(identity).number(index as u64).0, is_shallow };
        let read = visitor.visit_enum(Taken { trace: &mut *trace, inside, index, name: names[index] });
        let is_mended = read.is_err() && trace.blame(None);
        let has_more = trace.has_more;
        let Some(variants) = trace.enums.get_mut(&identity) else {
            return Err(Refused::END);
        };
        let goes_on = match &read {
            Ok(_) => {
                variants.worked(is_shallow, has_more);
                false
            }
            Err(_) => variants.failed(is_shallow, is_mended),
        };
        let more_here = !is_shallow && variants.has_more();
        trace.has_more = more_outside || more_here;
        if goes_on {
            trace.mend();
        }
        read
    }

    fn part(self) -> Ask<'t> {
        Ask::part(self.trace, self.inside, 0)
    }

    fn fields<'de, V: Visitor<'de>>(self, count: usize, visitor: V) -> Result<V::Value, Refused> {
        self.trace.see(count);
        visitor.visit_seq(Entries::new(self.trace, self.inside, count))
    }
}

impl<'de> EnumAccess<'de> for Taken<'_> {
    type Error = Refused;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Refused> {
        let variant = if self.trace.is_human_readable {
            seed.deserialize(name(self.name))
        } else {
            let index: U32Deserializer<Refused> = u32::try_from(self.index).unwrap_or(u32::MAX).into_deserializer();
            seed.deserialize(index)
        };
        Ok((variant?, self))
    }
}

impl<'de> VariantAccess<'de> for Taken<'_> {
    type Error = Refused;

    fn unit_variant(self) -> Result<(), Refused> {
        self.trace.step("unit variant")
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Refused> {
        self.trace.step("newtype variant")?;
        seed.deserialize(self.part())
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        self.trace.step("tuple variant")?;
        self.fields(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Refused> {
        self.trace.step("struct variant")?;
        self.trace.see_names(fields);
        self.fields(fields.len(), visitor)
    }
}
