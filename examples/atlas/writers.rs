//! Everything that changes a row. Each bumps the version in the statement that changes the row, commits, and lets its
//! annotation say what moved; none of them knows what is cached.
//!
//! `on_error = fail`: who asked for a change hears when it was made but not announced. One process can always announce;
//! a fleet cannot while its Redis is down.

use cachemacro::invalidates;
use sqlx::{Sqlite, Transaction};

use crate::events::{CityChanged, CityRenamed, CityRestored, RankingChanged};
use crate::model::{AtlasError, Changed, City};
use crate::repository::Atlas;

impl Atlas {
    /// Gives a city another name.
    #[invalidates(
        |done| CityChanged { id: done.city.id, version: done.city.version },
        |done| CityRenamed { country: done.city.country.clone(), from: done.old_name.clone(), to: done.city.name.clone() },
        |done| RankingChanged { country: done.city.country.clone() },
        on_error = fail,
    )]
    pub async fn rename(&self, id: u64, name: &str) -> Result<Changed, AtlasError> {
        let mut transaction = self.db.begin().await?;
        let old_name = remember(&mut transaction, id).await?;
        let city = sqlx::query_as("UPDATE cities SET name = ?2, version = version + 1 WHERE id = ?1 RETURNING *")
            .bind(id as i64)
            .bind(name)
            .fetch_one(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(Changed { city, old_name })
    }

    /// Counts a city's people anew.
    #[invalidates(
        |city| CityChanged { id: city.id, version: city.version },
        |city| RankingChanged { country: city.country.clone() },
        on_error = fail,
    )]
    pub async fn set_population(&self, id: u64, population: u32) -> Result<City, AtlasError> {
        let mut transaction = self.db.begin().await?;
        remember(&mut transaction, id).await?;
        let city = sqlx::query_as("UPDATE cities SET population = ?2, version = version + 1 WHERE id = ?1 RETURNING *")
            .bind(id as i64)
            .bind(population)
            .fetch_one(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(city)
    }

    /// Undoes changes: the row gets the content of an earlier version back, as a new version. Numbers only ever grow,
    /// which is why the entry of the earlier version can be served again without a query.
    #[invalidates(
        |done| CityRestored { id: done.city.id, version: done.city.version, of: version },
        |done| CityRenamed { country: done.city.country.clone(), from: done.old_name.clone(), to: done.city.name.clone() },
        |done| RankingChanged { country: done.city.country.clone() },
        on_error = fail,
    )]
    pub async fn restore(&self, id: u64, version: u64) -> Result<Changed, AtlasError> {
        let mut transaction = self.db.begin().await?;
        let old_name = remember(&mut transaction, id).await?;
        let city = sqlx::query_as(
            "UPDATE cities SET name = old.name, population = old.population, version = cities.version + 1
             FROM (SELECT name, population FROM city_history WHERE id = ?1 AND version = ?2) AS old
             WHERE cities.id = ?1 RETURNING *",
        )
        .bind(id as i64)
        .bind(version as i64)
        .fetch_optional(&mut *transaction)
        .await?
        .ok_or(AtlasError::UnknownVersion { id, version })?;
        transaction.commit().await?;
        Ok(Changed { city, old_name })
    }
}

/// Keeps what a row says before it changes, and returns the name in it.
///
/// It is the first statement of each transaction, so it also takes SQLite's write lock: from here to the commit no other
/// writer can bump the version.
async fn remember(transaction: &mut Transaction<'_, Sqlite>, id: u64) -> Result<String, AtlasError> {
    sqlx::query_scalar(
        "INSERT INTO city_history (id, version, name, population)
         SELECT id, version, name, population FROM cities WHERE id = ? RETURNING name",
    )
    .bind(id as i64)
    .fetch_optional(&mut **transaction)
    .await?
    .ok_or(AtlasError::UnknownCity(id))
}
