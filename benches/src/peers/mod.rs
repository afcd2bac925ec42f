//! Every cache under test, in the words of its own documentation: the annotation where it has one, a function that looks, loads
//! and inserts where it has not. All of them may hold [`CAPACITY`] entries for [`TTL`], where they can be told so; the bare
//! maps beside them are floors, not caches.

pub mod accelerator;
pub mod amalgam;
pub mod cached;
pub mod cachekit;
pub mod foyer;
pub mod hitbox;
pub mod moka;
pub mod ours;
pub mod papaya;
pub mod quick_cache;
pub mod scc;

use std::time::Duration;

use crate::contest::Contest;

/// Entries that every bounded cache may hold.
pub const CAPACITY: usize = 100_000;
/// How long they stay, in caches that know time.
pub const TTL: Duration = Duration::from_secs(3_600);

/// What the cached function looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// `async fn(u64) -> Arc<User>`
    Shared,
    /// `async fn(u64) -> User`
    Owned,
    /// `async fn(&str) -> Arc<User>`
    Text,
    /// `async fn(u64, u64, u32) -> Arc<User>`
    Parts,
    /// `async fn(&self, u64) -> Arc<User>`
    Method,
}

/// The three parts of a key that has three.
#[must_use]
#[inline]
pub fn parts(id: u64) -> (u64, u64, u32) {
    (id & 7, id, 3)
}

/// All libraries that can do this. Ours is the first.
#[must_use]
pub fn contest(shape: Shape) -> Contest {
    let mut contest = Contest::default();
    for enter in [
        ours::enter,
        quick_cache::enter,
        papaya::enter,
        scc::enter,
        moka::enter,
        foyer::enter,
        cached::enter,
        hitbox::enter,
        cachekit::enter,
        amalgam::enter,
        accelerator::enter,
    ] {
        enter(&mut contest, shape);
    }
    contest
}
