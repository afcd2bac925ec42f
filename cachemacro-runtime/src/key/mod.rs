//! Keys: arguments rendered so that two different calls never render alike (R17).

mod part;
mod writer;

pub use part::{KeyPart, canonical, part};
pub use writer::KeyWriter;
pub(crate) use writer::{hash_of_word, rendered};
