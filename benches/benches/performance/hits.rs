//! What a hit costs in one thread.

use cachemacro_benches::effort::Effort;
use cachemacro_benches::findings::Findings;
use cachemacro_benches::keys::Keys;
use cachemacro_benches::peers::{self, Shape, moka, ours, quick_cache};
use cachemacro_benches::standings::Standings;
use cachemacro_benches::table;

const INTRODUCTION: &str = "\
## A hit in one thread

1,024 keys in turn, all of them cached; the value is a `User` of some 300 bytes. Ours checks the version, the soft and the hard \
TTL, and counts, in every row. Asynchronous functions are awaited one after the other. A library that is absent below the first table \
is absent wherever an `Arc` is returned.

";

/// A shape, its title, and the goal beside the fastest peer.
const SHAPES: [(Shape, &str, &str); 5] = [
    (Shape::Shared, "`async fn(id: u64) -> Arc<User>`", "hits.shared"),
    (Shape::Owned, "`async fn(id: u64) -> User`", "hits.owned"),
    (Shape::Text, "`async fn(name: &str) -> Arc<User>`, a name of 25 bytes", "hits.text_peer"),
    (Shape::Parts, "`async fn(tenant: u64, id: u64, page: u32) -> Arc<User>`", "hits.parts"),
    (Shape::Method, "`async fn(&self, id: u64) -> Arc<User>`", "hits.method"),
];

/// Runs the case.
pub(crate) fn run(effort: &Effort) -> Findings {
    let mut findings = Findings::new(INTRODUCTION);
    for (shape, title, goal) in SHAPES {
        let standings = peers::contest(shape).run(effort, 201, Keys::SOME, 1);
        findings.text += &format!("### {title}\n\n{}", table::standings(&standings));
        let peer = standings.fastest_peer();
        findings.sample(goal, &standings.beside(ours::NAME, peer), peer.name);
        let bare = standings.beside(ours::NAME, quick_cache::NAME);
        match shape {
            Shape::Shared => {
                findings.text += &table::absent(&standings);
                findings.sample("hits.bare", &bare, "");
                findings.conclusions.push(conclusion(&standings));
            }
            Shape::Text => findings.sample("hits.text", &bare, ""),
            _ => {}
        }
    }
    findings
}

fn conclusion(standings: &Standings) -> String {
    let beside = |other| standings.beside(ours::NAME, other).median();
    let peer = standings.fastest_peer();
    format!(
        "**A hit in process takes {}**: {:.2} times a bare `quick_cache`, {:.2} times {} (the fastest other cache), {:.2} times {}. It \
         checks the version and both TTLs.",
        table::time(standings.of(ours::NAME).nanoseconds.median()),
        beside(quick_cache::NAME),
        beside(peer),
        peer.name,
        beside(moka::FUTURE_WITH),
        moka::FUTURE_WITH.name,
    )
}
