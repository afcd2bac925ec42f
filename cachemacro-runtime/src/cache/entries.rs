//! A listing of a function's entries in this process.

use std::collections::HashMap;
use std::time::Duration;

use super::handle::Cache;
use crate::callsite::{Instance, instances_named};
use crate::error::UnknownFunction;
use crate::local::Listed;
use crate::policy::Mode;
use crate::protocol::FenceKind;
use crate::util::clock::Moment;
use crate::util::serialize::serialize;

/// An entry of a cached function in this process: [`Cache::entries`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntryInfo {
    /// The function, as it is called outside of the process: with its path, and with the types of a generic function.
    pub function: String,
    /// The key, as the template of the annotation makes it: `user:123`.
    pub key: String,
    /// Its version: that of the row, or the one that the source was asked for. `None` for values without a version, and for absences of a
    /// function whose rows carry the version.
    pub version: Option<u64>,
    /// The time since its load began.
    pub age: Duration,
    /// Whether it is before its soft TTL.
    pub is_fresh: bool,
    /// The time until its hard TTL.
    pub expires_in: Duration,
    /// Whether it is an absence: `None`, or the error of `not_found`.
    pub is_absent: bool,
    /// Whether it is a copy of an entry of the shared store.
    pub is_copy: bool,
    /// The bytes that it counts for, with the older versions that are kept of it; `None` where entries are counted.
    pub weight: Option<u64>,
}

serialize!(struct EntryInfo { function, key, version, age, is_fresh, expires_in, is_absent, is_copy, weight });

impl EntryInfo {
    fn new(listed: &Listed, instance: &'static Instance, now: Moment) -> Self {
        let deadlines = listed.deadlines();
        let (version, kind) = listed.version();
        let is_version = kind == FenceKind::Row || instance.site.info().mode == Mode::Source;
        Self {
            function: instance.name().text.clone(),
            key: listed.text(instance),
            version: is_version.then_some(version),
            age: now.since(listed.written()),
            is_fresh: now < deadlines.soft,
            expires_in: deadlines.hard.since(now),
            is_absent: listed.is_absent,
            is_copy: listed.is_near,
            weight: listed.weight.map(u64::from),
        }
    }
}

impl Cache {
    /// The entries of a function in this process, in the order of their keys: for a page of an admin, or a test.
    ///
    /// The function is named as after `fn`, with as much of its path as you like (`users::find`), or as in [`EntryInfo::function`], which is also
    /// the name of `name = "…"`. If several functions have the name, their entries are all listed; so are those of all instances of a
    /// generic function. A function that was not called yet has none.
    ///
    /// What is listed is what a call would be served from this process at this moment, fresh or stale. Entries past their hard TTL
    /// or their time to idle are left out, and so are those that an event has ended. To be listed is no read of an entry. Of a function that a shared store serves the process has copies, if the
    /// cache keeps any; a copy is not served while the channel of announcements is interrupted. The entries in the shared store are
    /// not listed.
    ///
    /// It looks at every entry of the process once, whatever the function, and allocates for each that it lists. Meanwhile other
    /// threads go on: a lock is held for 256 entries at a time, and none of the user's code runs under it. An entry that is stored or
    /// evicted meanwhile may be listed or not.
    ///
    /// ```
    /// use std::time::Duration;
    /// use cachemacro::{Cache, ManualClock, cached};
    ///
    /// #[cached(key = "price:<of>", hard_ttl = "1h", local, ttl_only = "imported at night", cache = cache, skip(cache))]
    /// fn price(cache: &Cache, of: u64) -> u64 {
    ///     of * 100
    /// }
    ///
    /// let clock = ManualClock::default();
    /// let cache = Cache::builder().clock(clock.clone()).build();
    /// price(&cache, 3);
    /// clock.advance(Duration::from_secs(60));
    /// let entries = cache.entries("price")?;
    /// assert_eq!((&*entries[0].key, entries[0].age), ("price:3", Duration::from_secs(60)));
    ///
    /// let error = cache.entries("prise").unwrap_err();
    /// assert!(error.to_string().contains("did you mean"), "{error}");
    /// # Ok::<_, cachemacro::UnknownFunction>(())
    /// ```
    ///
    /// # Errors
    /// [`UnknownFunction`]: no cached function of the program has this name. It lists names that are near.
    pub fn entries(&self, function: &str) -> Result<Vec<EntryInfo>, UnknownFunction> {
        let instances: HashMap<u32, _> =
            instances_named(function)?.into_iter().map(|instance| (instance.number(), instance)).collect();
        // The clock is the user's code, so it is read before the locks.
        let now = self.inner.clock.now();
        let listed = self.inner.local.listed(|number| instances.contains_key(&number), now);
        let mut entries: Vec<_> = listed
            .iter()
            .filter_map(|listed| Some(EntryInfo::new(listed, instances.get(&listed.function)?, now)))
            .collect();
        entries.sort_by(|one, other| (&one.function, &one.key).cmp(&(&other.function, &other.key)));
        Ok(entries)
    }
}
