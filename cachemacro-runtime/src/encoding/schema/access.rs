//! What a type reads of a dummy container: its parts, one after another.

use serde::de::value::{StrDeserializer, U32Deserializer};
use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::ask::{Fields, Parts, Variant};
use super::refused::Refused;

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refused> {
        self.next().map(|index| seed.deserialize(self.part(index))).transpose()
    }
}

/// Pairs of a key, part 0, and a value, part 1.
impl<'de> MapAccess<'de> for Parts<'_> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refused> {
        self.next().map(|_| seed.deserialize(self.part(0))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        seed.deserialize(self.part(1))
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refused> {
        self.parts.next().map(|index| seed.deserialize(text(self.names[index]))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        let index = self.parts.last();
        seed.deserialize(self.parts.part(index))
    }
}

fn text(name: &'static str) -> StrDeserializer<'static, Refused> {
    name.into_deserializer()
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Refused;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Refused> {
        let variant = if self.parts.trace.is_human_readable {
            seed.deserialize(text(self.name))
        } else {
            let index: U32Deserializer<Refused> = u32::try_from(self.index).unwrap_or(u32::MAX).into_deserializer();
            seed.deserialize(index)
        };
        Ok((variant?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Refused;

    fn unit_variant(self) -> Result<(), Refused> {
        self.parts.trace.step("unit variant")
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(mut self, seed: T) -> Result<T::Value, Refused> {
        self.parts.trace.step("newtype variant")?;
        seed.deserialize(self.parts.part(0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, count: usize, visitor: V) -> Result<V::Value, Refused> {
        self.parts.trace.step("tuple variant")?;
        self.parts.fields(count, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, names: &'static [&'static str], visitor: V) -> Result<V::Value, Refused> {
        self.parts.trace.step("struct variant")?;
        self.parts.trace.see_names(names);
        self.parts.fields(names.len(), visitor)
    }
}
