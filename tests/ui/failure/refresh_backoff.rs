use cachemacro::cached;

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "60s", refresh_backoff = "1s")]
async fn never_stale(id: u64) -> u64 { id }
#[cached(key = "user:<id>", ttl_only = "x", soft_ttl = "10s", hard_ttl = "60s", refresh_backoff = "11s")]
async fn too_long(id: u64) -> u64 { id }
#[cached(key = "user:<id>", ttl_only = "x", soft_ttl = "10s", hard_ttl = "60s", refresh_backoff = 1)]
async fn no_duration(id: u64) -> u64 { id }

fn main() {}
