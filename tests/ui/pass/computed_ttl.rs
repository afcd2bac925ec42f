//! TTLs that are computed: where they stand, and what they name; and times to idle.
#![deny(warnings)]

use std::borrow::Cow;
use std::error::Error;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use cachemacro::cached;

static TTL: LazyLock<Duration> = LazyLock::new(|| Duration::from_secs(60));

const fn constant() -> Duration {
    Duration::from_secs(60)
}

#[derive(Clone)]
struct Users {
    ttl: Duration,
}

impl Users {
    const MAX: Duration = Duration::from_secs(60);
    const IDLE: Duration = Duration::from_secs(5);

    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = self.ttl, max_ttl = Self::MAX, soft_ttl = *TTL)]
    async fn by_self(&self, id: u64) -> Result<Cow<'static, str>, Box<dyn Error + Send + Sync>> {
        Ok(format!("{id}").into())
    }

    #[cached(key = "owned", ttl_only = "x", hard_ttl = |_| self.ttl, max_ttl = "1h", soft_ttl = "1s", cache_if = |_| self.ttl > Duration::ZERO)]
    async fn owned(self: Arc<Self>) -> u64 {
        self.ttl.as_secs()
    }

    #[cached(key = "lent", ttl_only = "x", hard_ttl = self.ttl, max_ttl = Self::MAX, time_to_idle = Self::IDLE, local, autocommit(self))]
    fn lent(&mut self) -> u64 {
        self.ttl += Duration::from_secs(1);
        self.ttl.as_secs()
    }
}

#[cached(key = "const", ttl_only = "x", hard_ttl = const { constant() }, soft_ttl = |_| *TTL)]
async fn of_a_constant() -> u64 {
    1
}

#[cached(key = "of:<name>", ttl_only = "x", hard_ttl = |found| found.map(Duration::from_secs), max_ttl = "1h", negative_ttl = Some(*TTL))]
async fn optional(name: String) -> Option<Option<u64>> {
    Some((!name.is_empty()).then_some(7))
}

#[cached(key = "generic:<id>:<other>", ttl_only = "x", hard_ttl = ttl.as_ref().copied(), max_ttl = "1h", skip(ttl), refresh = inline)]
async fn generic<'a, T: Sync>(id: &'a str, ttl: &'a Option<Duration>, other: &T) -> usize
where
    T: cachemacro::KeyPart + std::fmt::Display,
{
    id.len() + other.to_string().len()
}

#[cached(key = "idle:<id>", ttl_only = "x", hard_ttl = "1h", time_to_idle = "5m", soft_ttl = "1m", local)]
fn idle(id: u64) -> Option<u64> {
    Some(id)
}

#[async_trait]
trait Find: Send + Sync {
    async fn find(&self, id: u64) -> u64;
}

#[async_trait]
impl Find for Users {
    #[cached(key = "find:<id>", ttl_only = "x", hard_ttl = self.ttl / 2, soft_ttl = |_| self.ttl / 4, max_ttl = "1h")]
    async fn find(&self, id: u64) -> u64 {
        id
    }
}

#[tokio::main]
async fn main() {
    let mut users = Users { ttl: Duration::from_secs(5) };
    assert_eq!(users.lent(), 6);
    let users = Arc::new(users);
    tokio::spawn(async move {
        assert_eq!(users.by_self(1).await.unwrap(), "1");
        assert_eq!(users.clone().owned().await, 6);
        assert_eq!(of_a_constant().await, 1);
        assert_eq!(idle(1), Some(1));
        assert_eq!(optional("a".to_owned()).await, Some(Some(7)));
        assert_eq!(generic("ab", &Some(Duration::ZERO), &7_u64).await, 3);
        let found: Arc<dyn Find> = users;
        assert_eq!(found.find(3).await, 3);
    })
    .await
    .unwrap();
}
