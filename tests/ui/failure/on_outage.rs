use cachemacro::cached;

#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "60s", local, on_outage = serve_local)]
async fn local(id: u64) -> u64 { id }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "60s", version_from = version(id), on_outage = serve_local)]
async fn source(id: u64) -> u64 { id }
#[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "60s", on_outage = stale)]
async fn unknown(id: u64) -> u64 { id }

async fn version(id: u64) -> u64 { id }

fn main() {}
