#![allow(dead_code, unused_imports)]
use std::time::Duration;

use cachemacro::{CacheEvent, invalidates};

#[derive(Clone, CacheEvent)]
#[event(name = "catalog.rebuilt", key = "catalog")]
struct CatalogRebuilt {}

struct Jobs;

impl Jobs {
    const EVERY: Duration = Duration::from_secs(60);

    #[invalidates(CatalogRebuilt {}, every = Self::EVERY)]
    async fn of_type() -> Result<(), std::io::Error> { Ok(()) }
}

#[invalidates(CatalogRebuilt {}, every = "soon")]
async fn word() -> Result<(), std::io::Error> { Ok(()) }
#[invalidates(CatalogRebuilt {}, every = "0 3 * * *")]
async fn crontab() -> Result<(), std::io::Error> { Ok(()) }
#[invalidates(CatalogRebuilt {}, every = "0s")]
async fn zero() -> Result<(), std::io::Error> { Ok(()) }
#[invalidates(CatalogRebuilt {}, every = 60)]
async fn number() -> Result<(), std::io::Error> { Ok(()) }
#[invalidates(CatalogRebuilt {}, every = |job| job.interval)]
async fn computed() -> Result<(), std::io::Error> { Ok(()) }
#[invalidates(event, every = "24h")]
async fn handler(event: CatalogRebuilt) -> Result<(), std::io::Error> { let _ = event; Ok(()) }
#[invalidates(CatalogRebuilt {}, schedule = "24h")]
async fn schedule() -> Result<(), std::io::Error> { Ok(()) }
#[invalidates(CatalogRebuilt {}, cron = "0 3 * * *")]
async fn cron() -> Result<(), std::io::Error> { Ok(()) }
#[invalidates(CatalogRebuilt {}, interval = "24h")]
async fn interval() -> Result<(), std::io::Error> { Ok(()) }

fn main() {}
