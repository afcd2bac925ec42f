//! A Redis that dies and comes back empty.

use std::time::{Duration, Instant};

use super::Stage;
use crate::Failure;
use crate::counts::Board;
use crate::report::short;
use crate::screen::Screen;

/// Processes look for a lost Redis at least every 5 s.
const PATIENCE: Duration = Duration::from_secs(15);

/// Kills Redis for a phase, starts it again, and waits for a phase, and until every process uses it again.
pub async fn play(stage: &mut Stage, screen: &Screen, board: &Board, phase: Duration) -> Result<(), Failure> {
    if !stage.server.is_own() {
        screen.event("this Redis is not ours: it is not killed");
        return Ok(());
    }
    board.lock().is_redis_down = true;
    stage.server.kill();
    screen.event("kill -9 of Redis: loads answer, and the writer is told that it could not announce");
    tokio::time::sleep(phase).await;

    stage.server.restart();
    board.lock().is_redis_down = false;
    let restarted = Instant::now();
    screen.event("Redis is started again, empty");
    let recovered = tokio::time::timeout(PATIENCE, recover(board)).await;
    recovered.map_err(|_| "the fleet did not come back to Redis")?;
    screen.event(&format!(
        "{} after the restart every process has answered from Redis again, and the writer was acknowledged",
        short(restarted.elapsed())
    ));
    tokio::time::sleep(phase.saturating_sub(restarted.elapsed())).await;
    Ok(())
}

/// Ends when every process has answered from Redis, and the writer was acknowledged, since now.
async fn recover(board: &Board) {
    let before = board.lock().clone();
    let is_back = || {
        let now = board.lock();
        let mut members = now.members.iter().zip(&before.members);
        members.all(|(now, before)| now.redis > before.redis) && now.updates.acknowledged > before.updates.acknowledged
    };
    while !is_back() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
