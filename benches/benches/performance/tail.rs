//! The slowest hits of 32 threads, which share fewer cores: what a thread costs the others when it is interrupted in a lock.

use cachemacro_benches::contestant::Role;
use cachemacro_benches::effort::Effort;
use cachemacro_benches::findings::Findings;
use cachemacro_benches::keys::Keys;
use cachemacro_benches::machine::cores;
use cachemacro_benches::peers::{self, Shape, cached, moka, ours, quick_cache};
use cachemacro_benches::tail;

const THREADS: u64 = 32;

const KEYS: [(Keys, &str, &str); 3] =
    [(Keys::ONE, "One key", "tail.one"), (Keys::FEW, "16 keys", "tail.few"), (Keys::MANY, "16,384 keys", "tail.many")];

/// Runs the case.
pub(crate) fn run(effort: &Effort) -> Findings {
    let mut findings = Findings::new(format!(
        "## The slowest hits of {THREADS} threads\n\nEach single call of `async fn(id: u64) -> Arc<User>` is timed, by {THREADS} threads \
         on {} cores, in every row with the same price of reading the clock. The ratio is that of p99.9.\n\n",
        cores()
    ));
    let mut contest = peers::contest(Shape::Shared);
    contest.retain(|who| who.role != Role::Peer || [cached::SHARDED_BOUNDED, moka::SYNC].contains(&who));
    for (keys, name, goal) in KEYS {
        let tails = contest.tails(effort, 31, keys, THREADS);
        findings.text += &format!("### {name}\n\n{}", tail::markdown(&tails));
        let of = |who| &tails.iter().find(|tail| tail.who == who).expect("it takes part").p999;
        findings.sample(goal, &of(ours::NAME).over(of(quick_cache::NAME)), "");
    }
    findings
}
