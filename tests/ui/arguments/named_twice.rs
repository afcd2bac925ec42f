#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

struct Command { id: u64 }
enum Error { NotFound(Command) }
#[cached(key = "user:<command.id>", ttl_only = "x", hard_ttl = "1m", negative_ttl = "1s", not_found = Error::NotFound(command))]
async fn find(command: Command) -> Result<u64, Error> { Ok(command.id) }

#[invalidates(UserUpdated { id: command.id, version: version(&command) })]
async fn rename(command: Command) { drop(command); }
fn version(command: &Command) -> u64 { command.id }

fn main() {}
