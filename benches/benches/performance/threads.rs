//! What a hit costs in several threads at once.

use cachemacro_benches::contestant::Role;
use cachemacro_benches::effort::Effort;
use cachemacro_benches::findings::Findings;
use cachemacro_benches::keys::Keys;
use cachemacro_benches::machine::cores;
use cachemacro_benches::peers::{self, Shape, cached, moka, ours, quick_cache};
use cachemacro_benches::table;

/// Keys, what the report calls them, and the goal of two threads.
const KEYS: [(Keys, &str, &str); 3] = [
    (Keys::ONE, "one key", "threads.one"),
    (Keys::FEW, "16 keys", "threads.few"),
    (Keys::MANY, "16,384 keys", "threads.many"),
];

/// Runs the case.
pub(crate) fn run(effort: &Effort) -> Findings {
    let mut findings = Findings::new(format!(
        "## A hit in several threads\n\n`async fn(id: u64) -> Arc<User>` from several threads at once; a call's time is the time in which one \
         thread makes one. This machine runs {} threads at a time: of more than that, each waits for the others in between, and the time \
         says so.\n\n",
        cores()
    ));
    two(effort, &mut findings);
    let mut contest = peers::contest(Shape::Shared);
    contest.retain(|who| who.role != Role::Peer || [cached::SHARDED_BOUNDED, moka::SYNC].contains(&who));
    for threads in [8, 32] {
        for (keys, name, _) in KEYS {
            let standings = contest.run(effort, 21, keys, threads);
            findings.text += &format!("### {threads} threads, {name}\n\n{}", table::standings(&standings));
        }
    }
    findings
}

fn two(effort: &Effort, findings: &mut Findings) {
    let contest = peers::contest(Shape::Shared);
    let mut ratios = Vec::new();
    for (keys, name, goal) in KEYS {
        let standings = contest.run(effort, 151, keys, 2);
        findings.text += &format!("### Two threads, {name}\n\n{}", table::standings(&standings));
        let ratio = standings.beside(ours::NAME, quick_cache::NAME);
        ratios.push(format!("{:.2} ({name})", ratio.median()));
        findings.sample(goal, &ratio, "");
    }
    findings.conclusions.push(format!(
        "**With two threads** a hit takes {} times the bare map's. Threads that ask for the same key at the same time wait for one another \
         in every one of these libraries.",
        ratios.join(", ")
    ));
}
