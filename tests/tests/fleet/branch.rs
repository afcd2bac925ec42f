//! One process of the bank: functions that load through others, and writers of every kind.

use std::sync::Arc;
use std::time::Duration;

use cachemacro::{Cache, CacheError, CacheEvent, PendingEvents, cached, invalidates};

use crate::database::Row;
use crate::ledger::{Draft, Ledger};

/// How long a rate is kept, and so the longest that a quote may live that was made of it.
pub(crate) const RATE_TTL: Duration = Duration::from_millis(300);

#[derive(Clone, CacheEvent)]
#[event(name = "account.changed", key = "account:<id>")]
struct AccountChanged {
    id: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "account.transferred", key = "account:<from>", key = "account:<to>")]
struct Transferred {
    from: u64,
    to: u64,
}

#[derive(Clone, CacheEvent)]
#[event(name = "document.changed", key = "document:<id>", version = version)]
struct DocumentChanged {
    id: u64,
    version: u64,
}

#[derive(Clone)]
pub(crate) struct Branch {
    pub(crate) cache: Cache,
    pub(crate) ledger: Arc<Ledger>,
}

async fn takes_up_to(milliseconds: u64) {
    tokio::time::sleep(Duration::from_micros(fastrand::u64(..1_000 * milliseconds))).await;
}

impl Branch {
    async fn load(&self, id: u64) -> Option<u64> {
        let content = self.ledger.account(id).current().content;
        takes_up_to(3).await;
        content
    }

    #[cached(key = "account:<id>", invalidated_by(AccountChanged { id }, Transferred { from: id }, Transferred { to: id }), hard_ttl = "20s", consistency = strict, cache = self.cache)]
    async fn balance(&self, id: u64) -> Option<u64> {
        self.load(id).await
    }

    #[cached(key = "account:<id>", invalidated_by(AccountChanged { id }, Transferred { from: id }, Transferred { to: id }), soft_ttl = "400ms", hard_ttl = "20s", cache = self.cache)]
    async fn bounded_balance(&self, id: u64) -> Option<u64> {
        self.load(id).await
    }

    /// Promises more than what it is loaded through.
    #[cached(key = "account:<id>", invalidated_by(AccountChanged { id }, Transferred { from: id }, Transferred { to: id }), hard_ttl = "20s", consistency = strict, cache = self.cache)]
    async fn statement(&self, id: u64) -> Option<u64> {
        self.bounded_balance(id).await
    }

    /// Within a transaction: what that has written.
    #[cached(key = "document:<id>", version_from = |row| row.version, invalidated_by(DocumentChanged { id }), hard_ttl = "20s", consistency = strict, bypass_if = draft.is_some(), skip(draft), cache = self.cache)]
    pub(crate) async fn document(&self, draft: Option<&Draft<'_>>, id: u64) -> Option<Row> {
        if let Some(draft) = draft {
            return Some(draft.row.clone());
        }
        let (version, content) = {
            let history = self.ledger.document(id);
            (history.current().version, history.current().content)
        };
        takes_up_to(3).await;
        content.map(|content| Row { version, content })
    }

    #[invalidates(DocumentChanged { id, version: draft.row.version }, defer = pending)]
    pub(crate) async fn edited(&self, draft: &Draft<'_>, pending: &mut PendingEvents, id: u64) {}

    #[cached(key = "rate:<id>", ttl_only = "rates change all the time", hard_ttl = "300ms", cache = self.cache)]
    async fn rate(&self, id: u64) -> Option<u64> {
        let content = self.ledger.rate(id).current().content;
        takes_up_to(3).await;
        content
    }

    /// Lives longer than what it is loaded through.
    #[cached(key = "quote:<id>", ttl_only = "as old as its rate", hard_ttl = "20s", cache = self.cache)]
    pub(crate) async fn quote(&self, id: u64) -> Option<u64> {
        self.rate(id).await
    }

    /// Slow enough to be waited for, and to be given up.
    #[cached(key = "report:<id>", ttl_only = "reports are drawn up anew", hard_ttl = "200ms", consistency = strict, cache = self.cache)]
    pub(crate) async fn report(&self, id: u64) -> u64 {
        let loading = self.ledger.loading(id);
        tokio::time::sleep(Duration::from_millis(fastrand::u64(50..150))).await;
        drop(loading);
        id
    }

    /// The account as some function has it, and which.
    pub(crate) async fn read(&self, id: u64, is_strict: bool) -> (&'static str, Option<u64>) {
        match (is_strict, fastrand::bool()) {
            (true, true) => ("balance", self.balance(id).await),
            (true, false) => ("statement", self.statement(id).await),
            (false, _) => ("bounded balance", self.bounded_balance(id).await),
        }
    }

    #[invalidates(AccountChanged { id }, on_error = fail, cache = self.cache)]
    pub(crate) async fn changed(&self, id: u64) -> Result<(), CacheError> {
        Ok(())
    }

    #[invalidates(AccountChanged { id }, on_error = fail, cache = self.cache)]
    pub(crate) fn changed_sync(&self, id: u64) -> Result<(), CacheError> {
        Ok(())
    }

    #[invalidates(Transferred { from, to }, on_error = fail, cache = self.cache)]
    pub(crate) async fn transferred(&self, from: u64, to: u64) -> Result<(), CacheError> {
        Ok(())
    }

    #[invalidates(Transferred { from, to }, on_error = fail, cache = self.cache)]
    pub(crate) fn transferred_sync(&self, from: u64, to: u64) -> Result<(), CacheError> {
        Ok(())
    }
}
