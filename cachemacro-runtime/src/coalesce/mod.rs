//! Callers of one key share one load, and one question to a store.

mod coalescer;
mod lease;
pub(crate) mod load_lock;
pub(crate) mod singleflight;

pub(crate) use self::coalescer::{Good, Rounds};
pub(crate) use self::lease::Patience;
pub(crate) use self::load_lock::{LoadGuard, LoadLocks};
pub(crate) use self::singleflight::{FlightKey, Flights, Landing, Lead, Seat, Waited, Waiter};
