//! Explores every world up to a number of states each, or until one is wrong: `cachemacro-explore [states]`. With `rules` it
//! switches one rule after the other off instead, and prints the shortest way to something wrong.

use std::process::ExitCode;
use std::time::Instant;

use cachemacro_explore::{Explored, PLANS, TIER_PLANS, explore, explore_tiers, without_rules};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("rules") => {
            for told in without_rules() {
                let steps = told.violation.as_ref().map_or(0, |violation| violation.steps.len());
                println!("{:?}, in the world \"{}\": {steps} steps", told.rule, told.world);
                told.violation.iter().for_each(|violation| println!("{violation}\n"));
            }
            ExitCode::SUCCESS
        }
        limit => explore_all(limit.and_then(|limit| limit.parse().ok()).unwrap_or(3_000_000)),
    }
}

fn explore_all(limit: usize) -> ExitCode {
    let mut states = 0;
    let mut is_right = true;
    let mut tell = |name: &str, explored: Explored, started: Instant| {
        let Explored { states: count, depth, is_complete, violation } = explored;
        let extent = if is_complete { "all of them" } else { "the nearest" };
        println!(
            "{name}: {count} states, {extent}, up to {depth} steps away, in {:.0} s",
            started.elapsed().as_secs_f64()
        );
        states += count;
        if let Some(violation) = violation {
            println!("{violation}");
            is_right = false;
        }
    };
    for plan in PLANS {
        let started = Instant::now();
        tell(plan.name, explore(&plan, limit), started);
    }
    for tiers in TIER_PLANS {
        let started = Instant::now();
        tell(tiers.plan.name, explore_tiers(&tiers, limit), started);
    }
    println!("{states} states");
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
