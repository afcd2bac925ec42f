//! `Serialize` without its derive: a build of this crate does not wait for `serde_derive`, nor contain it where nothing else does.

/// `Serialize` for a struct, or for an enum that is written with its variant's name in a field. Every field is named, or it does not
/// compile; after a colon is what is written of it.
macro_rules! serialize {
    (struct $name:ident { $($field:ident $(: $written:expr)?),* $(,)? }) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeStruct as _;
                let Self { $($field),* } = self;
                let mut out = serializer.serialize_struct(stringify!($name), [$(stringify!($field)),*].len())?;
                $(out.serialize_field(stringify!($field), serialize!(@written $field $(: $written)?))?;)*
                out.end()
            }
        }
    };
    (enum $name:ident, $tag:literal { $($variant:ident = $label:literal { $($field:ident),* $(,)? }),* $(,)? }) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeStruct as _;
                match self {
                    $(Self::$variant { $($field),* } => {
                        let fields = [$tag, $(stringify!($field)),*].len();
                        let mut out = serializer.serialize_struct(stringify!($name), fields)?;
                        out.serialize_field($tag, $label)?;
                        $(out.serialize_field(stringify!($field), $field)?;)*
                        out.end()
                    })*
                }
            }
        }
    };
    (@written $field:ident) => { $field };
    (@written $field:ident : $written:expr) => { &$written };
}

pub(crate) use serialize;

#[cfg(test)]
mod tests {
    struct Text {
        plain: Vec<u8>,
        counted: String,
    }
    serialize!(struct Text { plain, counted: counted.len() });

    enum Told {
        NotFound { name: &'static str, tries: Option<u64> },
        Found { at: u64 },
    }
    serialize!(enum Told, "told" { NotFound = "not_found" { name, tries }, Found = "found" { at } });

    #[test]
    fn a_field_is_written_as_it_is_or_as_the_expression_says() {
        let text = Text { plain: vec![1, 2], counted: "three".to_owned() };
        assert_eq!(serde_json::to_string(&text).unwrap(), r#"{"plain":[1,2],"counted":5}"#);
    }

    #[test]
    fn the_variant_of_an_enum_is_its_first_field() {
        let told = [Told::NotFound { name: "a", tries: None }, Told::Found { at: 7 }];
        let json = r#"[{"told":"not_found","name":"a","tries":null},{"told":"found","at":7}]"#;
        assert_eq!(serde_json::to_string(&told).unwrap(), json);
    }
}
