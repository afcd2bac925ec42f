use serde::Deserialize;

use super::*;

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Row {
    id: u64,
    name: String,
}

fn row() -> Row {
    Row { id: 300, name: "a".repeat(3) }
}

/// A change of these bytes makes misses of all that was written before.
#[test]
fn the_bytes_are_these() {
    let bytes = encode(&row(), Encoding::default()).expect("postcard takes it");
    let fingerprint = schema::fingerprint::<Row>(false).to_le_bytes();
    assert_eq!(bytes, [&[1][..], &fingerprint, &[0], b"\xac\x02\x03aaa"].concat());
}

mod v1 {
    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    pub(super) struct Pair {
        pub(super) a: u32,
        pub(super) b: u32,
    }
}

mod v2 {
    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    pub(super) struct Pair {
        pub(super) b: u32,
        pub(super) a: u32,
    }
}

#[test]
fn r18_a_new_binary_does_not_take_an_old_ones_fields_for_others() {
    let old = v1::Pair { a: 1, b: 2 };
    let bytes = encode(&old, Encoding::default()).expect("postcard takes it");
    let mistaken: v2::Pair = body::read(Codec::Postcard, &bytes[HEAD..]).expect("postcard cannot tell");
    assert_eq!(mistaken, v2::Pair { b: 1, a: 2 });
    assert_eq!(decode::<v2::Pair>(&bytes), None);
    assert_eq!(decode::<v1::Pair>(&bytes), Some(old));
}

#[test]
fn what_this_binary_cannot_open_is_a_miss() {
    let bytes = encode(&row(), Encoding::default()).expect("postcard takes it");
    let with = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        decode::<Row>(&bytes)
    };
    assert_eq!(with(0, 1), Some(row()));
    assert_eq!(with(0, 0), None, "a codec");
    assert_eq!(with(0, 200), None, "a codec");
    assert_eq!(with(9, 200), None, "a compression");
    assert_eq!(with(5, !bytes[5]), None, "a fingerprint");
    assert_eq!(decode::<Row>(&[&bytes[..], &[0]].concat()), None, "something behind it");
    for end in 0..bytes.len() {
        assert_eq!(decode::<Row>(&bytes[..end]), None);
    }
}

/// Postcard cannot write what says its length last; the value is not stored, and loaded again.
#[test]
fn what_a_codec_has_no_form_for_is_not_encoded() {
    #[derive(Serialize, Deserialize)]
    struct Flat {
        #[serde(flatten)]
        all: std::collections::BTreeMap<String, u32>,
    }
    let flat = Flat { all: [("a".to_owned(), 1)].into() };
    assert_eq!(encode(&flat, Encoding::default()), None);
    #[cfg(feature = "json")]
    {
        let bytes = encode(&flat, Encoding::new(Codec::Json)).expect("JSON takes it");
        assert_eq!(decode::<Flat>(&bytes).map(|flat| flat.all), Some(flat.all));
    }
}
