//! What all modules use: time, locks, thread contexts, the cache's own threads.

pub(crate) mod all_of;
pub(crate) mod apart;
pub(crate) mod backoff;
pub(crate) mod block_on;
pub(crate) mod clock;
pub(crate) mod const_text;
pub(crate) mod context;
pub(crate) mod few;
pub(crate) mod hash;
pub(crate) mod human;
pub(crate) mod own_runtime;
pub(crate) mod serialize;
pub(crate) mod sync;
pub(crate) mod weak_map;
