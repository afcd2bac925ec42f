//! Callers of one key share one load, and one question to a store.

mod coalescer;
mod failed_refresh;
pub(crate) mod load_lock;
mod load_slots;
pub(crate) mod singleflight;

pub(crate) use self::coalescer::{Coalescer, RoundResult};
pub(crate) use self::failed_refresh::{FailedRefreshes, Refreshed};
pub(crate) use self::load_lock::{LoadGuard, LoadLocks};
pub(crate) use self::load_slots::{LoadSlot, LoadSlots};
pub(crate) use self::singleflight::{FlightKey, Flights, Landing, LeaderGuard, Role, Waited, Waiter};
