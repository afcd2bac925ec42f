//! The serializer.

use serde::ser::{Serialize, Serializer};

use super::error::Failed;
use super::fields::Fields;
use super::marker::{self, ARRAY, BIN, EXT1, EXT16, F32, F64, FALSE, Form, MAP, NIL, STR, TRUE};
use crate::encoding::messagepack::DEEPEST;

/// Writes one value behind another.
pub(super) struct Writer {
    bytes: Vec<u8>,
    depth: usize,
    deepest: usize,
}

impl Writer {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, depth: 0, deepest: 0 }
    }

    /// The bytes, and the depth of their nesting.
    pub(super) fn finish(self) -> (Vec<u8>, usize) {
        (self.bytes, self.deepest)
    }

    fn head(&mut self, form: Form, length: usize) -> Result<(), Failed> {
        let (head, used) = form.head(length).ok_or(Failed)?;
        self.bytes.extend(&head[..used]);
        Ok(())
    }

    fn unsigned(&mut self, number: u64) {
        if let Ok(small) = u8::try_from(number) {
            if small >= 0x80 {
                self.bytes.push(marker::U8);
            }
            self.bytes.push(small);
        } else if let Ok(number) = u16::try_from(number) {
            self.number(marker::U16, &number.to_be_bytes());
        } else if let Ok(number) = u32::try_from(number) {
            self.number(marker::U32, &number.to_be_bytes());
        } else {
            self.number(marker::U64, &number.to_be_bytes());
        }
    }

    fn signed(&mut self, number: i64) {
        if let Ok(number) = u64::try_from(number) {
            self.unsigned(number);
        } else if let Ok(small) = i8::try_from(number) {
            if small < -32 {
                self.bytes.push(marker::I8);
            }
            self.bytes.extend(small.to_be_bytes());
        } else if let Ok(number) = i16::try_from(number) {
            self.number(marker::I16, &number.to_be_bytes());
        } else if let Ok(number) = i32::try_from(number) {
            self.number(marker::I32, &number.to_be_bytes());
        } else {
            self.number(marker::I64, &number.to_be_bytes());
        }
    }

    fn number(&mut self, marker: u8, bytes: &[u8]) {
        self.bytes.push(marker);
        self.bytes.extend(bytes);
    }

    fn large(&mut self, kind: u8, bytes: [u8; 16]) {
        self.bytes.extend([EXT16, kind]);
        self.bytes.extend(bytes);
    }

    /// Begins a container.
    pub(super) fn open(&mut self) -> Result<(), Failed> {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        if self.depth > DEEPEST { Err(Failed) } else { Ok(()) }
    }

    pub(super) fn close(&mut self) {
        self.depth -= 1;
    }

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

    pub(super) fn text(&mut self, text: &str) -> Result<(), Failed> {
        self.head(STR, text.len())?;
        self.bytes.extend(text.as_bytes());
        Ok(())
    }

    /// Corrects the head at this position if the length differs from the declared one.
    pub(super) fn corrects(&mut self, form: Form, at: usize, declared: usize, length: usize) -> Result<(), Failed> {
        let (_, before) = form.head(declared).ok_or(Failed)?;
        let (head, used) = form.head(length).ok_or(Failed)?;
        self.bytes.splice(at..at + before, head[..used].iter().copied());
        Ok(())
    }

    /// Wraps what was written from here on into a `Some`, so that a `nil` in it is not read as `None`.
    fn wrap(&mut self, at: usize) -> Result<(), Failed> {
        match self.bytes[at..] {
            [NIL] => {
                self.bytes.truncate(at);
                self.bytes.extend([EXT1, marker::SOME, 1]);
            }
            [EXT1, marker::SOME, count] => {
                let end = self.bytes.len();
                self.bytes[end - 1] = count.checked_add(1).ok_or(Failed)?;
            }
            _ => {}
        }
        Ok(())
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
