//! Any text as part of a key.

/// Text as part of a key. Printable ASCII is unchanged, except braces, which would move the key to another slot, the
/// characters in `also`, and `!`. Those and all other bytes become `!` and two hex digits. So two texts never have the
/// same form (R17). Text that the macros render is percent-encoded already and needs no escapes.
pub(crate) fn escaped(text: &[u8], also: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text {
        if byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}' | b'!') && !also.contains(byte) {
            out.push(char::from(*byte));
        } else {
            out.push_str(&format!("!{byte:02X}"));
        }
    }
    out
}

/// The text that [`escaped`] was given, if this is a result of it.
pub(crate) fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('!') {
        bytes.extend_from_slice(plain.as_bytes());
        bytes.push(u8::from_str_radix(escape.get(..2)?, 16).ok()?);
        rest = &escape[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_comes_back() {
        for text in ["", "!", "a}b{c d\u{e9}\n!%41", "!!41"] {
            assert_eq!(unescaped(&escaped(text.as_bytes(), b":")).as_deref(), Some(text));
        }
        for text in ["!", "!4", "!zz", "!C3", "!\u{e9}"] {
            assert_eq!(unescaped(text), None);
        }
    }
}
