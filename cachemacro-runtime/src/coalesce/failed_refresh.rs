//! Entries whose refresh has failed, and when the next one may be tried.
//!
//! One failure is of one version of an entry: a move of the version and a later load both end it.

use std::collections::HashMap;
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::entry::Probe;
use crate::policy::{Deadlines, Policy};
use crate::util::clock::Moment;
use crate::util::sync::{Mutex, lock};

const SHARDS: usize = 16;
/// Of 64 bytes each, 4 MiB together. An entry whose failure is forgotten is refreshed as if nothing had failed.
const MOST_OF_A_SHARD: usize = 4096;

/// By the hash of the key, which is that of this process.
pub(crate) struct FailedRefreshes {
    shards: [Mutex<HashMap<u64, FailedRefresh, RandomState>>; SHARDS],
}

/// The entry that a refresh is for.
#[derive(Clone, Copy)]
pub(crate) struct Refreshed {
    /// The hash of its key, and the number of its function.
    hash: u64,
    function: u32,
    version: u64,
    /// When its load began.
    written: Moment,
    /// For how long it was fresh.
    fresh: Duration,
    hard: Moment,
}

struct FailedRefresh {
    function: u32,
    version: u64,
    /// When the last refresh failed.
    failed: Moment,
    /// How many failed one after the other.
    times: u32,
    until: Moment,
    /// When the entry ends.
    hard: Moment,
}

impl Refreshed {
    pub(crate) fn new(probe: Probe<'_>, version: u64, written: Moment, deadlines: Deadlines) -> Self {
        let Deadlines { soft, hard } = deadlines;
        Self { hash: probe.hash, function: probe.function, version, written, fresh: soft.since(written), hard }
    }
}

impl FailedRefresh {
    /// An entry that was loaded after the failure is another one, even if nothing has moved its version.
    fn is_of(&self, entry: Refreshed) -> bool {
        (self.function, self.version) == (entry.function, entry.version) && entry.written < self.failed
    }
}

impl FailedRefreshes {
    pub(crate) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::new(HashMap::default())) }
    }

    fn shard(&self, hash: u64) -> &Mutex<HashMap<u64, FailedRefresh, RandomState>> {
        &self.shards[(hash >> 32) as usize % SHARDS]
    }

    /// A refresh of this entry has failed.
    pub(crate) fn failed(&self, entry: Refreshed, policy: &Policy, now: Moment) {
        let mut shard = lock(self.shard(entry.hash));
        if shard.len() >= MOST_OF_A_SHARD && !shard.contains_key(&entry.hash) {
            make_room(&mut shard, now);
        }
        let before = shard.get(&entry.hash).filter(|before| before.is_of(entry)).map_or(0, |before| before.times);
        let times = before.saturating_add(1);
        let Refreshed { function, version, fresh, hard, .. } = entry;
        let until = now.after(policy.refresh_pause(policy.soft_ttl_of(fresh), times)).min(hard);
        shard.insert(entry.hash, FailedRefresh { function, version, failed: now, times, until, hard });
    }

    /// Whether it is too early for another refresh of this entry.
    pub(crate) fn holds_off(&self, entry: Refreshed, now: Moment) -> bool {
        let shard = lock(self.shard(entry.hash));
        shard.get(&entry.hash).is_some_and(|failure| now < failure.until && failure.is_of(entry))
    }
}

/// Forgets the failures of entries that have ended; if there are none, any one.
fn make_room(shard: &mut HashMap<u64, FailedRefresh, RandomState>, now: Moment) {
    shard.retain(|_, failure| now < failure.hard);
    if shard.len() >= MOST_OF_A_SHARD
        && let Some(any) = shard.keys().next().copied()
    {
        shard.remove(&any);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u32) -> Moment {
        Moment::default().after(SECOND * seconds)
    }

    fn entry(hash: u64, hard: u32) -> Refreshed {
        Refreshed { hash, function: 1, version: 1, written: at(0), fresh: SECOND * 8, hard: at(hard) }
    }

    const POLICY: Policy = Policy { soft: Some(Duration::from_secs(8)), ..Policy::BASE };

    #[test]
    fn a_pause_is_of_one_version_of_one_entry_and_ends_with_it() {
        let failures = FailedRefreshes::new();
        failures.failed(entry(1, 60), &POLICY, at(10));
        assert!(failures.holds_off(entry(1, 60), at(10)) && !failures.holds_off(entry(1, 60), at(11)));
        for other in [
            entry(2, 60),
            Refreshed { function: 2, ..entry(1, 60) },
            Refreshed { version: 2, ..entry(1, 60) },
            Refreshed { written: at(10), ..entry(1, 60) },
        ] {
            assert!(!failures.holds_off(other, at(10)));
        }
        failures.failed(entry(1, 60), &POLICY, at(11));
        assert!(failures.holds_off(entry(1, 60), at(12)) && !failures.holds_off(entry(1, 60), at(13)));
        failures.failed(Refreshed { version: 2, ..entry(1, 60) }, &POLICY, at(13));
        assert!(!failures.holds_off(Refreshed { version: 2, ..entry(1, 60) }, at(14)), "its first failure");
        (0..9).for_each(|_| failures.failed(entry(3, 12), &POLICY, at(10)));
        assert!(failures.holds_off(entry(3, 12), at(11)) && !failures.holds_off(entry(3, 12), at(12)));
    }

    #[test]
    fn their_number_is_bounded_and_those_of_ended_entries_go_first() {
        let failures = FailedRefreshes::new();
        let most = MOST_OF_A_SHARD as u64;
        // All in one part.
        (0..most).for_each(|hash| failures.failed(entry(hash, if hash == 0 { 60 } else { 20 }), &POLICY, at(10)));
        let len = || lock(failures.shard(0)).len();
        assert_eq!(len(), MOST_OF_A_SHARD);
        (0..10).for_each(|hash| failures.failed(entry(most + hash, 60), &POLICY, at(10)));
        assert_eq!(len(), MOST_OF_A_SHARD);
        failures.failed(entry(most + 10, 60), &POLICY, at(30));
        assert!(len() <= 12, "those whose entries end at 60 s, and not {}", len());
    }
}
