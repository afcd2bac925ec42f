//! Checks values for a codec without names: all parts must be present, in the order and number in which the type reads
//! them.
//!
//! `#[serde(skip_serializing_if = "…")]` leaves fields out. A codec without names would then read the next field
//! instead of the missing one, often without an error. So it is an error to write a value that leaves out a field, or
//! that has another number of parts than it declared.

use std::cell::Cell;
use std::fmt;

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// A value for a codec without names.
pub(super) struct Positional<'a, T: ?Sized> {
    value: &'a T,
    level: Level<'a>,
}

/// The depth of a part, and the greatest depth so far.
#[derive(Clone, Copy)]
struct Level<'a> {
    depth: usize,
    deepest: &'a Cell<usize>,
}

impl Level<'_> {
    fn below(self) -> Self {
        let depth = self.depth + 1;
        self.deepest.set(self.deepest.get().max(depth));
        Self { depth, ..self }
    }
}

impl<'a, T: ?Sized> Positional<'a, T> {
    /// The value; `deepest` receives its depth.
    pub(super) fn new(value: &'a T, deepest: &'a Cell<usize>) -> Self {
        Self { value, level: Level { depth: 0, deepest } }
    }
}

impl<T: ?Sized + Serialize> Serialize for Positional<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Checked { inner: serializer, level: self.level })
    }
}

/// A serializer that forwards everything.
struct Checked<'a, S> {
    inner: S,
    level: Level<'a>,
}

/// The parts of a container, counted.
struct Counted<'a, C> {
    inner: C,
    level: Level<'a>,
    /// How many parts are left, if the type declared their number.
    left: Option<usize>,
}

impl<C> Counted<'_, C> {
    fn counts<E: Error>(&mut self) -> Result<(), E> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1).ok_or_else(|| E::custom("more parts than announced"))?;
        }
        Ok(())
    }

    fn all<E: Error>(self) -> Result<C, E> {
        match self.left {
            None | Some(0) => Ok(self.inner),
            Some(_) => Err(E::custom("fewer parts than announced")),
        }
    }
}

macro_rules! plain {
    ($($method:ident($($value:ident: $type:ty),*),)*) => {$(
        fn $method(self, $($value: $type),*) -> Result<S::Ok, S::Error> {
            self.inner.$method($($value),*)
        }
    )*};
}

macro_rules! containers {
    ($($kind:ident = $method:ident($($name:ident: $type:ty),*) of $length:expr,)*) => {$(
        fn $method(self, $($name: $type),*) -> Result<Self::$kind, S::Error> {
            let left = $length;
            Ok(Counted { inner: self.inner.$method($($name),*)?, level: self.level.below(), left })
        }
    )*};
}

impl<'a, S: Serializer> Serializer for Checked<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Counted<'a, S::SerializeSeq>;
    type SerializeTuple = Counted<'a, S::SerializeTuple>;
    type SerializeTupleStruct = Counted<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Counted<'a, S::SerializeTupleVariant>;
    type SerializeMap = Counted<'a, S::SerializeMap>;
    type SerializeStruct = Counted<'a, S::SerializeStruct>;
    type SerializeStructVariant = Counted<'a, S::SerializeStructVariant>;

    plain! {
        serialize_bool(value: bool),
        serialize_i8(value: i8),
        serialize_i16(value: i16),
        serialize_i32(value: i32),
        serialize_i64(value: i64),
        serialize_i128(value: i128),
        serialize_u8(value: u8),
        serialize_u16(value: u16),
        serialize_u32(value: u32),
        serialize_u64(value: u64),
        serialize_u128(value: u128),
        serialize_f32(value: f32),
        serialize_f64(value: f64),
        serialize_char(value: char),
        serialize_str(value: &str),
        serialize_bytes(value: &[u8]),
        serialize_none(),
        serialize_unit(),
        serialize_unit_struct(name: &'static str),
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str),
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.serialize_some(&Positional { value, level: self.level.below() })
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, name: &'static str, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.serialize_newtype_struct(name, &Positional { value, level: self.level.below() })
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = Positional { value, level: self.level.below() };
        self.inner.serialize_newtype_variant(name, index, variant, &value)
    }

    containers! {
        SerializeSeq = serialize_seq(length: Option<usize>) of length,
        SerializeTuple = serialize_tuple(length: usize) of Some(length),
        SerializeTupleStruct = serialize_tuple_struct(name: &'static str, length: usize) of Some(length),
        SerializeTupleVariant = serialize_tuple_variant(
            name: &'static str, index: u32, variant: &'static str, length: usize
        ) of Some(length),
        SerializeMap = serialize_map(length: Option<usize>) of length,
        SerializeStruct = serialize_struct(name: &'static str, length: usize) of Some(length),
        SerializeStructVariant = serialize_struct_variant(
            name: &'static str, index: u32, variant: &'static str, length: usize
        ) of Some(length),
    }

    fn collect_str<T: ?Sized + fmt::Display>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! parts {
    ($($kind:ident $part:ident,)*) => {$(
        impl<C: $kind> $kind for Counted<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn $part<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), C::Error> {
                self.counts()?;
                self.inner.$part(&Positional { value, level: self.level })
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.all::<C::Error>()?.end()
            }
        }
    )*};
}

parts! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

macro_rules! fields {
    ($($kind:ident)*) => {$(
        impl<C: $kind> $kind for Counted<'_, C> {
            type Ok = C::Ok;
            type Error = C::Error;

            fn serialize_field<T: ?Sized + Serialize>(&mut self, name: &'static str, value: &T) -> Result<(), C::Error> {
                self.counts()?;
                self.inner.serialize_field(name, &Positional { value, level: self.level })
            }

            fn skip_field(&mut self, _: &'static str) -> Result<(), C::Error> {
                Err(C::Error::custom("a field is left out"))
            }

            fn end(self) -> Result<C::Ok, C::Error> {
                self.all::<C::Error>()?.end()
            }
        }
    )*};
}

fields!(SerializeStruct SerializeStructVariant);

impl<C: SerializeMap> SerializeMap for Counted<'_, C> {
    type Ok = C::Ok;
    type Error = C::Error;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), C::Error> {
        self.counts()?;
        self.inner.serialize_key(&Positional { value: key, level: self.level })
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), C::Error> {
        self.inner.serialize_value(&Positional { value, level: self.level })
    }

    fn end(self) -> Result<C::Ok, C::Error> {
        self.all::<C::Error>()?.end()
    }
}
