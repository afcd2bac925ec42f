//! What a hit costs in two threads at once.

use cachemacro_benches::contest::Standings;
use cachemacro_benches::effort::Effort;
use cachemacro_benches::keys::Keys;
use cachemacro_benches::peers::{self, Shape, cached, moka};
use cachemacro_benches::promise::{Findings, Promise};
use cachemacro_benches::table;

const INTRODUCTION: &str = "\
## A hit in two threads

`async fn(id: u64) -> Arc<User>` from two threads at once; a call's time is the time in which one of them makes one.

";

/// Who must not be faster; beside them [`cached::SHARDED`], which knows no time and no bound.
const RIVALS: [&str; 6] =
    [cached::CACHED, cached::CACHED_BY_KEY, cached::SHARDED_BOUNDED, moka::SYNC, moka::SYNC_WITH, moka::FUTURE_WITH];

/// Runs the case.
pub(crate) fn run(effort: &Effort) -> Findings {
    let contest = peers::contest(Shape::Shared);
    let mut findings = Findings { text: INTRODUCTION.to_owned(), promises: Vec::new() };
    for (keys, title, promise, unbounded) in [
        (
            Keys::ONE,
            "One hot key",
            "two threads, one hot key, beside the fastest of `cached` and `moka` with a bound",
            "the same beside `#[concurrent_cached]` that knows no bound and no TTL",
        ),
        (Keys::FEW, "16 keys", "two threads, 16 keys, beside the first", "16 keys, beside the second"),
        (Keys::MANY, "16,384 keys", "two threads, 16,384 keys, beside the first", "16,384 keys, beside the second"),
    ] {
        let standings = contest.run(effort, 151, keys, 2);
        findings.text += &format!("### {title}\n\n{}", table::standings(&standings));
        findings.promises.push(judge(&standings, &RIVALS, promise));
        findings.promises.push(judge(&standings, &[cached::SHARDED], unbounded));
    }
    findings
}

fn judge(standings: &Standings, rivals: &[&str], promise: &'static str) -> Promise {
    let rivals = rivals.iter().map(|name| standings.of(name));
    let fastest = rivals.min_by(|left, right| left.ratio.median().total_cmp(&right.ratio.median())).expect("rivals");
    let mut promise = Promise::at_most(promise, 1.0 / fastest.ratio.median(), 1.0).because(
        "two threads that meet at a key pass the lines of its lock and of the value's references to and fro, in each library; the rest is \
         the difference in one thread.",
    );
    promise.figure += &format!(", {}", fastest.name);
    promise
}
