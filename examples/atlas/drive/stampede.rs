//! Many callers who want the same at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cachemacro::CacheMode;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::Failure;
use crate::repository::Atlas;

/// So many rows take the database a moment. No other call asks for this many, so the key is cold.
pub const ROWS: u32 = 100;

/// Lets all callers ask for `largest("US", ROWS)` at once; returns when the last one had its answer.
pub async fn stampede(atlas: &Atlas, callers: usize, mode: CacheMode) -> Result<Duration, Failure> {
    let gate = Arc::new(Barrier::new(callers + 1));
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let (atlas, gate) = (atlas.clone(), Arc::clone(&gate));
        tasks.spawn(async move {
            gate.wait().await;
            mode.scope(atlas.largest("US", ROWS)).await.map(|ranking| ranking.cities.len())
        });
    }
    gate.wait().await;
    let started = Instant::now();
    while let Some(caller) = tasks.join_next().await {
        caller??;
    }
    Ok(started.elapsed())
}
