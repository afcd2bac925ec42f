//! A load that takes its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::user::{User, user};

/// How long it takes.
pub const TIME: Duration = Duration::from_millis(50);

static LOADS: AtomicU64 = AtomicU64::new(0);

/// A user, after [`TIME`].
pub async fn load(id: u64) -> User {
    LOADS.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(TIME).await;
    user(id)
}

/// The same, shared.
pub async fn load_shared(id: u64) -> Arc<User> {
    Arc::new(load(id).await)
}

/// How many loads have begun since this was last asked.
pub fn loads() -> u64 {
    LOADS.swap(0, Ordering::Relaxed)
}
