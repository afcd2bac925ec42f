//! Scheduled jobs: async, sync, methods, of a trait, with a constant and without an event.

use std::time::Duration;

use cachemacro::{Cache, CacheEvent, PendingEvents, invalidates};

#[derive(Clone, CacheEvent)]
#[event(name = "catalog.rebuilt", key = "catalog")]
struct CatalogRebuilt {}

const DAILY: Duration = Duration::from_secs(86_400);

#[invalidates(CatalogRebuilt {}, every = "24h")]
async fn rebuild() -> Result<(), std::io::Error> {
    Ok(())
}

#[invalidates(CatalogRebuilt {}, every = DAILY)]
fn rebuild_sync() {}

#[invalidates(|changed| changed.then_some(CatalogRebuilt {}), every = Duration::from_secs(60))]
async fn look() -> bool {
    false
}

#[invalidates(CatalogRebuilt {}, every = "1h", defer = pending)]
async fn in_transaction(pending: &mut PendingEvents) -> Result<(), std::io::Error> {
    Ok(())
}

struct Jobs {
    cache: Cache,
}

impl Jobs {
    #[invalidates(CatalogRebuilt {}, every = "1d12h", cache = self.cache)]
    async fn rebuild(&self) -> Result<u64, std::io::Error> {
        Ok(1)
    }
}

#[async_trait::async_trait]
trait Job {
    async fn run(&self) -> Result<(), std::io::Error>;
}

#[async_trait::async_trait]
impl Job for Jobs {
    #[invalidates(CatalogRebuilt {}, every = "30m", cache = self.cache)]
    async fn run(&self) -> Result<(), std::io::Error> {
        Ok(())
    }
}

#[tokio::main]
async fn main() {
    tokio::spawn(async {
        rebuild().await.unwrap();
        rebuild_sync();
        assert!(!look().await);
        let mut pending = Cache::current().pending_events();
        in_transaction(&mut pending).await.unwrap();
        pending.publish_or_retry().await;
        let jobs = Jobs { cache: Cache::builder().build() };
        jobs.rebuild().await.unwrap();
        jobs.run().await.unwrap();
    })
    .await
    .unwrap();
}
