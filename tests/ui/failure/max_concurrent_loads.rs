use cachemacro::cached;

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "60s", max_concurrent_loads = 0)]
async fn none(id: u64) -> u64 { id }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "60s", max_concurrent_loads = 1.5)]
async fn one_and_a_half(id: u64) -> u64 { id }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "60s", max_concurrent_loads = "8")]
async fn text(id: u64) -> u64 { id }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "60s", max_loads = 0)]
async fn none_at_all(id: u64) -> u64 { id }

fn main() {}
