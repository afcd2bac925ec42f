//! What a hit costs in one thread.

use cachemacro_benches::contest::Standings;
use cachemacro_benches::effort::Effort;
use cachemacro_benches::keys::Keys;
use cachemacro_benches::peers::{self, Shape, cached, ours, quick_cache};
use cachemacro_benches::promise::{Findings, Promise};
use cachemacro_benches::table;

const INTRODUCTION: &str = "\
## A hit in one thread

1,024 keys in turn, all of them cached; the value is a `User` of some 300 bytes. Ours checks the version, the soft and the hard
TTL, and counts, in every row. Asynchronous functions are awaited one after the other. `quick_cache` is the map that ours keeps
its entries in: no time, no versions, no loads. Who is absent below the first table is absent wherever an `Arc` is returned.

";

const SHAPES: [(Shape, &str); 5] = [
    (Shape::Shared, "`async fn(id: u64) -> Arc<User>`"),
    (Shape::Owned, "`async fn(id: u64) -> User`"),
    (Shape::Text, "`async fn(name: &str) -> Arc<User>`, a name of 25 bytes"),
    (Shape::Parts, "`async fn(tenant: u64, id: u64, page: u32) -> Arc<User>`"),
    (Shape::Method, "`async fn(&self, id: u64) -> Arc<User>`"),
];

/// Runs the case.
pub(crate) fn run(effort: &Effort) -> Findings {
    let mut findings = Findings { text: INTRODUCTION.to_owned(), promises: Vec::new() };
    for (shape, title) in SHAPES {
        let standings = peers::contest(shape).run(effort, 201, Keys::SOME, 1);
        findings.text += &format!("### {title}\n\n{}", table::standings(&standings));
        match shape {
            Shape::Shared => {
                findings.text += &table::absent(&standings);
                findings.promises.extend(shared(&standings));
            }
            Shape::Owned => findings.promises.push(owned(&standings)),
            _ => {}
        }
    }
    findings
}

fn shared(standings: &Standings) -> [Promise; 3] {
    let of = |name| 1.0 / standings.of(name).ratio.median();
    [
        Promise::at_most(
            "a local hit, `Arc<User>`, beside `#[concurrent_cached]` with a bound and a TTL",
            of(cached::SHARDED_BOUNDED),
            0.75,
        )
        .because(
            "by callgrind a hit is 515 instructions where that one's is 317, bare `quick_cache`'s 106 and `moka`'s 990, all in programs \
             built alike. A third of ours write the key in parts and hash it, a fifth look it up and compare it, a sixth are the \
             version, the deadline and the clock, the rest the count, the scope and the future. With 1,024 keys they wait for memory \
             besides: an entry has two records and a value to look at.",
        ),
        Promise::at_most("the same beside `#[concurrent_cached]` that knows neither", of(cached::SHARDED), 0.75)
            .because("as above; that one reads no clock, moves no entry and evicts nothing."),
        Promise::at_most("the same beside bare `quick_cache`", of(quick_cache::NAME), 3.0).because("as above."),
    ]
}

fn owned(standings: &Standings) -> Promise {
    let others = standings.all.iter().filter(|standing| ![ours::NAME, quick_cache::NAME].contains(&standing.name));
    let fastest = others.min_by(|left, right| left.ratio.median().total_cmp(&right.ratio.median())).expect("peers");
    let mut promise =
        Promise::at_most("a local hit, `User` by value, beside the fastest peer's", 1.0 / fastest.ratio.median(), 1.0)
            .because("the clone of three strings is the same for all (580 instructions), and the rest as above.");
    promise.figure += &format!(", {}", fastest.name);
    promise
}
