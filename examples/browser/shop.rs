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
    pub colour: String,
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
    pub fn new() -> Self {
        let tea = |(id, (name, cents, colour)): (u64, (&str, u64, &str))| Tea {
            id,
            name: name.to_owned(),
            cents,
            colour: colour.to_owned(),
            version: 1,
        };
        let rows = [("Sencha", 950, "#9db668"), ("Assam", 720, "#a3481c"), ("Oolong", 1240, "#c98f3c")];
        let rows = (1..).zip(rows).map(tea).collect();
        Self { cache: Cache::builder().namespace("teas").build(), rows: Arc::new(Mutex::new(rows)) }
    }

    /// One tea. Browsers ask each time, as for everything without `browser_ttl`.
    #[cached(key = "tea:<id>", version_from = |tea| tea.version, invalidated_by(TeaChanged { id }), hard_ttl = "1h", negative_ttl = "1m", cache = &self.cache)]
    pub async fn tea(&self, id: u64) -> Option<Tea> {
        self.rows().iter().find(|tea| tea.id == id).cloned()
    }

    /// All teas.
    #[cached(key = "teas", invalidated_by(TeasChanged {}), hard_ttl = "1h", cache = &self.cache)]
    pub async fn teas(&self) -> Vec<Tea> {
        self.rows().clone()
    }

    /// Their names. An old one on the menu does no harm for three seconds.
    #[cached(key = "menu", invalidated_by(TeasChanged {}), hard_ttl = "1h", browser_ttl = "3s", cache = &self.cache)]
    pub async fn menu(&self) -> Vec<String> {
        self.rows().iter().map(|tea| tea.name.clone()).collect()
    }

    /// Gives a tea another name and price.
    #[invalidates(|tea| TeaChanged { id: tea.id, version: tea.version }, |_| TeasChanged {}, cache = &self.cache)]
    pub async fn change(&self, id: u64, name: &str, cents: u64) -> Option<Tea> {
        let mut rows = self.rows();
        let tea = rows.iter_mut().find(|tea| tea.id == id)?;
        *tea = Tea { name: name.to_owned(), cents, version: tea.version + 1, ..tea.clone() };
        Some(tea.clone())
    }

    fn rows(&self) -> MutexGuard<'_, Vec<Tea>> {
        self.rows.lock().expect("no holder panics")
    }
}
