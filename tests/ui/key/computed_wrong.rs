#![allow(dead_code, unused_variables)]
use cachemacro::cached;

#[cached(key = "user:<emial.to_lowercase()>", ttl_only = "x", hard_ttl = "1m")]
async fn unknown(email: String) -> u64 { 1 }
#[cached(key = "user:<email>:<5 + 1>", ttl_only = "x", hard_ttl = "1m")]
async fn no_argument(email: String) -> u64 { 1 }
#[cached(key = "user:<load(email).await>:<parse(email)?>", ttl_only = "x", hard_ttl = "1m")]
async fn awaits(email: String) -> u64 { 1 }
#[cached(key = "user:<email.to_lowercase(>", ttl_only = "x", hard_ttl = "1m")]
async fn unreadable(email: String) -> u64 { 1 }
#[cached(key = "user:<email.trim()><email.len()>", ttl_only = "x", hard_ttl = "1m")]
async fn not_separated(email: String) -> u64 { 1 }
#[cached(let mail = email.trim(), key = "user:<email>", ttl_only = "x", hard_ttl = "1m")]
async fn unused(email: String) -> u64 { 1 }
#[cached(let (a, b) = pair, let x; key = "user:<email>", ttl_only = "x", hard_ttl = "1m")]
async fn patterns(email: String) -> u64 { 1 }
#[cached(let mail = email.trim(), let mail = mail.len(), key = "user:<mail>", ttl_only = "x", hard_ttl = "1m")]
async fn twice(email: String) -> u64 { 1 }

fn main() {}
