//! What happens between the soft and the hard TTL.

use std::time::Duration;

use super::stage::Stage;
use crate::Failure;
use crate::report::{heading, say};

/// The soft TTL of `Atlas::world`, and a little.
const PAST_SOFT: Duration = Duration::from_millis(2_100);

/// More than the query takes, also in a debug build on a busy machine.
const LONG_ENOUGH_TO_REFRESH: Duration = Duration::from_millis(300);

pub async fn show(stage: &Stage) -> Result<(), Failure> {
    heading(
        "Stale for a moment, never slow",
        "The totals are fresh for 2 s and may be served for 30 s. After the soft TTL the next reader gets
         the old answer at once, while one refresh runs behind it.",
    );
    stage.get("/world?cache=refresh").await?;
    stage.get("/world").await?;
    say!("  ({:.1} s later)", PAST_SOFT.as_secs_f64());
    tokio::time::sleep(PAST_SOFT).await;
    let before = stage.atlas.loads();
    stage.get("/world").await?;
    say!("  ({:.1} s later)", LONG_ENOUGH_TO_REFRESH.as_secs_f64());
    tokio::time::sleep(LONG_ENOUGH_TO_REFRESH).await;
    stage.get("/world").await?;
    say!("\n  Loads in the background: {}.", stage.atlas.loads() - before);
    Ok(())
}
