//! The engine: what happens between a call and its answer. It knows no value type; `read` lends it one.

mod aging;
mod ask;
mod blocking;
mod board;
mod builder;
mod cache;
mod call;
mod face;
mod fill;
mod functions;
mod hand_out;
mod invalidate;
mod outlet;
mod own_runtime;
mod peek;
mod read;
mod reading;
mod refresh;
mod retry;
mod retry_queue;
mod serve;
mod source;
mod sync;
mod ticket;
mod unsent;

pub use builder::CacheBuilder;
pub use cache::Cache;
pub use call::Miss;
pub use invalidate::{Batch, IntoEvents, publish, publish_quietly, publish_quietly_sync, publish_sync};
pub use peek::{Peek, peek};
pub use read::{owned, read_background, read_inline};
pub use reading::{Reading, Turn};
pub use source::{Asked, Source, source};
pub use sync::{owned_sync, read_sync_background, read_sync_inline};
