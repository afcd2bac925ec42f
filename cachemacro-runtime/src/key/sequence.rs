//! Slices and ordered collections in keys.

use std::collections::{BTreeMap, BTreeSet};

use super::list;
use super::part::{KeyPart, own_canonical};
use super::writer::KeyWriter;

impl<T: KeyPart> KeyPart for [T] {
    own_canonical!();
    fn render(&self, out: &mut KeyWriter) {
        T::render_all(self, out);
    }
}

impl<T: KeyPart, const N: usize> KeyPart for [T; N] {
    type Canonical = [T];
    fn canonical(&self) -> &[T] {
        self
    }
    fn render(&self, out: &mut KeyWriter) {
        T::render_all(self, out);
    }
}

impl<T: KeyPart> KeyPart for Vec<T> {
    type Canonical = [T];
    fn canonical(&self) -> &[T] {
        self
    }
    fn render(&self, out: &mut KeyWriter) {
        T::render_all(self, out);
    }
}

impl<T: KeyPart> KeyPart for BTreeSet<T> {
    own_canonical!();
    fn render(&self, out: &mut KeyWriter) {
        list::render_with(self.len(), self, T::render, out);
    }
}

impl<K: KeyPart, V: KeyPart> KeyPart for BTreeMap<K, V> {
    own_canonical!();
    fn render(&self, out: &mut KeyWriter) {
        list::render_with(self.len(), self, |pair, out| pair.render(out), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &(impl KeyPart + ?Sized)) -> String {
        let mut out = KeyWriter::new();
        value.render(&mut out);
        out.to_string()
    }

    #[test]
    fn collections_are_their_number_and_their_values() {
        assert_eq!(text(&[1_u64, 2, 3]), "3(1,2,3)");
        assert_eq!(text(&vec!["a,b", ""]), "2(a%2Cb,)");
        assert_eq!(text(&Vec::<String>::new()), "0()");
        assert_eq!(text(&vec![String::new()]), "1()", "one empty text is another list");
        assert_eq!(text(&vec![None, Some(7_u8)]), "2(%-,7)");
        assert_eq!(text(&BTreeSet::from([3_u8, 1])), "2(1,3)");
        assert_eq!(text(&BTreeMap::from([("a", 1_u8), ("b", 2)])), "2((a,1),(b,2))");
        assert_eq!(text(&[[0xAB_u8, 0x01], [0, 0xFF]]), "2(ab01,00ff)");
    }

    #[test]
    fn a_long_one_is_its_number_and_a_digest() {
        let ids: Vec<u64> = (0..10_000).collect();
        let rendered = text(&ids);
        assert!(rendered.starts_with("10000%~") && rendered.len() == "10000%~".len() + 64, "{rendered}");
        let mut other = ids.clone();
        other[9_999] += 1;
        assert_ne!(text(&other), rendered);
        other.pop();
        assert_ne!(text(&other), rendered);
        assert_ne!(text(&vec![rendered.clone()]), text(&vec![ids.clone()]), "the text of a digest is no digest");
        // NIST's vector for a million times `a`.
        let million = text(&vec![b'a'; 1_000_000]);
        assert_eq!(million, "%~cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }

    #[test]
    fn the_limit_is_the_same_for_what_a_key_has_before() {
        let long = vec!["x".repeat(40); 9];
        let mut after = KeyWriter::new();
        after.fixed("before:");
        long.render(&mut after);
        assert_eq!(after.to_string(), format!("before:{}", text(&long)));
    }
}
