//! The origin of an entry outside of this process: which instance stored it.

/// The name of an instance, as the compiler writes it.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) origin: Origin,
}

/// Identifies the instance that stored an entry outside of the process, so that no other instance reads the entry.
///
/// Within a binary, all functions and instances that use a shared store have different names, as far as the binary knows
/// them. Two processes may each have called one of two instances with the same name. The origin distinguishes these two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Origin {
    /// A hash of the name and of the key's template.
    pub(crate) function: u64,
    /// The executable. Zero if the name alone identifies the instance.
    pub(crate) build: u64,
    /// The instance among those of its name in this executable. Zero if the name alone identifies the instance.
    pub(crate) instance: u64,
}

/// Whether the name of an instance identifies it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Clarity {
    /// It does.
    Full,
    /// Two types of the program could have one path: those of one name in two blocks of a function.
    Path,
    /// The instance has types without a name, such as closures.
    Unnamed,
}

impl Origin {
    /// Whether an entry of that origin belongs to this instance. In another executable a type has another `TypeId`, so only
    /// names can be compared.
    pub(crate) fn takes(self, other: Self) -> bool {
        let is_of_another_build = self.build != 0 && other.build != 0 && self.build != other.build;
        self.function == other.function && (self.instance == other.instance || is_of_another_build)
    }

    pub(crate) fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        for (place, number) in bytes.chunks_exact_mut(8).zip([self.function, self.build, self.instance]) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    pub(crate) fn from_bytes(bytes: [u8; 24]) -> Self {
        let mut numbers =
            bytes.chunks_exact(8).map(|part| part.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)));
        let mut next = || numbers.next().unwrap_or(0);
        Self { function: next(), build: next(), instance: next() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: Origin = Origin { function: 1, build: 2, instance: 3 };

    #[test]
    fn an_entry_is_that_of_one_instance_of_one_executable() {
        assert!(MINE.takes(MINE));
        assert!(!MINE.takes(Origin { function: 9, ..MINE }));
        assert!(!MINE.takes(Origin { instance: 9, ..MINE }), "a lookalike");
        assert!(MINE.takes(Origin { build: 9, instance: 9, ..MINE }), "of another build");
        assert!(!MINE.takes(Origin { function: 9, build: 9, instance: 9 }));
        let unnamed = Origin { build: 0, ..MINE };
        assert!(!unnamed.takes(Origin { instance: 9, ..unnamed }), "a closure of any build");
        assert!(!unnamed.takes(Origin { instance: 9, ..MINE }) && !MINE.takes(Origin { instance: 9, ..unnamed }));
    }

    #[test]
    fn bytes_hold_all_of_it() {
        let origin = Origin { function: u64::MAX - 1, build: 1 << 63, instance: 0x0102_0304_0506_0708 };
        assert_eq!(Origin::from_bytes(origin.to_bytes()), origin);
        assert_eq!(origin.to_bytes()[16..], [8, 7, 6, 5, 4, 3, 2, 1]);
    }
}
