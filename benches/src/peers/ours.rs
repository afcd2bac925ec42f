//! `cachemacro`: versions, soft and hard TTL, and counters, as in its README.

use std::sync::Arc;

use cachemacro::cached;

use super::{Shape, parts};
use crate::contest::Contest;
use crate::contestant::Contestant;
use crate::user::{User, UserUpdated, name, user};

/// What ours is called.
pub const NAME: Contestant = Contestant::ours("cachemacro");
/// The same in one process only, as `local` functions are.
pub const LOCAL: Contestant = Contestant::ours("cachemacro `local`");

#[cached(key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }), soft_ttl = "10m", hard_ttl = "1h")]
async fn shared(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

#[cached(key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }), soft_ttl = "10m", hard_ttl = "1h", local)]
async fn shared_local(id: u64) -> Arc<User> {
    Arc::new(user(id))
}

#[cached(key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }), soft_ttl = "10m", hard_ttl = "1h")]
async fn owned(id: u64) -> User {
    user(id)
}

#[cached(key = "name:<name>", ttl_only = "names have no event", soft_ttl = "10m", hard_ttl = "1h")]
async fn text(name: &str) -> Arc<User> {
    Arc::new(user(name.len() as u64))
}

#[cached(key = "part:<tenant>:<id>:<page>", ttl_only = "pages have no event", soft_ttl = "10m", hard_ttl = "1h")]
async fn three(tenant: u64, id: u64, page: u32) -> Arc<User> {
    Arc::new(user(tenant + id + u64::from(page)))
}

#[derive(Clone)]
struct Users;

impl Users {
    #[cached(key = "user:<id>", version_from = |user| user.version, invalidated_by(UserUpdated { id }), soft_ttl = "10m", hard_ttl = "1h")]
    async fn find(&self, id: u64) -> Arc<User> {
        Arc::new(user(id))
    }
}

/// Enters all there are of this shape.
pub fn enter(contest: &mut Contest, shape: Shape) {
    match shape {
        Shape::Shared => {
            contest.asynchronous(NAME, shared);
            contest.asynchronous(LOCAL, shared_local);
        }
        Shape::Owned => contest.asynchronous(NAME, owned),
        Shape::Text => contest.asynchronous(NAME, |id| text(name(id))),
        Shape::Parts => contest.asynchronous(NAME, |id| {
            let (tenant, id, page) = parts(id);
            three(tenant, id, page)
        }),
        Shape::Method => contest.asynchronous(NAME, |id| async move { Users.find(id).await }),
    }
}
