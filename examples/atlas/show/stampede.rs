//! A thousand callers on one cold key.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cachemacro::CacheMode;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::stage::Stage;
use crate::Failure;
use crate::report::{heading, say, short, thousands};

const CALLERS: usize = 1_000;

/// So many rows take the database a moment; nobody else asks for this many, so the key is cold.
const ROWS: u32 = 100;

pub async fn show(stage: &Stage) -> Result<(), Failure> {
    heading(
        "A thousand callers, one cold key",
        &format!("{} tasks call largest(\"US\", {ROWS}) in the same moment.", thousands(CALLERS as u64)),
    );
    for (name, mode) in [("cached", CacheMode::Default), ("uncached", CacheMode::Bypass)] {
        let before = stage.atlas.loads();
        let took = stampede(stage, mode).await?;
        let loads = stage.atlas.loads() - before;
        let noun = if loads == 1 { "load" } else { "loads" };
        say!("  {name:<10} {:>6} {noun:<5} everyone answered after {:>7}", thousands(loads), short(took));
    }
    Ok(())
}

/// Lets all callers go at once; returns when the last one had its answer.
async fn stampede(stage: &Stage, mode: CacheMode) -> Result<Duration, Failure> {
    let gate = Arc::new(Barrier::new(CALLERS + 1));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (atlas, gate) = (stage.atlas.clone(), Arc::clone(&gate));
        callers.spawn(async move {
            gate.wait().await;
            mode.scope(atlas.largest("US", ROWS)).await.map(|ranking| ranking.cities.len())
        });
    }
    gate.wait().await;
    let started = Instant::now();
    while let Some(caller) = callers.join_next().await {
        caller??;
    }
    Ok(started.elapsed())
}
