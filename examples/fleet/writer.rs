//! The writer: a process that serves no requests, and calls the same annotated functions.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, stdin};
use tokio::time::MissedTickBehavior;

use crate::drive::Zipf;
use crate::model::AtlasError;
use crate::report::say;
use crate::repository::Atlas;
use crate::service::install_cache;
use crate::{Failure, Shared, data};

/// The cities that it counts, the largest first and most often.
const CITIES: u32 = 300;

/// Between two updates.
const PAUSE: Duration = Duration::from_millis(50);

/// What came of an update: one line of the writer's output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Update {
    /// The write is committed, and every cache has been told.
    Acknowledged { city: u64, version: u64 },
    /// The write is committed, and no cache could be told yet.
    Unannounced { city: u64 },
}

/// Writes until standard input is closed, and says of each update what came of it.
pub async fn write(shared: &Shared) -> Result<(), Failure> {
    install_cache(shared)?;
    let db = data::open(&shared.db).await?;
    let cities = sqlx::query_as("SELECT id, population FROM cities ORDER BY population DESC LIMIT ?").bind(CITIES);
    let cities: Vec<(u64, u32)> = cities.fetch_all(&db).await?;
    let (atlas, popularity, mut random) = (Atlas::new(db), Zipf::new(cities.len()), fastrand::Rng::new());
    let mut ticks = tokio::time::interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut end = tokio::spawn(async { stdin().read_to_end(&mut Vec::new()).await });
    loop {
        tokio::select! {
            _ = &mut end => return Ok(()),
            _ = ticks.tick() => {}
        }
        let (city, population) = cities[popularity.draw(&mut random)];
        let update = match atlas.set_population(city, population + random.u32(..1_000)).await {
            Ok(row) => Update::Acknowledged { city, version: row.version },
            Err(AtlasError::Unannounced(_)) => Update::Unannounced { city },
            Err(error) => return Err(error.into()),
        };
        say!("{update}");
    }
}

impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acknowledged { city, version } => write!(f, "acknowledged {city} {version}"),
            Self::Unannounced { city } => write!(f, "unannounced {city}"),
        }
    }
}

impl FromStr for Update {
    type Err = Failure;

    fn from_str(line: &str) -> Result<Self, Failure> {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["acknowledged", city, version] => {
                Ok(Self::Acknowledged { city: city.parse()?, version: version.parse()? })
            }
            ["unannounced", city] => Ok(Self::Unannounced { city: city.parse()? }),
            _ => Err(format!("the writer said: {line}").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Update;

    #[test]
    fn what_the_writer_says_is_understood() {
        for update in [Update::Acknowledged { city: 7, version: 3 }, Update::Unannounced { city: 7 }] {
            assert_eq!(update.to_string().parse::<Update>().unwrap(), update);
        }
        assert!("acknowledged 7".parse::<Update>().is_err());
    }
}
