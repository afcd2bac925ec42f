//! Durations as people write them, for all of the report.

pub(super) use crate::util::human::human;
