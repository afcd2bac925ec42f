//! A rendered key that is kept or looked for: short ones in place, so that comparing two touches no other memory.

/// Room in place: with the byte that tells short from long ones, five words. The last byte is the length, and what lies between
/// is zero: equal texts are equal arrays.
const ROOM: usize = 39;
const LONGEST: usize = ROOM - 1;

type Short = [u8; ROOM];

/// A text of its own.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    Short(Short),
    /// Longer than any short one.
    Long(Box<[u8]>),
}

/// A borrowed text.
#[derive(Clone, Copy)]
pub(crate) enum TextRef<'a> {
    Short(&'a Short),
    /// Longer than any short one.
    Long(&'a [u8]),
}

impl Text {
    pub(crate) fn by_ref(&self) -> TextRef<'_> {
        match self {
            Self::Short(short) => TextRef::Short(short),
            Self::Long(long) => TextRef::Long(long),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short(short) => &short[..usize::from(short[LONGEST])],
            Self::Long(long) => long,
        }
    }
}

impl<'a> TextRef<'a> {
    /// The first `len` bytes of a buffer that is zero behind them, which it is no longer.
    #[inline]
    pub(crate) fn of_buffer(buffer: &'a mut [u8], len: usize) -> Self {
        if len <= LONGEST && buffer.len() >= ROOM {
            buffer[LONGEST] = length(len);
        }
        match buffer.first_chunk() {
            Some(short) if len <= LONGEST => Self::Short(short),
            _ => Self::Long(&buffer[..len]),
        }
    }

    pub(crate) fn to_owned(self) -> Text {
        match self {
            Self::Short(short) => Text::Short(*short),
            Self::Long(long) => Text::Long(long.into()),
        }
    }
}

impl PartialEq<Text> for TextRef<'_> {
    #[inline]
    fn eq(&self, other: &Text) -> bool {
        match (self, other) {
            (Self::Short(one), Text::Short(other)) => are_same(one, other),
            (Self::Long(one), Text::Long(other)) => **one == **other,
            _ => false,
        }
    }
}

/// Without a call of `memcmp`, which costs more than the comparison.
#[inline]
fn are_same(one: &Short, other: &Short) -> bool {
    let words = one.as_chunks::<8>().0.iter().zip(other.as_chunks::<8>().0);
    let differs = |one: &[u8; 8], other: &[u8; 8]| u64::from_ne_bytes(*one) ^ u64::from_ne_bytes(*other);
    let whole = words.fold(0, |found, (one, other)| found | differs(one, other));
    // The last word begins before the others end.
    match (one.last_chunk(), other.last_chunk()) {
        (Some(one), Some(other)) => whole | differs(one, other) == 0,
        _ => false,
    }
}

/// Of a short text; of a longer one it does not matter.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "a short text has at most 38 bytes")]
const fn length(len: usize) -> u8 {
    len as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &[u8]) -> Text {
        let mut buffer = [0; 256];
        buffer[..text.len()].copy_from_slice(text);
        TextRef::of_buffer(&mut buffer, text.len()).to_owned()
    }

    #[test]
    fn a_text_is_what_it_was_however_long() {
        for len in [0, 1, LONGEST - 1, LONGEST, ROOM, 200] {
            let text = vec![b'x'; len];
            assert_eq!(kept(&text).as_bytes(), text);
            assert!(kept(&text).by_ref() == kept(&text));
            assert!(kept(&[&text[..], b"x"].concat()).by_ref() != kept(&text), "{len} is not one more");
            for at in 0..len {
                let mut other = text.clone();
                other[at] = b'y';
                assert!(kept(&other).by_ref() != kept(&text));
            }
        }
    }

    #[test]
    fn zeros_are_bytes_like_others() {
        assert!(kept(b"a\0").by_ref() != kept(b"a"));
    }
}
