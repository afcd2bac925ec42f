//! Many users at once: mostly readers of a few well-known cities, some writers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use sqlx::SqlitePool;
use tokio::task::JoinSet;

use super::client::{Client, Reply, segment};
use super::ledger::Ledger;
use super::measured::{Measured, Route};
use super::zipf::Zipf;
use crate::Failure;
use crate::model::{City, Ranking};
use crate::report::Progress;

/// How many requests are under way at a time.
pub const CLIENTS: usize = 4;

/// How many requests in a thousand are of each kind.
const MIX: [(Route, u32); 6] = [
    (Route::City, 710),
    (Route::ByName, 150),
    (Route::Largest, 100),
    (Route::World, 5),
    (Route::Unknown, 25),
    (Route::Write, 10),
];

/// GeoNames ids are far below this.
const FIRST_UNKNOWN_ID: u64 = 1_000_000_000;

/// What the users know of the world, and what they have been told.
pub struct Traffic {
    client: Client,
    /// The most populous first, which makes it the most popular.
    cities: Vec<City>,
    popularity: Zipf,
    ledger: Ledger,
    /// No two clients ask for the same cities in the same order: the second would find them all cached.
    seeds: AtomicU64,
}

impl Traffic {
    /// Users who know all cities.
    pub async fn new(client: Client, db: &SqlitePool) -> Result<Self, Failure> {
        let cities = sqlx::query_as("SELECT * FROM cities ORDER BY population DESC");
        let cities: Vec<City> = cities.fetch_all(db).await?;
        Ok(Self {
            client,
            popularity: Zipf::new(cities.len()),
            cities,
            ledger: Ledger::default(),
            seeds: AtomicU64::new(0),
        })
    }

    /// Lets them ask for a while. `query` is appended to each question.
    pub async fn run(self: &Arc<Self>, name: &str, query: &'static str, lasts: Duration) -> Result<Measured, Failure> {
        let requests = Arc::new(AtomicU64::new(0));
        let started = Instant::now();
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let seed = self.seeds.fetch_add(1, Ordering::Relaxed);
            let (traffic, requests) = (Arc::clone(self), Arc::clone(&requests));
            clients.spawn(async move { traffic.one_client(seed, query, started + lasts, &requests).await });
        }
        let progress = Progress { name, lasts, requests: &requests };
        let mut measured = Measured::default();
        let work = async {
            while let Some(client) = clients.join_next().await {
                measured.merge(client??);
            }
            Ok::<(), Failure>(())
        };
        tokio::select! {
            result = work => result?,
            () = progress.watch() => {}
        }
        progress.end(started.elapsed());
        measured.sort();
        Ok(measured)
    }

    async fn one_client(
        &self,
        seed: u64,
        query: &str,
        until: Instant,
        requests: &AtomicU64,
    ) -> Result<Measured, Failure> {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut measured = Measured::default();
        while Instant::now() < until {
            let route = draw_route(&mut random);
            let asked = Instant::now();
            let reply = self.ask(route, query, &mut random).await?;
            measured.add(route, reply.took, reply.is_hit());
            self.check(route, &reply, asked, &mut measured)?;
            requests.fetch_add(1, Ordering::Relaxed);
        }
        Ok(measured)
    }

    async fn ask(&self, route: Route, query: &str, random: &mut fastrand::Rng) -> Result<Reply, Failure> {
        let City { id, country, name, population, .. } = &self.cities[self.popularity.draw(random)];
        let path = match route {
            Route::City => format!("/cities/{id}{query}"),
            Route::ByName => format!("/countries/{country}/cities/{}{query}", segment(name)),
            Route::Largest => format!("/countries/{country}/largest{query}"),
            Route::World => format!("/world{query}"),
            Route::Unknown => format!("/cities/{}{query}", FIRST_UNKNOWN_ID + random.u64(..100)),
            Route::Write => {
                let body = format!("{{\"population\": {}}}", population + random.u64(..1_000));
                return self.client.send(Method::PATCH, &format!("/cities/{id}"), &body).await;
            }
        };
        self.client.get(&path).await
    }

    /// Holds an answer against the status it must have and the writes that were acknowledged before the question.
    fn check(&self, route: Route, reply: &Reply, asked: Instant, measured: &mut Measured) -> Result<(), Failure> {
        let expected = if route == Route::Unknown { StatusCode::NOT_FOUND } else { StatusCode::OK };
        if reply.status != expected {
            return Err(format!("{}: {} {}", route.name(), reply.status, String::from_utf8_lossy(&reply.body)).into());
        }
        let cities: Vec<City> = match route {
            Route::City | Route::ByName => vec![serde_json::from_slice(&reply.body)?],
            Route::Largest => serde_json::from_slice::<Ranking>(&reply.body)?.cities,
            Route::World | Route::Unknown => return Ok(()),
            Route::Write => {
                let city: City = serde_json::from_slice(&reply.body)?;
                self.ledger.acknowledge(city.id, city.version);
                return Ok(());
            }
        };
        for city in &cities {
            measured.checked += 1;
            measured.violations += u64::from(!self.ledger.allows(city.id, city.version, asked));
        }
        Ok(())
    }
}

fn draw_route(random: &mut fastrand::Rng) -> Route {
    let mut point = random.u32(..1_000);
    for (route, share) in MIX {
        match point.checked_sub(share) {
            Some(rest) => point = rest,
            None => return route,
        }
    }
    unreachable!("the shares sum up to a thousand")
}
