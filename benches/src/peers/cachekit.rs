//! `cachekit-rs`: an annotated function over a client whose local tier holds the bytes. Behind it stands a backend that knows
//! nothing, so that every hit is a local one.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use cachekit::backend::{Backend, HealthStatus};
use cachekit::{BackendError, CacheKit, CachekitError, cachekit};

use super::{CAPACITY, Shape};
use crate::contest::Contest;
use crate::contestant::Contestant;
use crate::slow::load;
use crate::user::{User, user};

/// What it is called.
pub const NAME: Contestant = Contestant::peer("`cachekit-rs` local tier");

/// Remembers nothing.
struct Nothing;

#[async_trait::async_trait]
impl Backend for Nothing {
    async fn get(&self, _: &str) -> Result<Option<Vec<u8>>, BackendError> {
        Ok(None)
    }

    async fn set(&self, _: &str, _: Vec<u8>, _: Option<Duration>) -> Result<(), BackendError> {
        Ok(())
    }

    async fn delete(&self, _: &str) -> Result<bool, BackendError> {
        Ok(false)
    }

    async fn exists(&self, _: &str) -> Result<bool, BackendError> {
        Ok(false)
    }

    async fn health(&self) -> Result<HealthStatus, BackendError> {
        Ok(HealthStatus { is_healthy: true, latency_ms: 0.0, backend_type: "nothing".into(), details: HashMap::new() })
    }
}

#[cachekit(client = cache, ttl = 3_600, interop = "owned", namespace = "users")]
async fn owned(cache: &CacheKit, id: u64) -> Result<User, CachekitError> {
    Ok(user(id))
}

#[cachekit(client = cache, ttl = 3_600, interop = "slow", namespace = "users")]
async fn slowly(cache: &CacheKit, id: u64) -> Result<User, CachekitError> {
    Ok(load(id).await)
}

/// A function whose load takes its time.
pub(crate) async fn slow(id: u64) -> User {
    slowly(&CACHE, id).await.expect("it loads")
}

static CACHE: LazyLock<CacheKit> =
    LazyLock::new(|| CacheKit::builder().backend(Arc::new(Nothing)).l1_capacity(CAPACITY).build().expect("a client"));

/// Enters all there are of this shape.
pub fn enter(contest: &mut Contest, shape: Shape) {
    if shape == Shape::Owned {
        contest.asynchronous(NAME, |id| async move { owned(&CACHE, id).await.expect("it loads") });
    } else {
        contest.absent(NAME.name, "a hit decodes a value of its own: there is no `Arc` to share");
    }
}
