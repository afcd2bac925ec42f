//! Clearing a cache, or a function of it, and switching a function off.

use super::handle::Cache;
use crate::callsite::{Callsite, sites_named};
use crate::error::UnknownFunction;
use crate::local::Scope;

impl Cache {
    /// Ends everything that this process has cached: the entries of functions that no shared store serves,
    /// and the copies of a shared store's entries. It is for a change that no event describes: a restored backup, a bulk import, rows
    /// that were written by hand.
    ///
    /// When it returns, no entry from before is served. A load that began before is returned to its callers. It is not stored in this
    /// process, and a caller that comes later begins another one.
    ///
    /// It takes some microseconds, whatever the number of entries. Their memory is freed afterwards: by the thread that frees expired
    /// entries, within two seconds; where there is none, by later insertions; and by [`sweep`](Self::sweep) at once.
    ///
    /// **A shared store keeps its entries, and every other process keeps its own.** Functions that are not `local` are served from the
    /// shared store again, also with a load that was in progress. To end entries in a whole fleet, publish the events of what has
    /// changed, or start it with another [`namespace`](crate::CacheBuilder::namespace), such as `"shop-2"`: the entries of the old one
    /// expire.
    ///
    /// ```
    /// use cachemacro::{Cache, cached};
    ///
    /// #[cached(key = "price:<of>", hard_ttl = "1h", local, ttl_only = "imported at night", cache = cache, skip(cache))]
    /// fn price(cache: &Cache, of: u64) -> u64 {
    ///     of * 100
    /// }
    ///
    /// let cache = Cache::builder().build();
    /// price(&cache, 3);
    /// assert_eq!(cache.stats().entries, 1);
    /// cache.clear(); // after the import
    /// assert_eq!(cache.stats().entries, 0);
    /// ```
    pub fn clear(&self) {
        self.inner.local.clear(Scope::All);
    }

    /// As [`clear`](Self::clear), for the entries of one function, with all the types that it is called with.
    ///
    /// `name` is the name after `fn`, with as much of the path in front as you like: `"find"`, `"users::find"`,
    /// `"Users::find"`, `"shop::users::Users::find"`; or what `name = "…"` in the annotation says. All functions that have it are meant.
    ///
    /// # Errors
    /// [`UnknownFunction`]: no cached function of the program has the name. It lists names that are near.
    ///
    /// ```
    /// # use cachemacro::{Cache, cached};
    /// # #[cached(key = "price:<of>", hard_ttl = "1h", local, ttl_only = "imported at night", cache = cache, skip(cache))]
    /// # fn price(cache: &Cache, of: u64) -> u64 {
    /// #     of * 100
    /// # }
    /// # let cache = Cache::builder().build();
    /// # price(&cache, 3);
    /// cache.clear_function("price")?;
    /// assert_eq!(cache.stats().entries, 0);
    /// # Ok::<(), cachemacro::UnknownFunction>(())
    /// ```
    pub fn clear_function(&self, name: &str) -> Result<(), UnknownFunction> {
        self.for_each(name, |site| self.inner.local.clear(Scope::Function(site)))
    }

    /// Switches the caching of a function off, in this process: its calls go past the cache, each with a load of its
    /// own, until [`enable_function`](Self::enable_function). It is for a function that turns out to serve wrong values.
    ///
    /// Its entries in this process end. Calls under [`CacheMode::OnlyIfCached`](crate::CacheMode::OnlyIfCached) find nothing. `max_loads`
    /// does not limit the loads, and no caller waits for the load of another. A shared store keeps its entries of the function, and
    /// other processes go on: call this in each. [`FunctionStats::is_off`](crate::FunctionStats::is_off) says which functions are off.
    ///
    /// `name` is as in [`clear_function`](Self::clear_function).
    ///
    /// # Errors
    /// [`UnknownFunction`]: no cached function of the program has the name. It lists names that are near.
    ///
    /// ```
    /// # use cachemacro::{Cache, cached};
    /// # #[cached(key = "price:<of>", hard_ttl = "1h", local, ttl_only = "imported at night", cache = cache, skip(cache))]
    /// # fn price(cache: &Cache, of: u64) -> u64 {
    /// #     of * 100
    /// # }
    /// # let cache = Cache::builder().build();
    /// cache.disable_function("price")?;
    /// price(&cache, 3);
    /// assert_eq!(cache.stats().entries, 0);
    /// cache.enable_function("price")?;
    /// price(&cache, 3);
    /// assert_eq!(cache.stats().entries, 1);
    /// # Ok::<(), cachemacro::UnknownFunction>(())
    /// ```
    pub fn disable_function(&self, name: &str) -> Result<(), UnknownFunction> {
        self.for_each(name, |site| _ = self.inner.local.set_off(site, true))
    }

    /// Ends [`disable_function`](Self::disable_function). The function begins without entries in this process.
    ///
    /// # Errors
    /// [`UnknownFunction`]: no cached function of the program has the name. It lists names that are near.
    pub fn enable_function(&self, name: &str) -> Result<(), UnknownFunction> {
        self.for_each(name, |site| _ = self.inner.local.set_off(site, false))
    }

    fn for_each(&self, name: &str, change: impl Fn(&'static Callsite)) -> Result<(), UnknownFunction> {
        sites_named(name)?.into_iter().for_each(change);
        Ok(())
    }
}
