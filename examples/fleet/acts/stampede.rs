//! One key that is not cached, and all callers at once.

use std::time::Duration;

use super::Stage;
use crate::Failure;
use crate::drive::ROWS;
use crate::report::{heading, say, short, thousands};
use crate::service::{CALLERS, STAMPEDE, UNCACHED_STAMPEDE};

pub async fn show(stage: &mut Stage) -> Result<(), Failure> {
    let members = stage.fleet.members.len();
    heading(
        "A thousand callers in four processes, one cold key",
        &format!(
            "{CALLERS} tasks in each of the {members} processes call largest(\"US\", {ROWS}) in the same moment. Loads are counted by
             the processes themselves, in /stats."
        ),
    );
    for (name, order) in [("cached", STAMPEDE), ("uncached", UNCACHED_STAMPEDE)] {
        let before = stage.fleet.loads("largest").await?;
        let took = stampede(stage, order).await?;
        let loads = stage.fleet.loads("largest").await? - before;
        let noun = if loads == 1 { "load" } else { "loads" };
        say!("  {name:<10} {:>6} {noun:<5} everyone answered after {:>7}", thousands(loads), short(took));
    }
    Ok(())
}

/// Lets the callers of all processes go at once; returns how long the slowest process took.
async fn stampede(stage: &mut Stage, order: &str) -> Result<Duration, Failure> {
    for member in &mut stage.fleet.members {
        member.tell(order).await?;
    }
    let mut slowest = Duration::ZERO;
    for member in &mut stage.fleet.members {
        slowest = slowest.max(Duration::from_micros(member.hear().await?.parse()?));
    }
    Ok(slowest)
}
