use std::time::Duration;

use cachemacro::cached;

struct Users;

impl Users {
    const HOUR: Duration = Duration::from_secs(3600);
    const NONE: Duration = Duration::ZERO;

    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = "5m", browser_ttl = Self::HOUR, local)]
    fn one(id: u64) -> u64 { id }
    #[cached(key = "user:<id>", ttl_only = "x", hard_ttl = Self::HOUR, browser_ttl = Self::NONE, local)]
    fn two(id: u64) -> u64 { id }
}

fn main() {
    Users::one(1);
    Users::two(1);
}
