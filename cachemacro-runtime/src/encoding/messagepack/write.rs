//! The serializer.

use serde::ser::{Serialize, Serializer};

use super::error::Failed;
use super::fields::Fields;
use super::marker::{self, ARRAY, BIN, F32, F64, FALSE, Form, MAP, NIL, TRUE};
use super::writer::Writer;

impl Writer {
    /// Begins a container; `declared` is the number of parts that its type has declared.
    fn parts(&mut self, form: Form, declared: usize) -> Result<Fields<'_>, Failed> {
        self.open()?;
        let at = self.bytes.len();
        self.head(form, declared)?;
        Ok(Fields::new(self, form, at, declared, 1))
    }

    /// Begins a variant with parts: the map with its name, and the container of its parts.
    fn variant(&mut self, name: &str, form: Form, declared: usize) -> Result<Fields<'_>, Failed> {
        self.open()?;
        self.open()?;
        self.head(MAP, 1)?;
        self.text(name)?;
        let at = self.bytes.len();
        self.head(form, declared)?;
        Ok(Fields::new(self, form, at, declared, 2))
    }
}

impl<'w> Serializer for &'w mut Writer {
    type Ok = ();
    type Error = Failed;
    type SerializeSeq = Fields<'w>;
    type SerializeTuple = Fields<'w>;
    type SerializeTupleStruct = Fields<'w>;
    type SerializeTupleVariant = Fields<'w>;
    type SerializeMap = Fields<'w>;
    type SerializeStruct = Fields<'w>;
    type SerializeStructVariant = Fields<'w>;

    fn serialize_bool(self, value: bool) -> Result<(), Failed> {
        self.bytes.push(if value { TRUE } else { FALSE });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Failed> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Failed> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Failed> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Failed> {
        self.signed(value);
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), Failed> {
        match (u64::try_from(value), i64::try_from(value)) {
            (Ok(value), _) => self.unsigned(value),
            (_, Ok(value)) => self.signed(value),
            _ => self.large(marker::I128, value.to_be_bytes()),
        }
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Result<(), Failed> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Failed> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Failed> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Failed> {
        self.unsigned(value);
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<(), Failed> {
        match u64::try_from(value) {
            Ok(value) => self.unsigned(value),
            Err(_) => self.large(marker::U128, value.to_be_bytes()),
        }
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Failed> {
        self.number(F32, &value.to_be_bytes());
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Failed> {
        self.number(F64, &value.to_be_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Failed> {
        self.text(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Failed> {
        self.text(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Failed> {
        self.head(BIN, value.len())?;
        self.bytes.extend(value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Failed> {
        self.serialize_unit()
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), Failed> {
        let at = self.bytes.len();
        self.open()?;
        value.serialize(&mut *self)?;
        self.close();
        self.wrap(at)
    }

    fn serialize_unit(self) -> Result<(), Failed> {
        self.bytes.push(NIL);
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Failed> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Failed> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, value: &T) -> Result<(), Failed> {
        self.open()?;
        value.serialize(&mut *self)?;
        self.close();
        Ok(())
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Failed> {
        self.open()?;
        self.head(MAP, 1)?;
        self.text(variant)?;
        value.serialize(&mut *self)?;
        self.close();
        Ok(())
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Fields<'w>, Failed> {
        self.parts(ARRAY, length.unwrap_or(0))
    }

    fn serialize_tuple(self, length: usize) -> Result<Fields<'w>, Failed> {
        self.parts(ARRAY, length)
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Fields<'w>, Failed> {
        self.parts(ARRAY, length)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Fields<'w>, Failed> {
        self.variant(variant, ARRAY, length)
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Fields<'w>, Failed> {
        self.parts(MAP, length.unwrap_or(0))
    }

    fn serialize_struct(self, _: &'static str, length: usize) -> Result<Fields<'w>, Failed> {
        self.parts(MAP, length)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Fields<'w>, Failed> {
        self.variant(variant, MAP, length)
    }
}
