//! The encoding of values for a store outside the process: codec and compression.

/// How values are encoded for a store outside the process. The default is postcard without compression.
///
/// ```
/// use cachemacro::{Codec, Encoding};
///
/// assert_eq!(Encoding::default(), Encoding::new(Codec::Postcard));
/// ```
///
/// Every stored value names its encoding, so this may be changed at any time. Older values are still read by binaries
/// that were built with their codec, and are a miss for the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Encoding {
    /// The codec of the values.
    pub codec: Codec,
    /// The compression of large values, if any.
    pub compression: Option<Compression>,
}

impl Encoding {
    /// This codec, without compression.
    #[must_use]
    pub const fn new(codec: Codec) -> Self {
        Self { codec, compression: None }
    }

    /// The same, with compression.
    #[must_use]
    pub const fn compressed(self, compression: Compression) -> Self {
        Self { compression: Some(compression), ..self }
    }
}

/// The format of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Codec {
    /// [postcard](https://docs.rs/postcard): compact, and always available.
    ///
    /// It stores no field names, so it cannot encode types that are read by name or by guess: `#[serde(flatten)]`,
    /// `#[serde(tag = "…")]`, `#[serde(untagged)]`, `#[serde(skip_serializing_if = "…")]`, `serde_json::Value`. Such
    /// values are automatically encoded as [`Codec::MessagePack`].
    #[default]
    Postcard,
    /// [bincode](https://docs.rs/bincode) 2, to share values with other programs that use it. Feature `bincode`.
    ///
    /// Its authors have ended its development (RUSTSEC-2025-0141). It has the limits of postcard.
    #[cfg(feature = "bincode")]
    Bincode,
    /// JSON: larger and slower, but for any type, and readable for people in the store. Feature `json`.
    ///
    /// Its limits: keys of maps are text; floats that are not finite, and `Some(None)`, become `null`.
    #[cfg(feature = "json")]
    Json,
    /// [MessagePack](https://msgpack.org) with the names of fields and variants: larger than postcard, but it encodes
    /// every type that `serde` can read back, including types that are read by name or by guess.
    ///
    /// Values that another codec cannot encode are automatically encoded with it.
    MessagePack,
}

impl Codec {
    pub(super) const fn id(self) -> u8 {
        match self {
            Self::Postcard => 1,
            #[cfg(feature = "bincode")]
            Self::Bincode => 2,
            #[cfg(feature = "json")]
            Self::Json => 3,
            Self::MessagePack => 4,
        }
    }

    /// The codec of this id, if this binary has it.
    pub(super) const fn of(id: u8) -> Option<Self> {
        match id {
            1 => Some(Self::Postcard),
            #[cfg(feature = "bincode")]
            2 => Some(Self::Bincode),
            #[cfg(feature = "json")]
            3 => Some(Self::Json),
            4 => Some(Self::MessagePack),
            _ => None,
        }
    }

    /// What `is_human_readable` returns to types that ask: many have another form for people.
    pub(super) const fn is_human_readable(self) -> bool {
        match self {
            Self::Postcard => false,
            #[cfg(feature = "bincode")]
            Self::Bincode => false,
            #[cfg(feature = "json")]
            Self::Json => true,
            // The buffers of `serde` answer the same (`encoding/messagepack`).
            Self::MessagePack => true,
        }
    }

    /// Whether fields are identified by their position only.
    pub(super) const fn has_no_names(self) -> bool {
        match self {
            Self::Postcard => true,
            #[cfg(feature = "bincode")]
            Self::Bincode => true,
            #[cfg(feature = "json")]
            Self::Json => false,
            Self::MessagePack => false,
        }
    }
}

/// The compression of large values. A value that would not become smaller is stored uncompressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Compression {
    /// [zstd](https://docs.rs/zstd). Feature `zstd`, which builds a C library.
    #[cfg(feature = "zstd")]
    Zstd {
        /// From 1, the fastest, to 22, the smallest; [`Compression::zstd`] takes 3.
        level: i32,
        /// Values of this many bytes and fewer are not compressed.
        above: usize,
    },
    /// [LZ4](https://docs.rs/lz4_flex): faster than zstd, with larger results. Feature `lz4`, which is Rust without
    /// `unsafe`.
    #[cfg(feature = "lz4")]
    Lz4 {
        /// Values of this many bytes and fewer are not compressed.
        above: usize,
    },
}

#[cfg(any(feature = "zstd", feature = "lz4"))]
impl Compression {
    /// The default size above which values are compressed: 4 KiB.
    const ABOVE: usize = 4096;

    /// zstd at level 3, for values above 4 KiB.
    #[cfg(feature = "zstd")]
    #[must_use]
    pub const fn zstd() -> Self {
        Self::Zstd { level: 3, above: Self::ABOVE }
    }

    /// LZ4, for values above 4 KiB.
    #[cfg(feature = "lz4")]
    #[must_use]
    pub const fn lz4() -> Self {
        Self::Lz4 { above: Self::ABOVE }
    }

    /// The same, for values above this many bytes.
    #[must_use]
    pub const fn above(self, bytes: usize) -> Self {
        match self {
            #[cfg(feature = "zstd")]
            Self::Zstd { level, .. } => Self::Zstd { level, above: bytes },
            #[cfg(feature = "lz4")]
            Self::Lz4 { .. } => Self::Lz4 { above: bytes },
        }
    }
}
