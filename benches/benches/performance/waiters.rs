//! 10,000 callers of one cold key: what each of them takes while it waits.

use cachemacro_benches::allocation::{self, Allocated};
use cachemacro_benches::contestant::{Contestant, Role};
use cachemacro_benches::effort::Effort;
use cachemacro_benches::findings::Findings;
use cachemacro_benches::rush::{self, Rush};
use cachemacro_benches::slow;
use cachemacro_benches::table::Table;
use tokio::runtime::{Builder, Runtime};

const CALLERS: u64 = 10_000;
/// Above the keys of the other cases.
const KEY: u64 = 1 << 20;

/// Runs the case. The figures are the same in every run, so each is taken once.
pub(crate) fn run(_: &Effort) -> Findings {
    // One thread: when the counting goes on, every caller has run until it had to wait.
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut all: Vec<(Contestant, Allocated)> =
        rush::all().iter().map(|rush| (rush.who, measure(&runtime, rush))).collect();
    let ours = bytes(all[0].1);
    all.sort_by_key(|(_, allocated)| allocated.bytes);
    let mut table = Table::new(&["", "bytes a caller", "blocks a caller"]);
    for (who, allocated) in all {
        let label = who.label();
        table.row(&[
            if who.role == Role::Ours { format!("**{label}**") } else { label },
            format!("{:.0}", bytes(allocated)),
            format!("{:.1}", allocated.blocks as f64 / CALLERS as f64),
        ]);
    }
    let mut findings = Findings::new(format!(
        "## What a waiting caller takes\n\nAs many tasks as above in one thread, all of which wait for the load: what is allocated then, \
         the task included.\n\n{}",
        table.markdown()
    ));
    findings.figure("waiters.bytes", ours, "");
    findings
}

fn bytes(allocated: Allocated) -> f64 {
    allocated.bytes as f64 / CALLERS as f64
}

fn measure(runtime: &Runtime, rush: &Rush) -> Allocated {
    runtime.block_on(async {
        slow::hold();
        rush::callers();
        let mut callers = Vec::with_capacity(usize::try_from(CALLERS).expect("they fit"));
        allocation::begin();
        callers.extend((0..CALLERS).map(|_| (rush.spawn)(KEY)));
        let mut begun = 0;
        while begun < CALLERS {
            tokio::task::yield_now().await;
            begun += rush::callers();
        }
        let allocated = allocation::end();
        slow::release();
        for caller in callers {
            caller.await.expect("no caller panics");
        }
        slow::rearm();
        allocated
    })
}
