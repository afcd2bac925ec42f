//! An update in one process, and when the others serve it.

use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use cachemacro::store::DETECTION;
use tokio::task::JoinSet;

use super::Stage;
use crate::Failure;
use crate::drive::Client;
use crate::model::City;
use crate::report::{heading, say, short};

const SHANGHAI: &str = "/cities/1796236";

const UPDATES: u32 = 10;

pub async fn show(stage: &mut Stage) -> Result<(), Failure> {
    heading(
        "An update in one process",
        "Everyone holds the city in memory. Process 1 changes it and is acknowledged when Redis has the move; the
         others, asked without pause, serve the new row once they hear of it. Never later than a second: a process
         that has heard nothing for so long asks Redis before every answer.",
    );
    let members = &stage.fleet.members;
    let (writer, readers) = members.split_first().ok_or("the fleet has no members")?;
    let mut lags = vec![Vec::new(); readers.len()];
    for round in 0..UPDATES {
        for member in members {
            read(&member.client).await?;
            read(&member.client).await?;
        }
        let before = read(&writer.client).await?.version;
        let mut watchers = JoinSet::new();
        for (place, reader) in readers.iter().enumerate() {
            let client = reader.client.clone();
            watchers.spawn(async move { Ok::<_, Failure>((place, newer_than(before, &client).await?)) });
        }
        let acknowledged = update(&writer.client, 24_870_000 + round).await?;
        if read(&writer.client).await?.version <= before {
            return Err("process 1 did not read its own write".into());
        }
        while let Some(seen) = watchers.join_next().await {
            let (place, seen) = seen??;
            lags[place].push(seen.saturating_duration_since(acknowledged));
        }
    }
    say!("  process 1   read its own write at once, {UPDATES} times of {UPDATES}");
    lags.into_iter().zip(readers).try_for_each(|(lags, reader)| print(reader.number, lags))
}

fn print(number: usize, mut lags: Vec<Duration>) -> Result<(), Failure> {
    lags.sort_unstable();
    let (median, slowest) = (lags[lags.len() / 2], lags[lags.len() - 1]);
    say!(
        "  process {number}   served it {:>7} after the acknowledgement, {:>7} at the slowest of {UPDATES}",
        short(median),
        short(slowest)
    );
    if slowest > DETECTION {
        return Err(format!("process {number} served an old row for {}", short(slowest)).into());
    }
    Ok(())
}

/// Changes the city; returns when that was acknowledged.
async fn update(client: &Client, population: u32) -> Result<Instant, Failure> {
    let reply = client.send(Method::PATCH, SHANGHAI, &format!("{{\"population\": {population}}}")).await?;
    match reply.status {
        StatusCode::OK => Ok(Instant::now()),
        _ => Err(format!("the update was not acknowledged: {}", String::from_utf8_lossy(&reply.body)).into()),
    }
}

async fn read(client: &Client) -> Result<City, Failure> {
    Ok(serde_json::from_slice(&client.get(SHANGHAI).await?.body)?)
}

/// Asks until the answer is a later version; returns when it was here.
async fn newer_than(version: u64, client: &Client) -> Result<Instant, Failure> {
    while read(client).await?.version <= version {}
    Ok(Instant::now())
}
