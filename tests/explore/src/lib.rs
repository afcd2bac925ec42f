//! The protocol, explored: every order of the steps of a small world, breadth first, over the runtime's own decisions.
//!
//! Real are the index record, its fences and refusals, and what is decided from them: `cachemacro_runtime::protocol`. The world
//! around them is a model: a database of versioned rows with lagging replicas, a store that loses records and entries, readers
//! between any two of their steps, events that are late, duplicate or lost. docs/protocol.md says what was found.

#![allow(missing_docs, reason = "a tool of this workspace")]
#![allow(clippy::cast_possible_truncation, reason = "worlds are small: versions and positions fit in four bits")]

mod database;
mod encode;
mod list;
mod plan;
mod plans;
mod record;
mod search;
mod tiers;
mod world;

pub use plan::{Function, Lag, Plan, Rule};
pub use plans::{COSTLY, PLANS, TELLING, TELLING_TIERS, TIER_PLANS};
pub use search::{Explored, Violation};
pub use tiers::TierPlan;

use search::Model;
use world::{Step, World};

/// The same of a world with a local tier.
#[must_use]
pub fn explore_tiers(plan: &TierPlan, limit: usize) -> Explored {
    search::explore(plan, limit)
}

/// Explores up to `limit` states of a plan's world, or until something is wrong.
#[must_use]
pub fn explore(plan: &Plan, limit: usize) -> Explored {
    search::explore(plan, limit)
}

/// What the loss of a rule led to.
#[derive(Debug)]
pub struct Told {
    pub rule: Rule,
    pub world: &'static str,
    pub states: usize,
    pub violation: Option<Violation>,
}

/// Past this many states a rule is not missed.
const ENOUGH: usize = 2_000_000;

/// Switches one rule after the other off.
pub fn without_rules() -> impl Iterator<Item = Told> {
    let rules = TELLING.iter().map(|(rule, plan)| (*rule, plan.name, explore(&plan.without(*rule), ENOUGH)));
    let tiers = TELLING_TIERS.iter().map(|(rule, tiers)| {
        let plan = TierPlan { plan: tiers.plan.without(*rule), ..*tiers };
        (*rule, plan.plan.name, explore_tiers(&plan, ENOUGH))
    });
    rules.chain(tiers).map(|(rule, world, Explored { states, violation, .. })| Told { rule, world, states, violation })
}

impl Model for Plan {
    type State = World;
    type Step = Step;

    fn initial(&self) -> World {
        World::new(self)
    }

    fn steps(&self, state: &World, steps: &mut Vec<Step>) {
        state.steps(self, steps);
    }

    fn take(&self, state: &World, step: Step) -> Result<World, String> {
        state.take(self, step)
    }

    fn check(&self, state: &World) -> Result<(), String> {
        let promised = state.promised();
        state.served(self).try_for_each(|entry| state.judge(self, entry.contents, promised))?;
        let is_quiet = state.readers.is_empty()
            && state.rows.iter().all(|row| row.history.iter().all(|commit| commit.acknowledged));
        if is_quiet { state.settles(self) } else { Ok(()) }
    }

    fn encode(&self, state: &World, bytes: &mut Vec<u8>) {
        encode::encode(state, self, bytes);
    }

    fn decode(&self, bytes: &[u8]) -> World {
        encode::decode(bytes, self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left out of a state's bytes would be lost between two steps.
    fn assert_kept<M: Model>(model: &M) {
        let (mut steps, mut before, mut after) = (Vec::new(), Vec::new(), Vec::new());
        let mut states = vec![model.initial()];
        for at in 0..3_000 {
            let state = &states[at * 7 % states.len()];
            before.clear();
            after.clear();
            steps.clear();
            model.encode(state, &mut before);
            let decoded = model.decode(&before);
            model.encode(&decoded, &mut after);
            assert_eq!(before, after);
            model.steps(&decoded, &mut steps);
            states.extend(steps.iter().filter_map(|step| model.take(&decoded, *step).ok()));
        }
    }

    #[test]
    fn a_state_survives_its_bytes() {
        PLANS.iter().for_each(assert_kept);
        TIER_PLANS.iter().for_each(assert_kept);
    }
}
