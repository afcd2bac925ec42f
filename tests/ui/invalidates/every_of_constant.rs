use std::time::Duration;

use cachemacro::{CacheEvent, invalidates};

#[derive(Clone, CacheEvent)]
#[event(name = "catalog.rebuilt", key = "catalog")]
struct CatalogRebuilt {}

const NEVER: Duration = Duration::ZERO;
const SECONDS: u64 = 60;

#[invalidates(CatalogRebuilt {}, every = NEVER)]
async fn zero() -> Result<(), std::io::Error> { Ok(()) }
#[invalidates(CatalogRebuilt {}, every = SECONDS)]
async fn number() -> Result<(), std::io::Error> { Ok(()) }

fn main() {}
