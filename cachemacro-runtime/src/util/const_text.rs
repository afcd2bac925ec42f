//! Text that is put together while a program is compiled, for the message of a `panic!` in a constant.

/// At most this many bytes are kept.
const LONGEST: usize = 2000;

/// A text. What does not fit is left out.
pub(crate) struct ConstText {
    bytes: [u8; LONGEST],
    len: usize,
}

impl ConstText {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; LONGEST], len: 0 }
    }

    /// Adds all of it, or nothing: no character is cut.
    pub(crate) const fn push(&mut self, text: &str) {
        let text = text.as_bytes();
        if text.len() > LONGEST - self.len {
            return;
        }
        let mut at = 0;
        while at < text.len() {
            self.bytes[self.len] = text[at];
            self.len += 1;
            at += 1;
        }
    }

    /// Adds names with this text between them.
    pub(crate) const fn push_all(&mut self, names: &[&str], between: &str) {
        let mut at = 0;
        while at < names.len() {
            if at > 0 {
                self.push(between);
            }
            self.push(names[at]);
            at += 1;
        }
    }

    pub(crate) const fn as_str(&self) -> &str {
        match str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "",
        }
    }
}

/// Whether two texts are the same.
pub(crate) const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_joined_and_never_cut() {
        const TEXT: ConstText = {
            let mut text = ConstText::new();
            text.push("é: ");
            text.push_all(&["a", "b"], ", ");
            text
        };
        assert_eq!(TEXT.as_str(), "é: a, b");
        let mut long = ConstText::new();
        long.push(&"é".repeat(999));
        long.push("ééé");
        long.push("x");
        assert_eq!(long.as_str(), "é".repeat(999) + "x");
    }

    #[test]
    fn texts_are_compared_whole() {
        const IS_SAME: bool = same("id", "id");
        assert!(IS_SAME && same("", ""));
        assert!(!same("id", "idd") && !same("idd", "id") && !same("id", "ix"));
    }
}
