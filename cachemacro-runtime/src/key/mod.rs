//! Keys: arguments rendered so that two different calls never render alike (R17).

mod crates;
mod list;
mod name;
mod numbers;
mod part;
mod sequence;
mod std_types;
mod writer;

pub(crate) use name::{Name, Names};
pub use part::{CallPart, KeyPart, Simple};
pub use writer::KeyWriter;
pub(crate) use writer::{Form, KeyRef, hash_of_text, hash_of_word, rendered};
