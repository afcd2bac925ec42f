use cachemacro::cached;

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "60s", share_error = RepoError::Other)]
async fn no_closure(id: u64) -> Result<u64, RepoError> { Ok(id) }

fn main() {}
