//! Task-locals in keys, in bindings and skipped, in each form of function; all futures are `Send`.
#![deny(warnings, clippy::pedantic)]

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use async_trait::async_trait;
use cachemacro::{Cache, CacheEvent, KeyPart, cached};

pub mod tenant {
    use cachemacro::KeyPart;

    #[derive(Clone, KeyPart)]
    pub struct Tenant {
        pub id: u64,
        pub r#type: Option<String>,
    }

    tokio::task_local! {
        pub static TENANT: Tenant;
        pub static REQUEST_ID: std::sync::Arc<str>;
        /// A name in lower case, and a value that no task can be given.
        #[allow(non_upper_case_globals)]
        pub static here: std::rc::Rc<u64>;
        pub static COUNTER: std::cell::Cell<u64>;
    }
}
use tenant::{COUNTER, REQUEST_ID, TENANT, Tenant};

#[derive(Clone, CacheEvent)]
#[event(name = "user.changed", key = "user:<tenant>:<id>")]
struct UserChanged {
    tenant: u64,
    id: u64,
}
#[derive(Clone, CacheEvent)]
#[event(name = "tenant.changed", key = "tenant:<tenant>")]
struct TenantChanged {
    tenant: Tenant,
}

#[cached(key = "<TENANT>", context(TENANT), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn alone() -> u64 {
    TENANT.with(|tenant| tenant.id)
}
#[cached(key = "path:<id>:<TENANT.type>", context(crate::tenant::TENANT, tenant::REQUEST_ID), skip(REQUEST_ID), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn by_path(id: u64) -> u64 {
    id
}
#[cached(key = "bound:<id>:<TENANT>", context(TENANT), invalidated_by(UserChanged { tenant: TENANT.id, id }, TenantChanged { tenant: TENANT }), hard_ttl = "1m", soft_ttl = "10s")]
async fn bound(id: u64) -> Option<u64> {
    Some(id)
}
#[cached(key = "one:<id>:<TENANT.id>", context(TENANT), invalidated_by(UserChanged { tenant: TENANT.id, id }), hard_ttl = "1m", refresh = inline)]
async fn bound_inline(id: u64) -> Result<u64, std::io::Error> {
    Ok(id)
}
#[cached(key = "skip:<id>", context(COUNTER), skip(COUNTER), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn not_sync(id: u64) -> u64 {
    id
}
#[cached(key = "sync:<id>:<TENANT.id>", context(TENANT, REQUEST_ID), skip(REQUEST_ID), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", local)]
fn sync(id: &str) -> String {
    id.to_owned()
}
#[cached(key = "here:<here>", context(tenant::here), ttl_only = "x", hard_ttl = "1m", local)]
fn not_send() -> u64 {
    1
}
#[cached(key = "both:<TENANT.id>:<TENANT.type>:<TENANT.with(|tenant| tenant.id + 1)>:<next>", context(TENANT), let next = TENANT.with(|tenant| tenant.id), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn several() -> u64 {
    1
}
#[cached(key = "boxed:<id>:<TENANT>", context(TENANT), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
fn boxed(id: &str) -> Pin<Box<dyn Future<Output = String> + Send + '_>> {
    Box::pin(async move { id.to_owned() })
}
#[cached(key = "generic:<id>:<TENANT.id>", context(TENANT), ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s")]
async fn generic<T: KeyPart + Clone + Send + Sync + 'static, const N: usize>(id: T) -> usize {
    let _ = id;
    N
}

#[async_trait]
trait Repository: Send + Sync {
    async fn find(&self, id: u64) -> Result<u64, Box<dyn std::error::Error + Send + Sync>>;
}
#[derive(Clone)]
struct Users {
    cache: Cache,
}
#[async_trait]
impl Repository for Users {
    #[cached(key = "user:<TENANT.id>:<id>", context(TENANT, REQUEST_ID), skip(REQUEST_ID), version_from = 1_u64, invalidated_by(UserChanged { tenant: TENANT.id, id }), hard_ttl = "1m", soft_ttl = "10s", cache = self.cache)]
    async fn find(&self, id: u64) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
        Ok(id)
    }
}
impl Users {
    #[cached(key = "arc:<TENANT.id>:<id>", context(TENANT), bypass_if = id == 0, ttl_only = "x", hard_ttl = "1m", soft_ttl = "10s", cache = self.cache)]
    async fn of_arc(self: Arc<Self>, id: u64) -> u64 {
        id
    }
}

#[tokio::main]
async fn main() {
    let users = Arc::new(Users { cache: Cache::global().clone() });
    let calls = async move {
        assert_eq!(alone().await, 7);
        assert_eq!(by_path(1).await, 1);
        assert_eq!(bound(1).await, Some(1));
        assert_eq!(bound_inline(1).await.unwrap(), 1);
        assert_eq!(not_sync(1).await, 1);
        assert_eq!(sync("1"), "1");
        assert_eq!(tenant::here.sync_scope(Rc::new(1), not_send), 1);
        assert_eq!(several().await, 1);
        assert_eq!(boxed("1").await, "1");
        assert_eq!(generic::<_, 3>("1".to_owned()).await, 3);
        assert_eq!(Arc::clone(&users).of_arc(1).await, 1);
        let repository: Arc<dyn Repository> = users;
        assert_eq!(repository.find(1).await.unwrap(), 1);
    };
    let tenant = Tenant { id: 7, r#type: None };
    tokio::spawn(TENANT.scope(tenant, calls)).await.unwrap();
}
