//! Many users at once: mostly readers of a few well-known cities, some writers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::SqlitePool;
use tokio::task::JoinSet;

use super::client::Client;
use super::measured::Measured;
use super::route::Route;
use super::users::Users;
use crate::Failure;
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

/// Users of one service.
pub struct Traffic {
    client: Client,
    users: Users,
    /// No two clients ask for the same cities in the same order: the second would find them all cached.
    seeds: AtomicU64,
}

impl Traffic {
    /// Users who know all cities.
    pub async fn new(client: Client, db: &SqlitePool) -> Result<Self, Failure> {
        Ok(Self { client, users: Users::new(db, u32::MAX).await?, seeds: AtomicU64::new(0) })
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
            let question = self.users.question(&MIX, query, &mut random);
            let asked = Instant::now();
            let reply = self.client.send(question.method, &question.path, &question.body).await?;
            measured.add(question.route, reply.took, reply.is_hit());
            let check = self.users.check(question.route, &reply, asked)?;
            measured.checked += check.checked;
            measured.violations += check.violations;
            requests.fetch_add(1, Ordering::Relaxed);
        }
        Ok(measured)
    }
}
