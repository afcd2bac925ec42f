//! The rows, the cached functions over them, and the function that changes one.

use std::sync::{Arc, Mutex, MutexGuard};

use cachemacro::{Cache, CacheEvent, cached, invalidates};
use serde::{Deserialize, Serialize};

/// A tea, as its row has it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Tea {
    pub id: u64,
    pub name: String,
    pub cents: u64,
    /// Counts the row's changes.
    pub version: u64,
}

#[derive(Clone, CacheEvent, Serialize, Deserialize)]
#[event(name = "tea.changed", key = "tea:<id>", version = version)]
pub struct TeaChanged {
    pub id: u64,
    pub version: u64,
}

/// For what is made of all rows.
#[derive(Clone, CacheEvent, Serialize, Deserialize)]
#[event(name = "teas.changed", key = "teas")]
pub struct TeasChanged {}

/// The shop. Clones share it.
#[derive(Clone)]
pub struct Shop {
    cache: Cache,
    /// In place of a table.
    rows: Arc<Mutex<Vec<Tea>>>,
}

impl Shop {
    pub fn new(cache: Cache) -> Self {
        let tea = |(id, (name, cents)): (u64, (&str, u64))| Tea { id, name: name.to_owned(), cents, version: 1 };
        let rows = [("Sencha", 950), ("Assam", 720), ("Oolong", 1240)];
        Self { cache, rows: Arc::new(Mutex::new((1..).zip(rows).map(tea).collect())) }
    }

    /// One tea. `public`: it is the same for every caller, so that a CDN may keep what is made of it.
    #[cached(key = "tea:<id>", version_from = |tea| tea.version, invalidated_by(TeaChanged { id }), soft_ttl = "1m", hard_ttl = "10m", public, cache = &self.cache)]
    pub async fn tea(&self, id: u64) -> Option<Tea> {
        self.rows().iter().find(|tea| tea.id == id).cloned()
    }

    /// All teas.
    #[cached(key = "teas", invalidated_by(TeasChanged {}), soft_ttl = "1m", hard_ttl = "10m", public, cache = &self.cache)]
    pub async fn teas(&self) -> Vec<Tea> {
        self.rows().clone()
    }

    /// Makes a tea dearer by 10 cents.
    #[invalidates(|tea| TeaChanged { id: tea.id, version: tea.version }, |_| TeasChanged {}, cache = &self.cache)]
    pub async fn raise(&self, id: u64) -> Option<Tea> {
        let mut rows = self.rows();
        let tea = rows.iter_mut().find(|tea| tea.id == id)?;
        *tea = Tea { cents: tea.cents + 10, version: tea.version + 1, ..tea.clone() };
        Some(tea.clone())
    }

    fn rows(&self) -> MutexGuard<'_, Vec<Tea>> {
        self.rows.lock().expect("no holder panics")
    }
}

/// As the pages show it.
pub fn price(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
