#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, KeyPart, cached, invalidates};
use serde::{Deserialize, Serialize};

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[derive(Clone, Serialize, Deserialize)]
struct User { id: u64, version: u64 }

#[derive(KeyPart)]
struct A { x: f64 }
#[derive(KeyPart)]
union B { x: u64 }
#[derive(KeyPart)]
enum C {}
#[derive(KeyPart)]
enum D { Größe }
#[derive(KeyPart)]
#[key_part(krate = x)]
struct E(u64);

fn main() {}
