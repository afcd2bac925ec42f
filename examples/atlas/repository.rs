//! Every question the service asks its database: the functions worth caching.
//!
//! The bodies are what they would be without a cache. Each says in its annotation what it hangs on and how far behind
//! it may be; `CACHING.md` beside this file is the sum of these annotations.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cachemacro::cached;
use sqlx::SqlitePool;

use crate::events::{CityChanged, CityRenamed, CityRestored, CountryChanged, RankingChanged};
use crate::model::{AtlasError, City, Country, Ranking, World};
use crate::world_map;

/// The cities of the world.
#[derive(Clone)]
pub struct Atlas {
    pub(crate) db: SqlitePool,
    /// How often a body below ran: the database's own count of loads, beside the cache's.
    loads: Arc<AtomicU64>,
}

impl Atlas {
    pub fn new(db: SqlitePool) -> Self {
        Self { db, loads: Arc::default() }
    }

    /// A city.
    #[cached(
        key = "city:<id>",
        version_from = |city| city.version,
        invalidated_by(CityChanged { id }, CityRestored { id }),
        not_found = AtlasError::UnknownCity(id),
        soft_ttl = "30s", hard_ttl = "10m", negative_ttl = "10s",
    )]
    pub async fn city(&self, id: u64) -> Result<City, AtlasError> {
        self.count_load();
        let city = sqlx::query_as("SELECT * FROM cities WHERE id = ?").bind(id as i64);
        city.fetch_optional(&self.db).await?.ok_or(AtlasError::UnknownCity(id))
    }

    /// The id of the city of a name; of several, the one that GeoNames knew first.
    ///
    /// Only the id is kept here, so that a city that grows moves nothing but its own entry.
    #[cached(
        key = "city-id:<country>:<name>",
        invalidated_by(CityRenamed { country, to: name }),
        soft_ttl = "1m", hard_ttl = "1h", negative_ttl = "30s",
    )]
    pub async fn city_id(&self, country: &str, name: &str) -> sqlx::Result<Option<u64>> {
        self.count_load();
        let id = sqlx::query_scalar("SELECT id FROM cities WHERE country = ? AND name = ? ORDER BY id LIMIT 1");
        id.bind(country).bind(name).fetch_optional(&self.db).await
    }

    /// A city by its name: two cached steps, each with its own reason to move.
    pub async fn city_by_name(&self, country: &str, name: &str) -> Result<City, AtlasError> {
        match self.city_id(country, name).await? {
            Some(id) => self.city(id).await,
            None => Err(AtlasError::UnknownName { country: country.to_owned(), name: name.to_owned() }),
        }
    }

    /// A country and its `limit` largest cities.
    #[cached(
        key = "largest:<country>:<limit>",
        invalidated_by(CountryChanged { code: country }, RankingChanged { country }),
        not_found = AtlasError::UnknownCountry(country.to_owned()),
        soft_ttl = "30s", hard_ttl = "5m", negative_ttl = "30s",
    )]
    pub async fn largest(&self, country: &str, limit: u32) -> Result<Ranking, AtlasError> {
        self.count_load();
        let row = sqlx::query_as("SELECT * FROM countries WHERE code = ?").bind(country);
        let row: Option<Country> = row.fetch_optional(&self.db).await?;
        let cities = sqlx::query_as("SELECT * FROM cities WHERE country = ? ORDER BY population DESC, id LIMIT ?");
        Ok(Ranking {
            country: row.ok_or_else(|| AtlasError::UnknownCountry(country.to_owned()))?,
            cities: cities.bind(country).bind(limit).fetch_all(&self.db).await?,
        })
    }

    /// Totals over every city: the dearest question here.
    #[cached(
        key = "world",
        ttl_only = "totals for a dashboard, where half a minute behind is as good as now",
        soft_ttl = "2s",
        hard_ttl = "30s",
        browser_ttl = "10s"
    )]
    pub async fn world(&self) -> sqlx::Result<World> {
        self.count_load();
        let totals = "SELECT continent, COUNT(*), SUM(cities.population) FROM cities
                      JOIN countries ON countries.code = cities.country GROUP BY continent ORDER BY 3 DESC";
        let continents: Vec<(String, u64, u64)> = sqlx::query_as(totals).fetch_all(&self.db).await?;
        let total = |column: fn(&(String, u64, u64)) -> u64| continents.iter().map(column).sum();
        Ok(World { cities: total(|row| row.1), people: total(|row| row.2), continents })
    }

    /// The map of all cities, drawn with letters. It stays in this process, so every caller gets the same `Arc`.
    #[cached(
        key = "map:<columns>",
        ttl_only = "cities are renamed and grow, but they do not move",
        hard_ttl = "1h",
        browser_ttl = "10m",
        local
    )]
    pub async fn map(&self, columns: u16) -> sqlx::Result<Arc<str>> {
        self.count_load();
        let places = sqlx::query_as("SELECT latitude, longitude FROM cities").fetch_all(&self.db).await?;
        Ok(world_map::draw(columns, &places).into())
    }

    /// How often the database was asked for something that a cache might have known.
    pub fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    fn count_load(&self) {
        self.loads.fetch_add(1, Ordering::Relaxed);
    }
}
