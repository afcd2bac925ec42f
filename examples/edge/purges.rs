//! What sends the purges: the client of `edge-client`, which here also tells what was purged, and forgets the repeated purges where it is asked to.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::http::{Request, Response};
use cachemacro::http::edge::{EdgeClient, HttpsClient, Sending};
use serde::Serialize;
use tokio::sync::broadcast;

/// The request header with the tags, by `Varnish::VCL`.
const TAGS: &str = "xkey-purge";
/// The header of an answer, by `Varnish::VCL`: how many responses were purged.
const PURGED: &str = "xkey-purged";

/// A purge, and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Purge {
    pub tags: Vec<String>,
    /// The number of responses that Varnish has removed; or why it has not.
    pub result: Result<u64, String>,
}

/// The client. Clones are the same one.
#[derive(Clone)]
pub struct Purges(Arc<Inner>);

struct Inner {
    client: HttpsClient,
    told: broadcast::Sender<Purge>,
    /// The tags that were purged once, while repeated purges are forgotten.
    once: Mutex<Option<HashSet<String>>>,
}

impl Purges {
    pub fn new() -> Self {
        let told = broadcast::channel(256).0;
        Self(Arc::new(Inner { client: HttpsClient::new(), told, once: Mutex::new(None) }))
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Purge> {
        self.0.told.subscribe()
    }

    /// Each tag is purged once: a second purge of it is not sent, and the purger is told that it was.
    pub fn forget_repeated(&self, forgets: bool) {
        *self.once() = forgets.then(HashSet::new);
    }

    fn is_forgotten(&self, tags: &[String]) -> bool {
        match &mut *self.once() {
            // All are looked at: each that is new is remembered.
            Some(seen) => tags.iter().filter(|tag| seen.insert((*tag).clone())).count() == 0,
            None => false,
        }
    }

    fn once(&self) -> MutexGuard<'_, Option<HashSet<String>>> {
        self.0.once.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EdgeClient for Purges {
    fn send(&self, request: Request<Bytes>) -> Sending<'_> {
        let tags = request.headers().get(TAGS).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
        let tags: Vec<_> = tags.split(' ').map(str::to_owned).collect();
        Box::pin(async move {
            if self.is_forgotten(&tags) {
                let result = Err("the repeated purge, which is not sent".to_owned());
                let _ = self.0.told.send(Purge { tags, result });
                return Ok(Response::builder().header(PURGED, "0").body(Bytes::new())?);
            }
            let answer = self.0.client.send(request).await;
            let result = match &answer {
                Ok(answer) => {
                    let purged = answer.headers().get(PURGED).and_then(|purged| purged.to_str().ok()?.parse().ok());
                    purged.ok_or_else(|| answer.status().to_string())
                }
                Err(_) => Err("no answer".to_owned()),
            };
            let _ = self.0.told.send(Purge { tags, result });
            answer
        })
    }
}
