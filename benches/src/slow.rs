//! A load that takes its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::user::{User, user};

/// How long it takes.
pub const TIME: Duration = Duration::from_millis(50);

static LOADS: AtomicU64 = AtomicU64::new(0);
static IS_HELD: AtomicBool = AtomicBool::new(false);
static GATE: Semaphore = Semaphore::const_new(0);

/// A user, after [`TIME`].
pub async fn load(id: u64) -> User {
    LOADS.fetch_add(1, Ordering::Relaxed);
    wait().await;
    user(id)
}

/// The same, shared.
pub async fn load_shared(id: u64) -> Arc<User> {
    Arc::new(load(id).await)
}

/// Waits as long as a load does.
pub async fn wait() {
    if IS_HELD.load(Ordering::Relaxed) {
        drop(GATE.acquire().await);
    } else {
        tokio::time::sleep(TIME).await;
    }
}

/// From now on no load ends before [`release`].
pub fn hold() {
    IS_HELD.store(true, Ordering::Relaxed);
}

/// Ends all loads since [`hold`]; new ones take [`TIME`].
pub fn release() {
    IS_HELD.store(false, Ordering::Relaxed);
    GATE.add_permits(1);
}

/// Takes back what [`release`] gave, once the loads have ended.
pub fn rearm() {
    GATE.forget_permits(1);
}

/// How many loads have begun since this was last asked.
pub fn loads() -> u64 {
    LOADS.swap(0, Ordering::Relaxed)
}
