//! 10,000 callers of one cold key: how often it is loaded, and how long they take beyond the load.

use std::time::{Duration, Instant};

use cachemacro_benches::contestant::{Contestant, Role};
use cachemacro_benches::effort::Effort;
use cachemacro_benches::executor::runtime;
use cachemacro_benches::findings::Findings;
use cachemacro_benches::rush::{self, Rush};
use cachemacro_benches::sample::Sample;
use cachemacro_benches::slow;
use cachemacro_benches::table::{self, Table};
use cachemacro_benches::turns;

const CALLERS: u64 = 10_000;

/// What one contestant came to.
#[derive(Clone)]
struct Outcome {
    who: Contestant,
    loads: Sample,
    /// Nanoseconds from the first caller to the last answer, without the load.
    beyond: Sample,
}

/// Runs the case.
pub(crate) fn run(effort: &Effort) -> Findings {
    let all = rush::all();
    let none = Sample::default;
    let mut outcomes: Vec<Outcome> =
        all.iter().map(|rush| Outcome { who: rush.who, loads: none(), beyond: none() }).collect();
    for (turn, who) in turns::order(effort.rounds(31), all.len()).enumerate() {
        outcomes[who].measure(&all[who], (turn / all.len()) as u64);
    }
    let mut findings = Findings::new(format!(
        "## {CALLERS} callers of a cold key\n\nAs many tasks on two workers ask for the same key, whose load sleeps for \
         {} ms: how often it is loaded, and how long after the load's own time the last of them is served.\n\n{}",
        slow::TIME.as_millis(),
        markdown(&outcomes)
    ));
    judge(&outcomes, &mut findings);
    findings
}

impl Outcome {
    fn measure(&mut self, rush: &Rush, key: u64) {
        slow::loads();
        let took = runtime().block_on(async {
            let began = Instant::now();
            let callers: Vec<_> = (0..CALLERS).map(|_| (rush.spawn)(key)).collect();
            for caller in callers {
                caller.await.expect("no caller panics");
            }
            began.elapsed()
        });
        self.loads.push(slow::loads() as f64);
        self.beyond.push(beyond(took).as_nanos() as f64);
    }
}

fn beyond(took: Duration) -> Duration {
    took.saturating_sub(slow::TIME)
}

fn markdown(outcomes: &[Outcome]) -> String {
    let mut ranked: Vec<_> = outcomes.iter().collect();
    ranked.sort_by(|left, right| left.beyond.median().total_cmp(&right.beyond.median()));
    let mut table = Table::new(&["", "loads", "beyond the load", "quartiles", "ratio"]);
    for outcome in ranked {
        let label = outcome.who.label();
        table.row(&[
            if outcome.who.role == Role::Ours { format!("**{label}**") } else { label },
            format!("{:.0}", outcome.loads.median()),
            table::time(outcome.beyond.median()),
            table::spread(&outcome.beyond),
            format!("{:.2}", outcome.beyond.over(&outcomes[0].beyond).median()),
        ]);
    }
    table.markdown()
}

/// The best peer is the fastest of those that load once.
fn judge(outcomes: &[Outcome], findings: &mut Findings) {
    let ours = &outcomes[0];
    let loads = ours.loads.quantile(1.0);
    let peers = outcomes.iter().filter(|outcome| outcome.who.role == Role::Peer && outcome.loads.median() <= 1.0);
    let best = peers.min_by(|left, right| left.beyond.median().total_cmp(&right.beyond.median())).expect("peers");
    findings.figure("stampede.loads", loads, "the most of all rounds");
    findings.sample("stampede.beyond", &ours.beyond.over(&best.beyond), best.who.name);
    findings.conclusions.push(format!(
        "**10,000 callers of a cold key** make {loads:.0} load, and the last is served {} after it ({} with {}).",
        table::time(ours.beyond.median()),
        table::time(best.beyond.median()),
        best.who.name
    ));
}
