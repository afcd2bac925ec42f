#![allow(dead_code, unused_variables)]
use cachemacro::cached;

#[cached(key = "user:<price * 100.0>", ttl_only = "x", hard_ttl = "1m")]
async fn float(price: f64) -> u64 { 1 }
#[cached(key = "user:<email.to_lower()>", ttl_only = "x", hard_ttl = "1m")]
async fn no_method(email: String) -> u64 { 1 }
#[cached(key = "user:<email.into_bytes()>", ttl_only = "x", hard_ttl = "1m")]
async fn moved(email: String) -> u64 { 1 }
#[cached(let rate: u64 = price, key = "user:<rate>", ttl_only = "x", hard_ttl = "1m")]
async fn other_type(price: u32) -> u64 { 1 }

fn main() {}
