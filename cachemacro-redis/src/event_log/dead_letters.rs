//! Dead letters: events that a group could not handle, kept for inspection and replay.

use std::time::{Duration, SystemTime};

use cachemacro_runtime::store::{DeadLetter, StoreError};

use super::commands::{call, eval, script};
use super::entry::{Entry, EntryId, Source, array, number};
use super::names::GroupNames;
use crate::connection::Link;

/// The most letters that are read or moved in one step.
const BATCH: usize = 100;

const REPLAY: &str = script!("../../scripts/append.lua" "replay.lua");

fn read(entry: &Entry) -> DeadLetter {
    let died_at = EntryId::parse(&entry.id).map(|id| Duration::from_millis(id.millis));
    let died_at = died_at.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since));
    let deliveries = entry.text("deliveries").parse().unwrap_or(0);
    let message = entry.clone().delivered(Source::Replays, deliveries);
    DeadLetter::new(entry.id.clone(), message, entry.text("error"), died_at.unwrap_or(SystemTime::UNIX_EPOCH))
}

/// All letters of a group, the oldest first.
pub(crate) async fn list(link: &Link, names: &GroupNames) -> Result<Vec<DeadLetter>, StoreError> {
    let mut letters = Vec::new();
    let mut from = "-".to_owned();
    loop {
        let mut command = redis::cmd("XRANGE");
        command.arg(&names.dead).arg(&from).arg("+").arg("COUNT").arg(BATCH);
        let page = array(call(link, "list dead letters", command).await?).unwrap_or_default();
        let is_last = page.len() < BATCH;
        letters.extend(page.into_iter().filter_map(|entry| Some(read(&Entry::read(entry)?.0))));
        match letters.last() {
            Some(last) if !is_last => from = format!("({}", last.id),
            _ => return Ok(letters),
        }
    }
}

/// Moves the present letters to the group's own stream. Letters that fail again meanwhile are not moved a second time.
pub(crate) async fn replay_all(link: &Link, names: &GroupNames) -> Result<u64, StoreError> {
    let mut command = redis::cmd("XREVRANGE");
    command.arg(&names.dead).arg("+").arg("-").arg("COUNT").arg(1);
    let newest = array(call(link, "replay", command).await?).unwrap_or_default();
    let Some((newest, _)) = newest.into_iter().next().and_then(Entry::read) else { return Ok(0) };
    let mut replayed = 0;
    loop {
        let moved = replay(link, names, "-", &newest.id).await?;
        replayed += moved;
        if moved < BATCH as u64 {
            return Ok(replayed);
        }
    }
}

/// Moves one letter; returns whether it existed.
pub(crate) async fn replay_one(link: &Link, names: &GroupNames, id: &str) -> Result<bool, StoreError> {
    // A text that is not an id belongs to no letter.
    let Some(id) = EntryId::parse(id).map(|id| id.to_string()) else { return Ok(false) };
    Ok(replay(link, names, &id, &id).await? > 0)
}

async fn replay(link: &Link, names: &GroupNames, from: &str, to: &str) -> Result<u64, StoreError> {
    let batch = BATCH.to_string();
    let command = eval(REPLAY, &[&names.dead, &names.replays], &[from, to, &batch]);
    let moved = call(link, "replay", command).await?;
    Ok(number(&moved).map_or(0, i64::unsigned_abs))
}

/// Deletes one letter; returns whether it existed.
pub(crate) async fn discard(link: &Link, names: &GroupNames, id: &str) -> Result<bool, StoreError> {
    let Some(id) = EntryId::parse(id) else { return Ok(false) };
    let mut command = redis::cmd("XDEL");
    command.arg(&names.dead).arg(id.to_string());
    Ok(number(&call(link, "discard", command).await?) == Some(1))
}
