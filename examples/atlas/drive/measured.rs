//! How well the traffic was served.

use std::time::Duration;

use super::route::Route;

/// One kind of request: how long each took, and how many the cache answered.
#[derive(Default)]
pub struct RouteTimes {
    took: Vec<Duration>,
    pub hits: u64,
}

/// What one run came to.
#[derive(Default)]
pub struct Measured {
    routes: [RouteTimes; Route::ALL.len()],
    /// City rows seen in answers, and held against the writes acknowledged before.
    pub checked: u64,
    /// Those that were older than such a write.
    pub violations: u64,
}

impl Measured {
    pub fn add(&mut self, route: Route, took: Duration, hit: bool) {
        let times = &mut self.routes[route as usize];
        times.took.push(took);
        times.hits += u64::from(hit);
    }

    /// Adds what another client saw.
    pub fn merge(&mut self, other: Self) {
        for (times, more) in self.routes.iter_mut().zip(other.routes) {
            times.took.extend(more.took);
            times.hits += more.hits;
        }
        self.checked += other.checked;
        self.violations += other.violations;
    }

    /// Puts the times in order, which [`RouteTimes::quantile`] needs.
    pub fn sort(&mut self) {
        for times in &mut self.routes {
            times.took.sort_unstable();
        }
    }

    pub fn route(&self, route: Route) -> &RouteTimes {
        &self.routes[route as usize]
    }

    pub fn requests(&self) -> u64 {
        self.routes.iter().map(RouteTimes::requests).sum()
    }

    /// Reads of every kind, and how many of them the cache answered.
    pub fn reads(&self) -> (u64, u64) {
        let reads = || Route::ALL.into_iter().filter(|route| *route != Route::Write).map(|route| self.route(route));
        (reads().map(RouteTimes::requests).sum(), reads().map(|times| times.hits).sum())
    }
}

impl RouteTimes {
    pub fn requests(&self) -> u64 {
        self.took.len() as u64
    }

    /// The time that this share of the requests did not exceed, if there were any.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let place = (share * self.took.len() as f64) as usize;
        self.took.get(place.min(self.took.len().saturating_sub(1))).copied()
    }
}
