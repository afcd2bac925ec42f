use std::time::{Duration, SystemTime};

use cachemacro::cached;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct Token { seconds: u64, ends_at: SystemTime }

struct Tokens { seconds: u64 }

impl Tokens {
    #[cached(key = "token", ttl_only = "x", hard_ttl = |token| token.seconds, max_ttl = "1h")]
    async fn one() -> Option<Token> { None }
    #[cached(key = "token", ttl_only = "x", hard_ttl = |token| token.ends_at, max_ttl = "1h")]
    async fn two() -> Option<Token> { None }
    #[cached(key = "token", ttl_only = "x", hard_ttl = "1h", soft_ttl = self.seconds, refresh = inline)]
    async fn three(&self) -> Option<Token> { None }
    #[cached(key = "token", ttl_only = "x", hard_ttl = |token| token.expires_in, max_ttl = "1h")]
    async fn four() -> Option<Token> { None }
    #[cached(key = "token", ttl_only = "x", hard_ttl = |token: Token| Duration::from_secs(token.seconds), max_ttl = "1h")]
    async fn five() -> Option<Token> { None }
}

fn main() {}
