//! The show: what a fleet wants of its cache, with the numbers of this run.

mod crash;
mod inside;
mod outage;
mod stage;
mod stampede;
mod traffic;
mod update;
mod users;

pub use stage::Stage;

use crate::Failure;
use crate::process::told_to_end;
use crate::report::say;

/// Runs every act in turn.
pub async fn run(stage: &mut Stage) -> Result<(), Failure> {
    say!(
        "
Each process is the example `atlas`, file by file: handlers, annotated functions, events. One line of the builder is new:

    Cache::builder().namespace(…).memory(Memory::entries(100_000))
        .shared(Redis::url(…)?)
        .build().install()?;"
    );
    stampede::show(stage).await?;
    update::show(stage).await?;
    traffic::show(stage).await?;
    inside::show(stage).await
}

/// Leaves everything up for the reader.
pub async fn stay(stage: &Stage) {
    say!("\nThe fleet stays up until Ctrl-C:\n");
    for member in &stage.fleet.members {
        say!("  curl -i http://{}/cities/2950159", member.address);
    }
    told_to_end().await;
}
