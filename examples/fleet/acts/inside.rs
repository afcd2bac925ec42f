//! What an operator sees in Redis.

use super::Stage;
use crate::Failure;
use crate::report::{heading, say};
use crate::server::scan;

/// So many keys, the youngest first.
const SHOWN: usize = 5;

pub async fn show(stage: &mut Stage) -> Result<(), Failure> {
    heading(
        "What is in Redis",
        "Every aggregate has an index record, one line of text: what may be served. Its entries stand beside it, each
         under its version and generation; an event moves the record, and entries below it expire unread.",
    );
    // So that the newest version is there, too.
    stage.fleet.members[0].client.get("/cities/1796236").await?;
    let mut redis = stage.server.connect().await?;
    let aggregate = format!("{{{}:city:1796236}}", stage.fleet.shared.namespace);
    say!("  > redis-cli --scan --pattern '{aggregate}*'");
    let mut keys = Vec::new();
    for key in scan(&mut redis, &format!("{aggregate}*")).await? {
        let left: i64 = redis::cmd("TTL").arg(&key).query_async(&mut redis).await?;
        keys.push((left, key));
    }
    keys.sort_unstable_by(|one, other| other.cmp(one));
    for (left, key) in keys.iter().take(SHOWN) {
        say!("  {key:<56} {left:>5} s left");
    }
    if keys.len() > SHOWN {
        say!("  and {} more entries, of older versions", keys.len() - SHOWN);
    }
    let index = format!("{aggregate}:index");
    let record: Option<String> = redis::cmd("GET").arg(&index).query_async(&mut redis).await?;
    say!("\n  > redis-cli get '{index}'\n  {}", record.as_deref().unwrap_or("(nil)"));
    say!(
        "
  `floor` is the newest version known: nothing older is served. docs/redis.md explains the rest. To look yourself,
  run this with `-- --stay`, which leaves Redis up, at {} this time.",
        stage.server.place()
    );
    Ok(())
}
