//! The moves of an aggregate, and their effect on its record.

/// One move of one aggregate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Move {
    /// It reached this version.
    Bump(u64),
    /// It changed, and the new version is not known: all of its entries end.
    Next,
    /// Version `version` has the content of version `of`.
    Restore {
        /// The new version.
        version: u64,
        /// The version whose content it has.
        of: u64,
    },
    /// The database went back to this version.
    Rollback {
        /// The version that is current again.
        to: u64,
    },
}

impl Move {
    /// Whether its effect depends on the time: after it, only rows of the primary are taken for a while.
    pub(crate) const fn depends_on_time(self) -> bool {
        matches!(self, Self::Next | Self::Rollback { .. })
    }

    /// Merges this move into an earlier one of the same aggregate that was not sent yet, and says whether it did (R20). The
    /// latest of the earlier ones comes first.
    ///
    /// A bump and a move without a version have the same effect in either order. So after the last move of another kind one
    /// of each is enough, and of the bumps the highest.
    #[inline]
    pub(crate) fn merges_into<'a>(self, earlier: impl Iterator<Item = &'a mut Self>) -> bool {
        for known in earlier {
            match (known, self) {
                (Self::Bump(known), Self::Bump(version)) => {
                    *known = (*known).max(version);
                    return true;
                }
                (Self::Next, Self::Next) => return true,
                (Self::Bump(_) | Self::Next, _) => {}
                _ => return false,
            }
        }
        false
    }
}

/// The effect of a move on a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applied {
    /// There was no record, and none was made (R6).
    Absent,
    /// The record had this floor, or a higher one, before (R3).
    Duplicate,
    /// The record moved.
    Moved,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(moves: &[Move]) -> Vec<Move> {
        let mut all: Vec<Move> = Vec::new();
        for moved in moves {
            if !moved.merges_into(all.iter_mut().rev()) {
                all.push(*moved);
            }
        }
        all
    }

    #[test]
    fn r20_of_bumps_and_moves_without_a_version_one_each_is_enough() {
        let moves = [Move::Bump(5), Move::Next, Move::Bump(7), Move::Next, Move::Bump(6)];
        assert_eq!(merged(&moves), [Move::Bump(7), Move::Next]);
    }

    #[test]
    fn r20_nothing_passes_a_rollback_or_a_restore() {
        let restore = Move::Restore { version: 9, of: 2 };
        let moves =
            [Move::Bump(5), Move::Rollback { to: 3 }, Move::Bump(4), Move::Next, restore, Move::Bump(10), restore];
        assert_eq!(merged(&moves), moves);
    }
}
