#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

#[invalidates(|user| make(user))]
async fn one(id: u64) -> User { User { id, version: 1 } }
fn make(u: &User) -> UserUpdated { UserUpdated { id: u.id, version: 1 } }

fn main() {}
