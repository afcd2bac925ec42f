//! Keys: arguments rendered so that two different calls never render alike (R17).

mod part;
mod writer;

pub use part::{KeyPart, canon, part};
pub use writer::KeyWriter;
