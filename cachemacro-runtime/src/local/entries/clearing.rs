//! What is kept of clears that some part of the entries has not reached.

use super::dropped::Dropped;
use super::shard::Shard;
use crate::local::clears::Scope;

/// The state of all clears that some shard has not reached.
pub(super) struct Clearing {
    /// With the epoch that each began. The clears behind one of everything.
    pub(super) pending: Vec<(u64, Scope)>,
    /// The epoch of each shard.
    pub(super) reached: Box<[u64]>,
    /// Contents of shards that were exchanged. Their entries are dropped later.
    pub(super) shards: Vec<Shard>,
    /// What was taken out of shards.
    pub(super) dropped: Vec<Dropped>,
}

impl Clearing {
    pub(super) fn new(shards: usize) -> Self {
        Self { pending: Vec::new(), reached: vec![0; shards].into(), shards: Vec::new(), dropped: Vec::new() }
    }

    pub(super) fn add(&mut self, epoch: u64, scope: Scope) {
        match scope {
            Scope::All => self.pending.clear(),
            Scope::Function(site) => self.pending.retain(|(_, scope)| match scope {
                Scope::All => true,
                Scope::Function(other) => !std::ptr::eq(*other, site),
            }),
        }
        self.pending.push((epoch, scope));
    }
}
