#![allow(dead_code, unused_variables)]
use cachemacro::cached;

#[derive(Debug)]
enum RepoError { NotFound(u64), Db }

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", negative_ttl = "10s", not_found = |error| 5, absent_as = RepoError::NotFound(id))]
async fn no_bool(id: u64) -> Result<u64, RepoError> { Ok(id) }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", negative_ttl = "10s", not_found = |error: &std::io::Error| true, absent_as = RepoError::NotFound(id))]
async fn other_parameter(id: u64) -> Result<u64, RepoError> { Ok(id) }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", negative_ttl = "10s", not_found = |error| true, absent_as = std::io::ErrorKind::NotFound)]
async fn other_error(id: u64) -> Result<u64, RepoError> { Ok(id) }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", negative_ttl = "10s", not_found = is_gone, absent_as = RepoError::Db)]
async fn function(id: u64) -> Result<u64, RepoError> { Ok(id) }
fn is_gone(_: &std::io::Error) -> bool { true }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", cache_if = |value: &String| true, weight = |value: &String| 1)]
async fn other_value(id: u64) -> Result<u64, RepoError> { Ok(id) }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "1m", version_from = |value: &String| 1_u64)]
async fn other_version(id: u64) -> Result<u64, RepoError> { Ok(id) }

fn main() {}
