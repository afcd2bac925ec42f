//! Waiting for a condition.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Longer than anything here takes, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// Returns what `probe` finds, asking every few milliseconds.
///
/// # Panics
/// After half a minute, with `otherwise` and why `probe` found nothing.
#[track_caller]
pub(crate) fn until<T, E: Debug>(otherwise: &str, mut probe: impl FnMut() -> Result<T, E>) -> T {
    let began = Instant::now();
    let mut pause = Duration::from_millis(2);
    loop {
        match probe() {
            Ok(found) => return found,
            Err(state) => assert!(began.elapsed() < PATIENCE, "{otherwise}: {state:?}"),
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// `text` itself as what is wrong, unless `is_right`.
pub(crate) fn check(is_right: bool, text: String) -> Result<(), String> {
    if is_right { Ok(()) } else { Err(text) }
}
