//! Writes the parts of a container, one after another.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::error::Failed;
use super::marker::Form;
use super::writer::Writer;

/// A container that is being written. Its number of parts is known at the end only: some types do not know it before,
/// and some declare a wrong one.
pub(super) struct Fields<'w> {
    writer: &'w mut Writer,
    form: Form,
    /// The position of its head.
    at: usize,
    declared: usize,
    written: usize,
    /// How many containers end with this one.
    closes: usize,
}

impl<'w> Fields<'w> {
    pub(super) fn new(writer: &'w mut Writer, form: Form, at: usize, declared: usize, closes: usize) -> Self {
        Self { writer, form, at, declared, written: 0, closes }
    }

    fn part<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Failed> {
        self.written += 1;
        value.serialize(&mut *self.writer)
    }

    fn named<T: ?Sized + Serialize>(&mut self, name: &str, value: &T) -> Result<(), Failed> {
        self.writer.text(name)?;
        self.part(value)
    }

    fn finish(self) -> Result<(), Failed> {
        for _ in 0..self.closes {
            self.writer.close();
        }
        if self.written == self.declared {
            return Ok(());
        }
        self.writer.corrects(self.form, self.at, self.declared, self.written)
    }
}

macro_rules! parts {
    ($($kind:ident $part:ident,)*) => {$(
        impl $kind for Fields<'_> {
            type Ok = ();
            type Error = Failed;

            fn $part<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Failed> {
                self.part(value)
            }

            fn end(self) -> Result<(), Failed> {
                self.finish()
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
        impl $kind for Fields<'_> {
            type Ok = ();
            type Error = Failed;

            fn serialize_field<T: ?Sized + Serialize>(&mut self, name: &'static str, value: &T) -> Result<(), Failed> {
                self.named(name, value)
            }

            fn end(self) -> Result<(), Failed> {
                self.finish()
            }
        }
    )*};
}

fields!(SerializeStruct SerializeStructVariant);

impl SerializeMap for Fields<'_> {
    type Ok = ();
    type Error = Failed;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), Failed> {
        key.serialize(&mut *self.writer)
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Failed> {
        self.part(value)
    }

    fn end(self) -> Result<(), Failed> {
        self.finish()
    }
}
