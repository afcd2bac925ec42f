//! What the atlas knows, and how knowing can fail.

use std::sync::Arc;

use cachemacro::CacheError;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

/// A city, as its row has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct City {
    pub id: u64,
    pub name: String,
    pub country: String,
    pub population: u64,
    pub latitude: f64,
    pub longitude: f64,
    /// Counts the row's changes. The database moves it in the statement that changes the row.
    pub version: u64,
}

/// A country, as its row has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Country {
    pub code: String,
    pub name: String,
    pub capital: String,
    pub continent: String,
    pub population: u64,
    /// As [`City::version`].
    pub version: u64,
}

/// A country and its largest cities: two aggregates in one answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    pub country: Country,
    pub cities: Vec<City>,
}

/// Totals over all rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct World {
    pub cities: u64,
    pub people: u64,
    /// Each continent's code, cities and people in them, the most people first.
    pub continents: Vec<(String, u64, u64)>,
}

/// A city after a change, and the name it had before: an event about names has to say both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    pub city: City,
    pub old_name: String,
}

/// Why the atlas has no answer. It is `Clone`, so that everyone who waited for a load that failed gets its error.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AtlasError {
    #[error("no city has the id {0}")]
    UnknownCity(u64),
    #[error("no city in `{country}` is called `{name}`")]
    UnknownName { country: String, name: String },
    #[error("no country has the code `{0}`")]
    UnknownCountry(String),
    #[error("city {id} has no earlier version {version}")]
    UnknownVersion { id: u64, version: u64 },
    #[error("country {code} is not at version {version} yet: the event came before its commit")]
    TooEarly { code: String, version: u64 },
    #[error(transparent)]
    Unannounced(#[from] CacheError),
    #[error("the database failed: {0}")]
    Database(#[from] Arc<sqlx::Error>),
}

impl From<sqlx::Error> for AtlasError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

impl FromRow<'_, SqliteRow> for City {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            country: row.try_get("country")?,
            population: row.try_get("population")?,
            latitude: row.try_get("latitude")?,
            longitude: row.try_get("longitude")?,
            version: row.try_get("version")?,
        })
    }
}

impl FromRow<'_, SqliteRow> for Country {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            code: row.try_get("code")?,
            name: row.try_get("name")?,
            capital: row.try_get("capital")?,
            continent: row.try_get("continent")?,
            population: row.try_get("population")?,
            version: row.try_get("version")?,
        })
    }
}
