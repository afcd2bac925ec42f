//! One call, from the hit to the load. The steps are in the order of the protocol.

mod adapter;
mod binding;
mod boxed;
mod checks;
mod entered;
mod fill;
mod find;
mod join;
mod load;
mod loads;
mod lookup;
mod pending_read;
mod permit;
mod read;
mod refresh;
mod refreshing;
mod serve;
mod served;
mod source;
mod stale_while_revalidate;
mod state;
mod store;
mod sync;
mod try_hit;
mod waiting;

pub use self::find::{OneKey, find, find_current, find_one, find_one_current};
pub use self::load::{LoadHint, load_hint};
pub use self::loads::{body, owned, owned_whole};
pub use self::pending_read::{PendingRead, ReadStep};
pub use self::read::{read_background, read_inline};
pub use self::source::{Source, SourceRead, source};
pub use self::state::Miss;
pub use self::sync::{owned_sync, read_sync_background, read_sync_inline};
pub use self::try_hit::{Look, TryHit, try_hit};
