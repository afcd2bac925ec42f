//! The deserializer.

use serde::de::{Deserializer, Visitor};

use super::access::{Elements, Entries, UnitVariant, Variant};
use super::error::Failed;
use super::reader::Reader;
use super::token::Token;

impl<'de> Reader<'de> {
    fn array<V: Visitor<'de>>(&mut self, length: usize, visitor: V) -> Result<V::Value, Failed> {
        self.deeper(|reader| {
            let mut elements = Elements::new(reader, length);
            let value = visitor.visit_seq(&mut elements)?;
            elements.is_done().then_some(value).ok_or(Failed)
        })
    }

    fn map<V: Visitor<'de>>(&mut self, length: usize, visitor: V) -> Result<V::Value, Failed> {
        self.deeper(|reader| {
            let mut entries = Entries::new(reader, length);
            let value = visitor.visit_map(&mut entries)?;
            entries.is_done().then_some(value).ok_or(Failed)
        })
    }
}

/// Reads a number as the requested type if it fits, as some types accept no other.
macro_rules! numbers {
    ($($ask:ident $visit:ident $number:ty,)*) => {$(
        fn $ask<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
            let number: Option<$number> = match self.peek()? {
                Token::Unsigned(number) => number.try_into().ok(),
                Token::Signed(number) => number.try_into().ok(),
                Token::U128(number) => number.try_into().ok(),
                Token::I128(number) => number.try_into().ok(),
                _ => None,
            };
            match number {
                Some(number) => {
                    self.next()?;
                    visitor.$visit(number)
                }
                None => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Failed;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        match self.next()? {
            Token::Nil => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Unsigned(number) => visitor.visit_u64(number),
            Token::Signed(number) => visitor.visit_i64(number),
            Token::U128(number) => visitor.visit_u128(number),
            Token::I128(number) => visitor.visit_i128(number),
            Token::F32(number) => visitor.visit_f32(number),
            Token::F64(number) => visitor.visit_f64(number),
            Token::Str(text) => visitor.visit_borrowed_str(text),
            Token::Bin(bytes) => visitor.visit_borrowed_bytes(bytes),
            Token::Array(length) => self.array(length, visitor),
            Token::Map(length) => self.map(length, visitor),
            Token::Some(count) => self.some(count, visitor),
        }
    }

    numbers! {
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_i128 visit_i128 i128,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
        deserialize_u128 visit_u128 u128,
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        if let Token::Str(text) = self.peek()? {
            let mut characters = text.chars();
            if let (Some(character), None) = (characters.next(), characters.next()) {
                self.next()?;
                return visitor.visit_char(character);
            }
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        match self.peek()? {
            Token::Nil => {
                self.next()?;
                visitor.visit_none()
            }
            Token::Some(count) => {
                self.next()?;
                self.some(count, visitor)
            }
            _ => self.deeper(|reader| visitor.visit_some(reader)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failed> {
        self.deeper(|reader| visitor.visit_newtype_struct(reader))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        match self.peek()? {
            Token::Str(_) => visitor.visit_enum(UnitVariant(self)),
            Token::Map(1) => {
                self.next()?;
                self.deeper(|reader| visitor.visit_enum(Variant(reader)))
            }
            _ => Err(Failed),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.skip()?;
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool f32 f64 str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
    }
}
