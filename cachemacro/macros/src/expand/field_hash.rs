//! The number of a set of fields: with it a binding finds the typed key that has these fields.

/// FNV-1a with 64 bits, over the field names, sorted and joined with commas. The derive and `#[cached]` both compute it.
pub(crate) fn of_fields<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> u64 {
    let mut names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
    names.sort_unstable();
    fnv1a(names.join(",").as_bytes())
}

fn fnv1a(bytes: &[u8]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    bytes.iter().fold(OFFSET, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_vectors() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn the_order_of_fields_does_not_matter() {
        assert_eq!(of_fields(["org", "id"]), of_fields(["id", "org"]));
        assert_ne!(of_fields(["org", "id"]), of_fields(["orgid"]));
    }
}
