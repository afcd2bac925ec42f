//! The service's users: an HTTP client, what it asks for, and how well it was served.

mod client;
mod ledger;
mod measured;
mod traffic;
mod zipf;

pub use client::{Client, Reply};
pub use measured::{Measured, Route};
pub use traffic::{CLIENTS, Traffic};
