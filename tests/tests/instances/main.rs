//! Which calls share entries: those of one instance of one function, and no others.

mod issue;
mod process;
