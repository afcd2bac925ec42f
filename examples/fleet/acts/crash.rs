//! A process that dies while it loads what the others wait for.

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use tokio::task::{JoinHandle, JoinSet};

use super::Stage;
use crate::Failure;
use crate::counts::Board;
use crate::drive::Reply;
use crate::fleet::Fleet;
use crate::report::{short, thousands};
use crate::screen::Screen;

/// It is killed.
const VICTIM: usize = 4;

/// Enough rows to be loading for some time.
const ROWS: u32 = 3_000;

const ATTEMPTS: u32 = 20;

/// A load that is under way in the victim.
struct Load {
    path: String,
    request: JoinHandle<Result<Reply, Failure>>,
}

/// Kills a process that holds the lease of a load, tells what that meant for the others, and starts it again.
pub async fn play(stage: &mut Stage, screen: &Screen, board: &Board) -> Result<(), Failure> {
    let mut redis = stage.server.connect().await?;
    let mut load = None;
    for attempt in 0..ATTEMPTS {
        load = catch(&stage.fleet, &mut redis, ROWS + attempt).await?;
        if load.is_some() {
            break;
        }
    }
    let Some(load) = load else {
        screen.event(&format!("process {VICTIM} loads too fast to be killed meanwhile"));
        return Ok(());
    };
    board.lock().killed = Some(VICTIM - 1);
    let (others, slowest, loads) = kill(&mut stage.fleet, &load.path).await?;
    let was_loading = load.request.await?.is_err();
    screen.event(&format!(
        "kill -9 of process {VICTIM}, which {} the {} largest cities of the US
          {others} others had asked for the same: answered after {}, with {loads} more load{}",
        if was_loading { "was loading" } else { "had just loaded" },
        thousands(u64::from(ROWS)),
        short(slowest),
        if loads == 1 { "" } else { "s" },
    ));
    tokio::time::sleep(stage.seconds / 8).await;
    stage.fleet.restart(VICTIM).await?;
    board.lock().killed = None;
    screen.event(&format!("process {VICTIM} is started again, with nothing in its memory"));
    Ok(())
}

/// Asks the victim for something new, and returns when Redis knows that it loads; `None` if that was over too soon.
async fn catch(fleet: &Fleet, redis: &mut MultiplexedConnection, rows: u32) -> Result<Option<Load>, Failure> {
    let path = format!("/countries/US/largest?limit={rows}");
    let lease = format!("{{{}:country:US}}:largest(largest:US:{rows}):lease", fleet.shared.namespace);
    let mut request = ask(fleet, VICTIM, &path);
    tokio::select! {
        _ = &mut request => Ok(None),
        seen = exists(redis, &lease) => seen.map(|()| Some(Load { path, request })),
    }
}

/// Kills the victim just after the others have asked for the same. Returns how many they are, when the last one had its
/// answer, and how many of them had to load.
async fn kill(fleet: &mut Fleet, path: &str) -> Result<(usize, Duration, usize), Failure> {
    let mut others = JoinSet::new();
    for member in fleet.members.iter().filter(|member| member.number != VICTIM) {
        let request = ask(fleet, member.number, path);
        others.spawn(async move { request.await? });
    }
    fleet.members[VICTIM - 1].kill().await?;
    let killed = Instant::now();
    let replies: Vec<Reply> = others.join_all().await.into_iter().collect::<Result<_, _>>()?;
    let has_loaded = |reply: &&Reply| reply.cache().contains("fwd=miss") && !reply.cache().contains("collapsed");
    Ok((replies.len(), killed.elapsed(), replies.iter().filter(has_loaded).count()))
}

fn ask(fleet: &Fleet, number: usize, path: &str) -> JoinHandle<Result<Reply, Failure>> {
    let (client, path) = (fleet.members[number - 1].client.clone(), path.to_owned());
    tokio::spawn(async move { client.get(&path).await })
}

/// Asks again and again.
async fn exists(redis: &mut MultiplexedConnection, key: &str) -> Result<(), Failure> {
    while !redis::cmd("EXISTS").arg(key).query_async::<bool>(redis).await? {}
    Ok(())
}
