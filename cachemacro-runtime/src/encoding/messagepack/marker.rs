//! The first bytes of MessagePack's formats.

pub(super) const NIL: u8 = 0xc0;
pub(super) const FALSE: u8 = 0xc2;
pub(super) const TRUE: u8 = 0xc3;
pub(super) const F32: u8 = 0xca;
pub(super) const F64: u8 = 0xcb;
pub(super) const U8: u8 = 0xcc;
pub(super) const U16: u8 = 0xcd;
pub(super) const U32: u8 = 0xce;
pub(super) const U64: u8 = 0xcf;
pub(super) const I8: u8 = 0xd0;
pub(super) const I16: u8 = 0xd1;
pub(super) const I32: u8 = 0xd2;
pub(super) const I64: u8 = 0xd3;
/// An extension of one byte.
pub(super) const EXT1: u8 = 0xd4;
/// An extension of 16 bytes.
pub(super) const EXT16: u8 = 0xd8;

/// The extension types.
pub(super) const SOME: u8 = 1;
pub(super) const U128: u8 = 2;
pub(super) const I128: u8 = 3;

/// The first bytes of a format with a length: with the length in the first byte, and with one, two or four bytes for
/// it.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub(super) fix: Option<(u8, u8)>,
    pub(super) one: Option<u8>,
    pub(super) two: u8,
    pub(super) four: u8,
}

pub(super) const STR: Form = Form { fix: Some((0xa0, 31)), one: Some(0xd9), two: 0xda, four: 0xdb };
pub(super) const BIN: Form = Form { fix: None, one: Some(0xc4), two: 0xc5, four: 0xc6 };
pub(super) const ARRAY: Form = Form { fix: Some((0x90, 15)), one: None, two: 0xdc, four: 0xdd };
pub(super) const MAP: Form = Form { fix: Some((0x80, 15)), one: None, two: 0xde, four: 0xdf };

impl Form {
    /// The shortest head for this length, and how many bytes of the array it uses.
    pub(super) fn head(self, length: usize) -> Option<([u8; 5], usize)> {
        let mut head = [0; 5];
        if let Some((fix, most)) = self.fix
            && length <= usize::from(most)
        {
            head[0] = fix | u8::try_from(length).ok()?;
            return Some((head, 1));
        }
        let used = match (self.one, u8::try_from(length), u16::try_from(length)) {
            (Some(one), Ok(length), _) => {
                head[..2].copy_from_slice(&[one, length]);
                2
            }
            (_, _, Ok(length)) => {
                head[0] = self.two;
                head[1..3].copy_from_slice(&length.to_be_bytes());
                3
            }
            _ => {
                head[0] = self.four;
                head[1..].copy_from_slice(&u32::try_from(length).ok()?.to_be_bytes());
                5
            }
        };
        Some((head, used))
    }
}
