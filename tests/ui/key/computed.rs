#![allow(dead_code, unused_variables)]
use cachemacro::{CacheEvent, cached};

#[derive(Clone, CacheEvent)]
#[event(name = "mail.changed", key = "mail:<email>")]
struct MailChanged { email: String }

#[derive(Clone, CacheEvent)]
#[event(name = "mail.computed", key = "mail:<email.to_lowercase()>")]
struct MailComputed { email: String }

#[cached(key = "user:<email.to_lowercase()>", hard_ttl = "1m", invalidated_by(MailChanged { email }))]
async fn other_spelling(email: String) -> u64 { 1 }
#[cached(key = "user:<email.to_lowercase()>", hard_ttl = "1m", invalidated_by(MailComputed { email: email.to_lowercase() }))]
async fn computed_twice(email: String) -> u64 { 1 }
#[cached(key = "user:<email.to_lowercase()>", hard_ttl = "1m", invalidated_by(MailChanged { email: email.trim() }))]
async fn something_else(email: String) -> u64 { 1 }
#[cached(let mail = email.trim(), let lower = mail.to_lowercase(), key = "user:<lower>", hard_ttl = "1m", invalidated_by(MailChanged { email: mail }))]
async fn through_a_let(email: String) -> u64 { 1 }
#[cached(let mail = email.trim(), key = "user:<mail>", hard_ttl = "1m", invalidated_by(MailChanged { email }))]
async fn argument_of_a_let(email: String) -> u64 { 1 }

fn main() {}
