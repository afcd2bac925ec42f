#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

#[invalidates(UserUpdated { id, version: 1 }, on_eror = retry)]
async fn one(id: u64) -> u64 { id }
#[invalidates(UserUpdated { id, version: 1 }, on_error = panic)]
async fn two(id: u64) -> u64 { id }
#[invalidates(UserUpdated { id, version: 1 }, on_error = fail)]
async fn three(id: u64) -> Option<u64> { Some(id) }
#[invalidates(UserUpdated { id, version: 1 }, on_error = fail, on_error = fail)]
async fn four(id: u64) -> Result<u64, std::fmt::Error> { Ok(id) }
#[invalidates(|a, b| UserUpdated { id, version: 1 }, UserUpdated { id version })]
async fn five(id: u64) -> Result<u64, std::fmt::Error> { Ok(id) }

fn main() {}
