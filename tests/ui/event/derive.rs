#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

#[derive(CacheEvent)]
struct A { id: u64 }
#[derive(CacheEvent)]
#[event(name = "User Updated", key = "user:<idd>", version = versoin)]
struct B { id: u64, version: u64 }
#[derive(CacheEvent)]
#[event(key = "user:<id>")]
struct C { id: u64 }
#[derive(CacheEvent)]
#[event(name = "d")]
struct D { id: u64 }
#[derive(CacheEvent)]
#[event(name = "e", key = "user:<id>")]
struct E<T> { id: T }
#[derive(CacheEvent)]
#[event(name = "f", key = "user:<id>")]
enum F { A }
#[derive(CacheEvent)]
#[event(name = "g", key = "user:<0>")]
struct G(u64);
#[derive(CacheEvent)]
#[event(name = "h", key = "user:<id>", restores = id, rollback_to = id, nmae = "x")]
struct H { id: u64 }
#[derive(CacheEvent)]
#[event(name = "i", key = "user:<id>", restores = id)]
struct I { id: u64 }

fn main() {}
