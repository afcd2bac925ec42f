//! The service's users: an HTTP client, what it asks for, and how well it was served.

mod client;
mod ledger;
mod measured;
mod route;
mod stampede;
mod traffic;
mod users;
mod zipf;

pub use client::{Client, Reply};
pub use measured::Measured;
pub use route::Route;
pub use stampede::{ROWS, stampede};
pub use traffic::{CLIENTS, Traffic};
