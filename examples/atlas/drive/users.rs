//! What the users ask for, and which answers they may get.

use std::time::Instant;

use axum::http::{Method, StatusCode};
use sqlx::SqlitePool;

use super::client::{Reply, segment};
use super::ledger::Ledger;
use super::route::Route;
use super::zipf::Zipf;
use crate::Failure;
use crate::model::{City, Ranking};

/// GeoNames ids are far below this.
const FIRST_UNKNOWN_ID: u64 = 1_000_000_000;

/// What the users know of the world, and what they have been told.
pub struct Users {
    /// The most populous first, which makes it the most popular.
    cities: Vec<City>,
    popularity: Zipf,
    ledger: Ledger,
}

/// A request, and of which kind it is.
pub struct Question {
    pub route: Route,
    pub method: Method,
    pub path: String,
    pub body: String,
}

/// How many cities were in an answer, and how many of them were older than they may be.
#[derive(Clone, Copy, Default)]
pub struct Check {
    pub checked: u64,
    pub violations: u64,
}

impl Users {
    /// Users who know so many cities.
    pub async fn new(db: &SqlitePool, cities: u32) -> Result<Self, Failure> {
        let cities = sqlx::query_as("SELECT * FROM cities ORDER BY population DESC LIMIT ?").bind(cities);
        let cities: Vec<City> = cities.fetch_all(db).await?;
        Ok(Self { popularity: Zipf::new(cities.len()), cities, ledger: Ledger::default() })
    }

    /// What one of them asks next: each kind by its share of `mix`. `query` is appended to what only reads.
    pub fn question(&self, mix: &[(Route, u32)], query: &str, random: &mut fastrand::Rng) -> Question {
        let route = draw_route(mix, random);
        let City { id, country, name, population, .. } = &self.cities[self.popularity.draw(random)];
        let path = match route {
            Route::City => format!("/cities/{id}{query}"),
            Route::ByName => format!("/countries/{country}/cities/{}{query}", segment(name)),
            Route::Largest => format!("/countries/{country}/largest{query}"),
            Route::World => format!("/world{query}"),
            Route::Unknown => format!("/cities/{}{query}", FIRST_UNKNOWN_ID + random.u64(..100)),
            Route::Write => {
                let body = format!("{{\"population\": {}}}", population + random.u64(..1_000));
                return Question { route, method: Method::PATCH, path: format!("/cities/{id}"), body };
            }
        };
        Question { route, method: Method::GET, path, body: String::new() }
    }

    /// Notes that a writer has just been told that its change of a city is this version.
    pub fn acknowledge(&self, city: u64, version: u64) {
        self.ledger.acknowledge(city, version);
    }

    /// Holds an answer against the status it must have, and against the writes that were acknowledged before `since`.
    pub fn check(&self, route: Route, reply: &Reply, since: Instant) -> Result<Check, Failure> {
        let expected = if route == Route::Unknown { StatusCode::NOT_FOUND } else { StatusCode::OK };
        if reply.status != expected {
            return Err(format!("{}: {} {}", route.name(), reply.status, String::from_utf8_lossy(&reply.body)).into());
        }
        let cities: Vec<City> = match route {
            Route::City | Route::ByName => vec![serde_json::from_slice(&reply.body)?],
            Route::Largest => serde_json::from_slice::<Ranking>(&reply.body)?.cities,
            Route::World | Route::Unknown => return Ok(Check::default()),
            Route::Write => {
                let city: City = serde_json::from_slice(&reply.body)?;
                self.acknowledge(city.id, city.version);
                return Ok(Check::default());
            }
        };
        let is_old = |city: &&City| !self.ledger.allows(city.id, city.version, since);
        Ok(Check { checked: cities.len() as u64, violations: cities.iter().filter(is_old).count() as u64 })
    }
}

fn draw_route(mix: &[(Route, u32)], random: &mut fastrand::Rng) -> Route {
    let shares: u32 = mix.iter().map(|(_, share)| share).sum();
    let mut point = random.u32(..shares);
    for (route, share) in mix {
        match point.checked_sub(*share) {
            Some(rest) => point = rest,
            None => return *route,
        }
    }
    unreachable!("the point is below the sum of the shares")
}
