//! A refresh in a task of its own: the load of a stale entry, with nobody waiting for its result.

use std::future::Future;

use super::adapter::Face;
use super::fill::Landed;
use super::permit::Ticket;
use super::state::Call;
use crate::entry::Deferred;
use crate::value::{Judged, Shape};

/// Loads until the value is good enough. Whatever goes wrong is the next reader's to find: it sees the stale entry.
pub(super) async fn refresh<S, L, F>(mut call: Call, ticket: Ticket, face: Face<S>, load: L)
where
    S: Shape,
    L: Fn() -> F,
    F: Future<Output = Judged<S>>,
{
    // Dropped after the ticket: what the refresh replaces.
    let mut deferred = Deferred::default();
    let mut ticket = ticket;
    ticket.budget = call.site.policy().timeout;
    loop {
        // What the function returned need not be `Send`, and ends with its load.
        let loading = load();
        let loading = async move { face.part(loading.await).0 };
        let this = call.load(&ticket);
        let Some(loaded) = ticket.run(this, loading).await else {
            drop(ticket);
            return deferred.collect(call.refresh_timed_out()).await;
        };
        match deferred.collect(call.land(ticket, loaded)).await {
            Landed::Again(next) => ticket = next,
            _ => return,
        }
    }
}
