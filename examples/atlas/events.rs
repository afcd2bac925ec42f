//! What can move. Writers speak in these words and know no cache.
//!
//! One event per thing that has a version of its own: were the ranking moved by [`CityChanged`], its floor would be the
//! highest version of any city of the country, and a city at version 2 would hide behind another one's version 5.

use cachemacro::CacheEvent;
use serde::{Deserialize, Serialize};

/// A city's row reached a version.
#[derive(Clone, Debug, Serialize, Deserialize, CacheEvent)]
#[event(name = "city.changed", key = "city:<id>", version = version)]
pub struct CityChanged {
    pub id: u64,
    pub version: u64,
}

/// A city's row got the content of version `of` back, as the new version `version`.
#[derive(Clone, Debug, Serialize, Deserialize, CacheEvent)]
#[event(name = "city.restored", key = "city:<id>", version = version, restores = of)]
pub struct CityRestored {
    pub id: u64,
    pub version: u64,
    pub of: u64,
}

/// A name has another bearer: it moves the name that was given up and the one that was taken.
#[derive(Clone, Debug, Serialize, Deserialize, CacheEvent)]
#[event(name = "city.renamed", key = "city-name:<country>:<from>", key = "city-name:<country>:<to>")]
pub struct CityRenamed {
    pub country: String,
    pub from: String,
    pub to: String,
}

/// Some city of a country changed, which may show in its ranking. There is no version: the ranking is no row.
#[derive(Clone, Debug, Serialize, Deserialize, CacheEvent)]
#[event(name = "ranking.changed", key = "ranking:<country>")]
pub struct RankingChanged {
    pub country: String,
}

/// A country's row reached a version. Countries are kept by another program, which sends this after its commit.
#[derive(Clone, Debug, Serialize, Deserialize, CacheEvent)]
#[event(name = "country.changed", key = "country:<code>", version = version)]
pub struct CountryChanged {
    pub code: String,
    pub version: u64,
}
