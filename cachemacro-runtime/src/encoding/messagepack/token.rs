//! The next token in the bytes.

use super::error::Failed;
use super::marker::{self, ARRAY, BIN, EXT1, EXT16, F32, F64, FALSE, MAP, NIL, STR, TRUE};

/// One token; of a container it is the head.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Token<'de> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    U128(u128),
    I128(i128),
    F32(f32),
    F64(f64),
    Str(&'de str),
    Bin(&'de [u8]),
    Array(usize),
    Map(usize),
    /// The number of nested `Some` around a `nil`.
    Some(u8),
}

/// Bytes that are read from the front.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'de>(pub(super) &'de [u8]);

impl<'de> Bytes<'de> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Failed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Failed)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn slice(&mut self, length: usize) -> Result<&'de [u8], Failed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Failed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn text(&mut self, length: usize) -> Result<Token<'de>, Failed> {
        std::str::from_utf8(self.slice(length)?).map(Token::Str).map_err(|_| Failed)
    }

    /// A length that is encoded in `N` bytes.
    fn length<const N: usize>(&mut self) -> Result<usize, Failed> {
        let bytes = self.array::<N>()?;
        Ok(bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
    }

    /// The next token. Formats of MessagePack that this codec does not write are errors.
    pub(super) fn token(&mut self) -> Result<Token<'de>, Failed> {
        let [first] = self.array()?;
        Ok(match first {
            0..=0x7f => Token::Unsigned(first.into()),
            0x80..=0x8f => Token::Map(usize::from(first & 15)),
            0x90..=0x9f => Token::Array(usize::from(first & 15)),
            0xa0..=0xbf => self.text(usize::from(first & 31))?,
            0xe0..=0xff => Token::Signed(first.cast_signed().into()),
            NIL => Token::Nil,
            FALSE => Token::Bool(false),
            TRUE => Token::Bool(true),
            F32 => Token::F32(f32::from_be_bytes(self.array()?)),
            F64 => Token::F64(f64::from_be_bytes(self.array()?)),
            EXT1 | EXT16 => self.extension(first)?,
            marker::U8..=marker::I64 => self.number(first)?,
            _ => self.sized(first)?,
        })
    }

    fn number(&mut self, first: u8) -> Result<Token<'de>, Failed> {
        Ok(match first {
            marker::U8 => Token::Unsigned(u8::from_be_bytes(self.array()?).into()),
            marker::U16 => Token::Unsigned(u16::from_be_bytes(self.array()?).into()),
            marker::U32 => Token::Unsigned(u32::from_be_bytes(self.array()?).into()),
            marker::U64 => Token::Unsigned(u64::from_be_bytes(self.array()?)),
            marker::I8 => Token::Signed(i8::from_be_bytes(self.array()?).into()),
            marker::I16 => Token::Signed(i16::from_be_bytes(self.array()?).into()),
            marker::I32 => Token::Signed(i32::from_be_bytes(self.array()?).into()),
            _ => Token::Signed(i64::from_be_bytes(self.array()?)),
        })
    }

    fn extension(&mut self, first: u8) -> Result<Token<'de>, Failed> {
        let [kind] = self.array()?;
        match (first, kind) {
            (EXT1, marker::SOME) => match self.array()? {
                [0] => Err(Failed),
                [count] => Ok(Token::Some(count)),
            },
            (EXT16, marker::U128) => Ok(Token::U128(u128::from_be_bytes(self.array()?))),
            (EXT16, marker::I128) => Ok(Token::I128(i128::from_be_bytes(self.array()?))),
            _ => Err(Failed),
        }
    }

    fn sized(&mut self, first: u8) -> Result<Token<'de>, Failed> {
        let is_one = |form: marker::Form| form.one == Some(first);
        if is_one(STR) || first == STR.two || first == STR.four {
            let length = self.length_after(first, STR)?;
            return self.text(length);
        }
        if is_one(BIN) || first == BIN.two || first == BIN.four {
            let length = self.length_after(first, BIN)?;
            return self.slice(length).map(Token::Bin);
        }
        if first == ARRAY.two || first == ARRAY.four {
            return self.length_after(first, ARRAY).map(Token::Array);
        }
        if first == MAP.two || first == MAP.four {
            return self.length_after(first, MAP).map(Token::Map);
        }
        Err(Failed)
    }

    fn length_after(&mut self, first: u8, form: marker::Form) -> Result<usize, Failed> {
        if form.one == Some(first) {
            self.length::<1>()
        } else if first == form.two {
            self.length::<2>()
        } else {
            self.length::<4>()
        }
    }
}
