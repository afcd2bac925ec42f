//! The state of the serializer: what was written so far.

use super::error::Failed;
use super::marker::{self, EXT1, EXT16, Form, NIL, STR};
use crate::encoding::messagepack::DEEPEST;

/// Writes one value behind another.
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
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

    pub(super) fn head(&mut self, form: Form, length: usize) -> Result<(), Failed> {
        let (head, used) = form.head(length).ok_or(Failed)?;
        self.bytes.extend(&head[..used]);
        Ok(())
    }

    pub(super) fn unsigned(&mut self, number: u64) {
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

    pub(super) fn signed(&mut self, number: i64) {
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

    pub(super) fn number(&mut self, marker: u8, bytes: &[u8]) {
        self.bytes.push(marker);
        self.bytes.extend(bytes);
    }

    pub(super) fn large(&mut self, kind: u8, bytes: [u8; 16]) {
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
    pub(super) fn wrap(&mut self, at: usize) -> Result<(), Failed> {
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
