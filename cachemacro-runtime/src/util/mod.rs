//! What every room uses: time, locks, contexts of a thread, threads of our own.

pub(crate) mod all_of;
pub(crate) mod block_on;
pub(crate) mod clock;
pub(crate) mod context;
pub(crate) mod own_runtime;
pub(crate) mod sync;
pub(crate) mod weak_map;
