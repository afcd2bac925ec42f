//! The interface to a store: the operations of the protocol, and wrappers around a store.

mod blocking;
mod exclusive;
mod store;

pub(crate) use self::blocking::Blocking;
pub(crate) use self::exclusive::Exclusive;
pub use self::store::{
    Announcement, Answer, Decode, Entered, Fill, Followed, Form, Hold, Lease, Lookup, Notice, Position, Query, Store,
};
