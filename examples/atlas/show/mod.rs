//! The show: what a new user wants to see an annotated cache do, with the numbers of this run.

mod outside;
mod rollback;
mod stage;
mod stale;
mod stampede;
mod traffic;
mod update;

use std::time::Duration;

use sqlx::SqlitePool;

use self::stage::Stage;
use crate::Failure;
use crate::drive::Client;
use crate::report::{heading, say};
use crate::repository::Atlas;

/// Runs every part in turn; the traffic lasts for `seconds`.
pub async fn run(atlas: Atlas, client: Client, db: SqlitePool, seconds: Duration) -> Result<(), Failure> {
    let stage = Stage { atlas, client, db };
    traffic::show(&stage, seconds).await?;
    update::show(&stage).await?;
    rollback::show(&stage).await?;
    outside::show(&stage).await?;
    stale::show(&stage).await?;
    stampede::show(&stage).await?;
    strategy();
    Ok(())
}

fn strategy() {
    heading(
        "How stale each cache may get",
        "From the annotations alone: cachemacro::strategy(). A test keeps the long form in CACHING.md.",
    );
    say!("{}", cachemacro::strategy().to_table());
}
