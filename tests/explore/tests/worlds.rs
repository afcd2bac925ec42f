//! A part of every world, on every run; `cargo xtask explore` looks at more.

use cachemacro_explore::{COSTLY, Explored, PLANS, TIER_PLANS, explore, explore_tiers};

/// Of each world.
const STATES: usize = 120_000;

fn assert_right(name: &str, explored: Explored) -> usize {
    let Explored { states, depth, violation, .. } = explored;
    println!("{name}: {states} states, up to {depth} steps away");
    assert!(violation.is_none(), "{name}:\n{}", violation.map(|violation| violation.to_string()).unwrap_or_default());
    states
}

#[test]
fn a_million_states_and_no_stale_read() {
    let shared: usize = PLANS.iter().map(|plan| assert_right(plan.name, explore(plan, STATES))).sum();
    let tiers: usize = TIER_PLANS.iter().map(|plan| assert_right(plan.plan.name, explore_tiers(plan, STATES))).sum();
    assert!(shared + tiers >= 1_000_000, "{}", shared + tiers);
}

/// DETECT compares with the whole snapshot, and source mode serves no floor above the source: without it a record begins anew too
/// often, or a call loads in vain.
#[test]
fn without_some_rules_the_cache_only_loads_more() {
    for (rule, plan) in COSTLY {
        assert_right(plan.name, explore(&plan.without(*rule), STATES));
    }
}
