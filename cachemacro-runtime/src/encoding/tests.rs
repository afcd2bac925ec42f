use serde::Deserialize;

use crate::encoding::*;

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Row {
    id: u64,
    name: String,
}

fn row() -> Row {
    Row { id: 300, name: "a".repeat(3) }
}

/// If these bytes change, all values that were written before become misses.
#[test]
fn the_bytes_are_these() {
    let bytes = encode(&row(), Encoding::default()).expect("postcard takes it").bytes;
    let fingerprint = schema::shape::<Row>(false).fingerprint.to_le_bytes();
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
    let bytes = encode(&old, Encoding::default()).expect("postcard takes it").bytes;
    let mistaken: v2::Pair = body::read(Codec::Postcard, &bytes[HEAD..]).expect("postcard cannot tell");
    assert_eq!(mistaken, v2::Pair { b: 1, a: 2 });
    assert_eq!(decode::<v2::Pair>(&bytes), None);
    assert_eq!(decode::<v1::Pair>(&bytes), Some(old));
}

#[test]
fn what_this_binary_cannot_open_is_a_miss() {
    let bytes = encode(&row(), Encoding::default()).expect("postcard takes it").bytes;
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

/// The types of one binary; those of the next have one more field. In two blocks of one function they have the same
/// name.
macro_rules! types {
    ($($more:tt)*) => {
        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        #[serde(tag = "kind")]
        enum Tagged {
            Account { id: u64, #[serde(default)] name: String, $($more)* },
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Flat {
            id: u64,
            #[serde(flatten)]
            inner: Inner,
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug, Default)]
        struct Inner {
            #[serde(default)]
            name: String,
            $($more)*
        }
    };
}

#[test]
fn r18_a_field_that_is_new_makes_a_miss_where_a_type_is_read_by_guess() {
    let named = Encoding::new(Codec::MessagePack);
    let (tagged, flat) = {
        types! {}
        let tagged = Tagged::Account { id: 1, name: "a".to_owned() };
        let tagged_bytes = encode(&tagged, named).expect("it has a form").bytes;
        assert_eq!(decode_own(&tagged_bytes), Some(tagged));
        let flat = Flat { id: 1, inner: Inner::default() };
        let bytes = encode(&flat, named).expect("it has a form").bytes;
        assert_eq!(decode_own(&bytes), Some(flat));
        (tagged_bytes, bytes)
    };
    let newer = {
        types! { #[serde(default)] vip: bool }
        assert!(decode::<Tagged>(&tagged).is_some(), "the type itself cannot tell");
        assert_eq!(decode_own::<Tagged>(&tagged), None);
        assert_eq!(decode_own::<Flat>(&flat), None);
        encode(&Tagged::Account { id: 1, name: String::new(), vip: true }, named).expect("it has a form").bytes
    };
    types! {}
    assert!(decode::<Tagged>(&newer).is_some(), "and what it does not know is passed over");
    assert_eq!(decode_own::<Tagged>(&newer), None);
    let _ = (Flat { id: 1, inner: Inner::default() }, Tagged::Account { id: 1, name: String::new() });
}

#[test]
fn what_is_read_by_guess_and_written_in_any_order_is_no_miss() {
    let maps: Vec<_> =
        (0..50).map(|at| std::collections::HashMap::from([(at, at), (at + 1, 0), (at + 2, 7)])).collect();
    let value = (maps, serde_json::json!({ "a": 1 }));
    let bytes = encode(&value, Encoding::new(Codec::MessagePack)).expect("it has a form").bytes;
    assert_eq!(decode_own(&bytes), Some(value));
}

/// Postcard cannot write values without a length; the value is not stored, and is loaded again.
#[test]
fn what_a_codec_has_no_form_for_is_not_encoded() {
    #[derive(Serialize, Deserialize)]
    struct Flat {
        #[serde(flatten)]
        all: std::collections::BTreeMap<String, u32>,
    }
    let flat = Flat { all: [("a".to_owned(), 1)].into() };
    assert!(encode(&flat, Encoding::default()).is_none());
    #[cfg(feature = "json")]
    {
        let bytes = encode(&flat, Encoding::new(Codec::Json)).expect("JSON takes it").bytes;
        assert_eq!(decode::<Flat>(&bytes).map(|flat| flat.all), Some(flat.all));
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Skips {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    a: Option<u8>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    b: Vec<u8>,
    c: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    d: Option<Box<Skips>>,
}

fn skips() -> impl proptest::strategy::Strategy<Value = Skips> {
    use proptest::prelude::*;
    let leaf = (any::<Option<u8>>(), prop::collection::vec(0..3_u8, 0..3), 0..3_u8);
    let leaf = leaf.prop_map(|(a, b, c)| Skips { a, b, c, d: None });
    leaf.prop_recursive(3, 4, 1, |inner| {
        (inner.clone(), prop::option::of(inner)).prop_map(|(outer, inner)| Skips { d: inner.map(Box::new), ..outer })
    })
}

/// Shows why this must be an error: without the check the bytes of some types are read as other types.
#[test]
fn without_names_a_field_that_is_left_out_is_another_ones_place() {
    let value = vec![Skips { a: None, b: vec![1], c: 0, d: None }; 2];
    let bytes = postcard::to_stdvec(&value).expect("postcard takes it");
    let mistaken: Vec<Skips> = postcard::from_bytes(&bytes).unwrap_or_default();
    assert_ne!(mistaken, value);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// A codec without names writes a value only if that leaves nothing out.
    #[test]
    fn what_is_written_is_what_is_read(value in proptest::collection::vec(skips(), 0..5)) {
        fn leaves_out(one: &Skips) -> bool {
            one.a.is_none() || one.b.is_empty() || one.d.as_deref().is_none_or(leaves_out)
        }
        for codec in [Codec::Postcard, #[cfg(feature = "bincode")] Codec::Bincode] {
            let written = encode(&value, Encoding::new(codec));
            proptest::prop_assert_eq!(written.is_none(), value.iter().any(leaves_out));
            if let Some(written) = written {
                proptest::prop_assert_eq!(decode::<Vec<Skips>>(&written.bytes), Some(value.clone()));
            }
        }
        let named = encode(&value, Encoding::new(Codec::MessagePack)).expect("it has a form");
        proptest::prop_assert_eq!(decode::<Vec<Skips>>(&named.bytes), Some(value));
    }
}

#[test]
fn a_type_that_is_read_by_guess_is_written_with_names_at_once() {
    #[derive(Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Unit,
    }
    let named = Encoding::new(Codec::MessagePack);
    assert_eq!(choices::<Vec<Option<Tagged>>>(Encoding::default()), (Some(named), None));
    assert_eq!(choices::<serde_json::Value>(Encoding::default()), (Some(named), None));
    assert_eq!(choices::<Row>(Encoding::default()), (Some(Encoding::default()), Some(named)));
    #[cfg(feature = "json")]
    assert_eq!(choices::<serde_json::Value>(Encoding::new(Codec::Json)).0, Some(Encoding::new(Codec::Json)));
}
