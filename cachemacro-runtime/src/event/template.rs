//! Templates as they are written: where a placeholder ends, and what is in it. The macros look for its end in the same way,
//! `parse/template.rs`.

/// The position of the `>` that ends the placeholder which begins at `start`; the end of the text where there is none. Inside of brackets,
/// texts and turbofishes, `<` and `>` belong to the expression of the placeholder.
pub(crate) const fn end_of_place(text: &[u8], start: usize) -> usize {
    let (mut at, mut depth, mut angles) = (start + 1, 0_usize, 0_usize);
    while at < text.len() {
        match text[at] {
            b'"' => at = end_of_text(text, at),
            b'\'' if at + 2 < text.len() && text[at + 2] == b'\'' => at += 2,
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'<' if depth == 0 => angles += 1,
            b'>' if depth == 0 && text[at - 1] != b'-' && text[at - 1] != b'=' => {
                if angles == 0 {
                    return at;
                }
                angles -= 1;
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

const fn end_of_text(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < text.len() && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at
}

/// A template without what is in its placeholders. Two templates of one shape can render the same key.
pub(crate) fn template_shape(template: &str) -> String {
    let (mut shape, mut rest) = (String::with_capacity(template.len()), template);
    while let Some(start) = rest.find('<') {
        shape.push_str(&rest[..=start]);
        rest = rest.get(end_of_place(rest.as_bytes(), start) + 1..).unwrap_or_default();
    }
    shape + rest
}

/// How a template has a field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Has {
    /// Not at all.
    Nothing,
    /// As it is: `<email>`.
    Plain,
    /// As one of the expected texts.
    Expected,
    /// In another way.
    Other,
}

/// How the placeholders of a template have a field; the last of [`Has`] if there are several ways.
pub(crate) const fn has_field(template: &str, field: &str, expected: &[&str]) -> Has {
    let text = template.as_bytes();
    let (mut at, mut has) = (0, Has::Nothing);
    while at < text.len() {
        if text[at] == b'<' {
            let end = end_of_place(text, at);
            let inner = text.split_at(at + 1).1.split_at(end - at - 1).0;
            let here = in_place(inner, field.as_bytes(), expected);
            if here as u8 > has as u8 {
                has = here;
            }
            at = end;
        }
        at += 1;
    }
    has
}

const fn in_place(inner: &[u8], field: &[u8], expected: &[&str]) -> Has {
    if is_spelled(inner, field) {
        return Has::Plain;
    }
    let mut at = 0;
    while at < expected.len() {
        if is_spelled(inner, expected[at].as_bytes()) {
            return Has::Expected;
        }
        at += 1;
    }
    if has_word(inner, field) { Has::Other } else { Has::Nothing }
}

/// Whether two texts are the same but for blanks.
const fn is_spelled(one: &[u8], other: &[u8]) -> bool {
    let (mut a, mut b) = (0, 0);
    loop {
        while a < one.len() && one[a].is_ascii_whitespace() {
            a += 1;
        }
        while b < other.len() && other[b].is_ascii_whitespace() {
            b += 1;
        }
        if a == one.len() || b == other.len() {
            return a == one.len() && b == other.len();
        }
        if one[a] != other[b] {
            return false;
        }
        a += 1;
        b += 1;
    }
}

const fn has_word(text: &[u8], word: &[u8]) -> bool {
    let mut start = 0;
    while start + word.len() <= text.len() {
        let mut len = 0;
        while len < word.len() && text[start + len] == word[len] {
            len += 1;
        }
        let end = start + word.len();
        let is_whole = (start == 0 || !is_of_name(text[start - 1])) && (end == text.len() || !is_of_name(text[end]));
        if len == word.len() && is_whole {
            return true;
        }
        start += 1;
    }
    false
}

const fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_forget_the_names_of_placeholders() {
        assert_eq!(template_shape("user:<id>:posts:<page.no>"), "user:<:posts:<");
        assert_eq!(template_shape("user:<id>"), template_shape("user:<user.id>"));
        assert_ne!(template_shape("user:<id>"), template_shape("users:<id>"));
    }

    #[test]
    fn a_placeholder_ends_behind_its_expression() {
        for inner in [
            "email.to_lowercase()",
            "(a > b)",
            "ids.iter().map(|id| id << 2).sum::<u64>()",
            "text.replace(\"<\", \">\")",
            "text.replace('<', \"\\\"\")",
            "ids.iter().copied().collect::<Vec<u64>>()",
            "&name[..2]",
            "format!(\"{a}>{b}\")",
        ] {
            assert_eq!(template_shape(&format!("x:<{inner}>:y:<z>")), "x:<:y:<", "{inner}");
        }
        assert_eq!(template_shape("x:<a"), "x:<");
    }

    #[test]
    fn it_is_told_how_a_template_has_a_field() {
        let has = |template| has_field(template, "email", &["email.to_lowercase()"]);
        assert_eq!(has("mail:<email>"), Has::Plain);
        assert_eq!(has("mail:<email . to_lowercase( )>"), Has::Expected);
        assert_eq!(has("mail:<email.to_uppercase()>"), Has::Other);
        assert_eq!(has("mail:<email.to_lowercase()>:<email.len()>"), Has::Other);
        assert_eq!(has("mail:<email>:<email.to_lowercase()>"), Has::Expected);
        assert_eq!(has("mail:<emails>:<id>"), Has::Nothing);
        assert_eq!(has("all"), Has::Nothing);
    }
}
