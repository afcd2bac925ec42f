//! A thousand callers on one cold key.

use cachemacro::CacheMode;

use super::stage::Stage;
use crate::Failure;
use crate::drive::{ROWS, stampede};
use crate::report::{heading, say, short, thousands};

const CALLERS: usize = 1_000;

pub async fn show(stage: &Stage) -> Result<(), Failure> {
    heading(
        "A thousand callers, one cold key",
        &format!("{} tasks call largest(\"US\", {ROWS}) in the same moment.", thousands(CALLERS as u64)),
    );
    for (name, mode) in [("cached", CacheMode::Default), ("uncached", CacheMode::Bypass)] {
        let before = stage.atlas.loads();
        let took = stampede(&stage.atlas, CALLERS, mode).await?;
        let loads = stage.atlas.loads() - before;
        let noun = if loads == 1 { "load" } else { "loads" };
        say!("  {name:<10} {:>6} {noun:<5} everyone answered after {:>7}", thousands(loads), short(took));
    }
    Ok(())
}
