use cachemacro::{CacheEvent, cached, invalidates};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[invalidates(UserUpdate { id, version: 1 })]
async fn one(id: u64) {}
#[invalidates(|found| UserUpdate::new(*found))]
async fn two(id: u64) -> u64 { id }

fn main() {}
