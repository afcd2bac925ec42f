//! The users of atlas' show.

#[path = "../atlas/drive/client.rs"]
mod client;
#[path = "../atlas/drive/ledger.rs"]
mod ledger;
#[path = "../atlas/drive/route.rs"]
mod route;
#[path = "../atlas/drive/stampede.rs"]
mod stampede;
#[path = "../atlas/drive/users.rs"]
mod users;
#[path = "../atlas/drive/zipf.rs"]
mod zipf;

pub use client::{Client, Reply};
pub use route::Route;
pub use stampede::{ROWS, stampede};
pub use users::{Check, Users};
pub use zipf::Zipf;
