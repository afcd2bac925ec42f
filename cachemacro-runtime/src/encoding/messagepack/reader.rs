//! The state of the deserializer: what is left to read.

use serde::de::Visitor;

use super::error::Failed;
use super::token::{Bytes, Token};
use crate::encoding::messagepack::DEEPEST;

/// Reads one value after another.
pub(super) struct Reader<'de> {
    bytes: Bytes<'de>,
    depth: usize,
    /// While nested `Some` around a `nil` are read: how many of them are left.
    somes: Option<u8>,
}

impl<'de> Reader<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Self { bytes: Bytes(bytes), depth: 0, somes: None }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.bytes.0.is_empty() && self.somes.is_none()
    }

    /// The number of remaining bytes, which limits the number of elements that can follow.
    pub(super) fn left(&self) -> usize {
        self.bytes.0.len()
    }

    pub(super) fn next(&mut self) -> Result<Token<'de>, Failed> {
        match self.somes.take() {
            Some(0) => Ok(Token::Nil),
            Some(count) => Ok(Token::Some(count)),
            None => self.bytes.token(),
        }
    }

    pub(super) fn peek(&self) -> Result<Token<'de>, Failed> {
        match self.somes {
            Some(0) => Ok(Token::Nil),
            Some(count) => Ok(Token::Some(count)),
            None => { self.bytes }.token(),
        }
    }

    /// Returns one of `count` nested `Some`; the others are read next.
    pub(super) fn some<V: Visitor<'de>>(&mut self, count: u8, visitor: V) -> Result<V::Value, Failed> {
        self.somes = Some(count - 1);
        self.deeper(|reader| visitor.visit_some(reader))
    }

    /// Reads the content of a container, one level deeper.
    pub(super) fn deeper<R>(&mut self, read: impl FnOnce(&mut Self) -> Result<R, Failed>) -> Result<R, Failed> {
        if self.depth == DEEPEST {
            return Err(Failed);
        }
        self.depth += 1;
        let read = read(self)?;
        self.depth -= 1;
        Ok(read)
    }

    pub(super) fn skip(&mut self) -> Result<(), Failed> {
        let parts = match self.next()? {
            Token::Array(length) => length,
            Token::Map(length) => length.checked_mul(2).ok_or(Failed)?,
            _ => return Ok(()),
        };
        self.deeper(|reader| (0..parts).try_for_each(|_| reader.skip()))
    }
}
