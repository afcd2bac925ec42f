//! Keys: arguments rendered so that two different calls never render alike (R17).

mod part;
mod text;
mod writer;

pub use part::{KeyPart, canonical, part};
pub(crate) use text::{Text, TextRef};
pub use writer::KeyWriter;
pub(crate) use writer::rendered;
