//! How old what a process knows of its fleet may be.

use std::time::Duration;

/// The longest time that a local tier serves copies without an answer from the channel: the bound of G3. As long, at most, a
/// process does not know what another one has cleared.
pub const DETECTION: Duration = Duration::from_secs(1);
