//! Clearing a cache, or a function of it, and switching a function off.

use super::handle::Cache;
use crate::callsite::{Callsite, site_name, sites_named};
use crate::error::{StoreError, UnknownFunction};
use crate::local::Scope;
use crate::near::Control;

impl Cache {
    /// Ends everything that is cached: in this process at once, and in the other processes of the
    /// [namespace](crate::CacheBuilder::namespace) within [`DETECTION`](crate::store::DETECTION), which is one second. It is for a change
    /// that no event describes: a restored backup, a bulk import, rows that were written by hand.
    ///
    /// When it returns, this process serves no entry from before, neither of its own nor of the shared store. A load that began before
    /// is returned to its callers. It is not stored where a later call could find it, and a caller that comes later begins another one.
    ///
    /// It takes some microseconds, whatever the number of entries. Their memory is freed afterwards: by the thread that frees expired
    /// entries, within two seconds; where there is none, by later insertions; and by [`sweep`](Self::sweep) at once. In the shared store the
    /// entries are not found any more, and expire.
    ///
    /// A task tells the shared store, and tries again while the store is down; [`clears_acknowledged`](Self::clears_acknowledged) waits for
    /// that. Without a tokio runtime the next call that has one tells it. Another process learns of it by a question that it asks four times a
    /// second, and before it uses the shared store if the last answer is older than a second; without a runtime it learns of it when it next
    /// calls a function of the shared store. A store that has no [control record](crate::store::RemoteStore::control) keeps its entries, and so do the
    /// other processes.
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
        match &self.inner.control {
            Some(control) => Control::raise(control, String::new(), false),
            None => self.inner.local.clear(Scope::All),
        }
        self.cleared();
    }

    /// What is kept outside of the stores does not know which function it was made by.
    fn cleared(&self) {
        self.inner.edges.iter().for_each(|edge| edge.cleared());
    }

    /// Waits until the shared store was told of all [clears](Self::clear), and of all functions that were switched off or on. From then on
    /// the other processes follow within [`DETECTION`](crate::store::DETECTION).
    ///
    /// # Errors
    /// [`StoreError`]: the store cannot be reached. It is told later: [`Stats::pending_clears`](crate::Stats::pending_clears).
    ///
    /// ```
    /// # async fn example(cache: cachemacro::Cache) -> Result<(), cachemacro::StoreError> {
    /// cache.clear();
    /// cache.clears_acknowledged().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn clears_acknowledged(&self) -> Result<(), StoreError> {
        match &self.inner.control {
            Some(control) => control.flush().await,
            None => Ok(()),
        }
    }

    /// As [`clear`](Self::clear), for the entries of one function, with all the types that it is called with. Entries of other functions that
    /// were loaded through it stay.
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
        self.for_each(name, |site| match &self.inner.control {
            Some(control) => Control::raise(control, site_name(site.info()), self.inner.local.is_off(site)),
            None => self.inner.local.clear(Scope::Function(site)),
        })
    }

    /// Switches the caching of a function off: its calls go past the cache, each with a load of its
    /// own, until [`enable_function`](Self::enable_function). It is for a function that turns out to serve wrong values.
    ///
    /// Its entries end, as after [`clear_function`](Self::clear_function). Calls under
    /// [`CacheMode::OnlyIfCached`](crate::CacheMode::OnlyIfCached) find nothing. `max_loads`
    /// does not limit the loads, and no caller waits for the load of another. It reaches the other processes of the namespace as a
    /// [clear](Self::clear) does, and those that are started later. [`FunctionStats::is_off`](crate::FunctionStats::is_off) says which functions are off.
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
        self.for_each(name, |site| self.set_off(site, true))
    }

    /// Ends [`disable_function`](Self::disable_function). The function begins without entries.
    ///
    /// # Errors
    /// [`UnknownFunction`]: no cached function of the program has the name. It lists names that are near.
    pub fn enable_function(&self, name: &str) -> Result<(), UnknownFunction> {
        self.for_each(name, |site| self.set_off(site, false))
    }

    fn set_off(&self, site: &'static Callsite, is_off: bool) {
        match &self.inner.control {
            Some(control) => Control::raise(control, site_name(site.info()), is_off),
            None => _ = self.inner.local.set_off(site, is_off),
        }
    }

    fn for_each(&self, name: &str, change: impl Fn(&'static Callsite)) -> Result<(), UnknownFunction> {
        sites_named(name)?.into_iter().for_each(change);
        self.cleared();
        Ok(())
    }
}
