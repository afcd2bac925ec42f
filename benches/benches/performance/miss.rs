//! A miss, and the fill behind it: with room, and at the bound.

use cachemacro_benches::effort::Effort;
use cachemacro_benches::findings::Findings;
use cachemacro_benches::keys::Keys;
use cachemacro_benches::peers::{self, CAPACITY, Shape, amalgam, cached, ours};
use cachemacro_benches::table;

/// Runs the case.
pub(crate) fn run(effort: &Effort) -> Findings {
    let mut contest = peers::contest(Shape::Shared);
    // Two functions of ours would share one bound, where those of the peers have one each.
    contest.retain(|who| who != ours::LOCAL);
    // Enough that the tables and the allocator have grown, and so few that no cache reaches its bound.
    contest.fill(Keys::Unseen, CAPACITY as u64 / 10);
    let with_room = contest.run(effort, 51, Keys::Unseen, 1);
    // By `perf` it copies and sorts all its entries in an insertion at the bound: the fill alone would take minutes.
    contest.retain(|who| who != amalgam::NAME);
    contest.fill(Keys::Unseen, CAPACITY as u64 + CAPACITY as u64 / 5);
    let at_bound = contest.run(effort, 151, Keys::Unseen, 1);
    let mut findings = Findings::new(format!(
        "## A miss and its fill\n\nKeys that were not asked for before. The load makes a `User` of four blocks of memory.\n\n### With room\n\n{}\
         ### At the bound of {CAPACITY} entries\n\nCaches without a bound go on growing. {} is absent: there an \
         insertion of it looks at all entries.\n\n{}",
        table::standings(&with_room),
        amalgam::NAME.name,
        table::standings(&at_bound)
    ));
    let ratio = at_bound.beside(ours::NAME, cached::SHARDED_BOUNDED);
    findings.sample("miss.cached", &with_room.beside(ours::NAME, cached::SHARDED_BOUNDED), "");
    findings.sample("miss.bound", &ratio, "");
    findings.conclusions.push(format!(
        "**A miss and its fill** in a full cache take {} with a load of no time: {:.2} times `cached` with a bound and a TTL.",
        table::time(at_bound.of(ours::NAME).nanoseconds.median()),
        ratio.median()
    ));
    findings
}
