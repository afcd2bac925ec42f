#![allow(dead_code, unused_variables)]
use cachemacro::cached;

#[derive(Debug)]
enum RepoError { NotFound(u64), Http { status: u16 }, Db }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", negative_ttl = "10s", not_found = |error| matches!(error, RepoError::NotFound(_)))]
async fn closure(id: u64) -> Result<u64, RepoError> { Ok(id) }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", negative_ttl = "10s", not_found = RepoError::Http { status } if *status == 404)]
async fn guard(id: u64) -> Result<u64, RepoError> { Ok(id) }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", negative_ttl = "10s", not_found = RepoError::NotFound(_))]
async fn open(id: u64) -> Result<u64, RepoError> { Ok(id) }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", negative_ttl = "10s", not_found = RepoError::NotFound(id) | RepoError::Db)]
async fn several(id: u64) -> Result<u64, RepoError> { Ok(id) }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", negative_ttl = "10s", absent_as = RepoError::NotFound(id))]
async fn alone(id: u64) -> Result<u64, RepoError> { Ok(id) }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", negative_ttl = "10s", not_found = RepoError::NotFound(id))]
async fn option(id: u64) -> Option<u64> { Some(id) }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", negative_ttl = "10s", not_found = is_gone)]
async fn function(id: u64) -> Result<u64, RepoError> { Ok(id) }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", negative_ttl = "10s", not_found = |a, b| true, absent_as = RepoError::Db)]
async fn two(id: u64) -> Result<u64, RepoError> { Ok(id) }

fn main() {}
