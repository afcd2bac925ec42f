//! What every part of the show stands on.

use axum::http::Method;
use serde::Deserialize;
use sqlx::SqlitePool;

use crate::Failure;
use crate::drive::{Client, Reply};
use crate::model::{Changed, City, Ranking, World};
use crate::report::{say, short, thousands};
use crate::repository::Atlas;

/// The service under show.
pub struct Stage {
    pub atlas: Atlas,
    pub client: Client,
    /// The database behind the service, to be what another program would be.
    pub db: SqlitePool,
}

impl Stage {
    /// Asks, prints the request and its answer as one line, and returns the answer.
    pub async fn get(&self, path: &str) -> Result<Reply, Failure> {
        self.send(Method::GET, path, "").await
    }

    /// As [`get`](Self::get), for a request that changes something.
    pub async fn send(&self, method: Method, path: &str, body: &str) -> Result<Reply, Failure> {
        let reply = self.client.send(method.clone(), path, body).await?;
        if reply.status.is_server_error() {
            return Err(format!("{method} {path}: {}", String::from_utf8_lossy(&reply.body)).into());
        }
        let request = format!("{:<5} {path} {body}", method.as_str());
        // A long request takes its room from the answer's column.
        let exchange = format!("{:<44} {}", request.trim_end(), summary(&reply));
        say!("  {exchange:<75} {:<12} {:>7}", cache_words(reply.cache()), short(reply.took));
        Ok(reply)
    }
}

/// Everything that the service answers with.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    City(City),
    Changed(Changed),
    Ranking(Ranking),
    World(World),
}

/// An answer in a few words.
fn summary(reply: &Reply) -> String {
    match serde_json::from_slice(&reply.body) {
        Ok(Answer::City(city) | Answer::Changed(Changed { city, .. })) => {
            format!("{}, version {}", city.name, city.version)
        }
        Ok(Answer::Ranking(Ranking { country, cities })) => {
            let names: Vec<&str> = cities.iter().map(|city| city.name.as_str()).collect();
            format!("{}: {}", country.capital, names.join(", "))
        }
        Ok(Answer::World(world)) => format!("{} cities", thousands(world.cities)),
        Err(_) => reply.status.to_string(),
    }
}

/// The `Cache-Status` header for a reader who does not know it by heart.
fn cache_words(status: &str) -> &'static str {
    const WORDS: [(&str, &str); 6] = [
        ("atlas; hit; detail=fresh", "hit, fresh"),
        ("atlas; hit; detail=stale", "hit, stale"),
        ("atlas; hit; detail=negative", "hit, absent"),
        ("atlas; fwd=miss; collapsed", "miss, waited"),
        ("atlas; fwd=miss", "miss, loaded"),
        ("atlas; fwd=bypass", "bypassed"),
    ];
    WORDS.iter().find(|(start, _)| status.starts_with(start)).map_or("", |(_, words)| words)
}
