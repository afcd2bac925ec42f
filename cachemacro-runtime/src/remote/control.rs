//! The control record of a namespace: what was cleared in all of its processes, and which functions are switched off there.

/// One number of the control record. A number never goes down. An odd one says that the function is switched off.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ControlNumber {
    /// The function's name outside of a process, without the types of a call; empty for all functions.
    pub name: String,
    /// The number. A process that sees a greater one than before ends the function's entries.
    pub number: u64,
}

/// How a number of the control record is raised.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Raise {
    /// Which number.
    pub name: String,
    /// To what.
    pub to: RaiseTo,
}

/// What a number is raised to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RaiseTo {
    /// The next number: greater than each number of the record, at least `least`, and odd if the function is switched off.
    Next {
        /// A number that is greater than those of a record that the server may have lost.
        least: u64,
        /// Whether the function is switched off.
        is_off: bool,
    },
    /// This number, or the present one if that is greater.
    AtLeast(u64),
}

impl RaiseTo {
    /// The number after it, where the record has the number `present` under this name, and `greatest` among all.
    #[must_use]
    pub fn of(self, present: u64, greatest: u64) -> u64 {
        match self {
            Self::AtLeast(number) => present.max(number),
            Self::Next { least, is_off } => {
                let next = greatest.saturating_add(1).max(least);
                next + u64::from((next % 2 == 1) != is_off)
            }
        }
    }
}
