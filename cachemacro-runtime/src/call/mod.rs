//! One call, from the hit to the load. The steps are in the order of the protocol.

mod adapter;
#[cfg(feature = "http")]
mod again;
mod arguments;
mod binding;
mod boxed;
mod checks;
mod closer;
mod entered;
mod fill;
mod find;
mod forget;
mod join;
mod load;
mod loads;
mod look;
mod lookup;
mod outage;
mod parts;
mod pending_read;
mod permit;
mod read;
mod refresh;
mod refreshing;
mod serve;
mod served;
mod slots;
mod source;
mod stale_while_revalidate;
mod state;
mod store;
mod sync;
mod try_hit;
mod waiting;

pub use self::arguments::{Again, CopyClone, CopyReference, ForEach, HoldForEach, HoldOnce, Lend, Lent, Once, Own};
pub use self::find::{OneKey, find, find_current, find_one, find_one_current};
pub use self::load::{LoadHint, load_hint};
pub use self::loads::{Background, RowVersion, evaluate};
pub use self::look::Look;
pub use self::pending_read::{PendingRead, ReadStep};
pub use self::read::{read_background, read_inline};
pub use self::source::{Source, SourceRead, source};
pub use self::state::Miss;
pub use self::sync::{read_sync_background, read_sync_inline};
pub use self::try_hit::{TryHit, try_hit};
