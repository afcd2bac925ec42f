#![allow(dead_code, unused_imports)]
use cachemacro::{CacheEvent, cached, invalidates};

#[derive(Clone, CacheEvent)]
#[event(name = "posts.changed", key = "posts")]
struct PostsChanged;

#[derive(Clone, CacheEvent)]
#[event(name = "user.updated", key = "user:<id>", version = version)]
struct UserUpdated { id: u64, version: u64 }

#[invalidates(PostsChanged)]
async fn one() {}
#[invalidates(self::UserUpdated, on_error = retry)]
async fn two(id: u64) {}

fn main() {}
