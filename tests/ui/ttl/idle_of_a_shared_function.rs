use cachemacro::cached;

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "10m", time_to_idle = "1m")]
async fn one(id: u64) -> u64 { id }

fn main() {}
