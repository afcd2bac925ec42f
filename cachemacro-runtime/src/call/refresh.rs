//! A refresh in the background: a task that loads a stale entry, while no caller waits for its result.

use std::future::Future;

use super::adapter::Face;
use super::fill::Landed;
use super::permit::Ticket;
use super::state::Call;
use crate::entry::Deferred;
use crate::value::{Judged, Shape};

/// Loads until the value can be stored. A failure is not reported here: the next reader still sees the stale entry.
pub(super) async fn refresh<S, L, F>(mut call: Call, ticket: Ticket, face: Face<S>, load: L)
where
    S: Shape,
    L: Fn() -> F,
    F: Future<Output = Judged<S>>,
{
    // The values that the refresh replaces. They are dropped after the ticket.
    let mut deferred = Deferred::default();
    let mut ticket = ticket;
    ticket.budget = call.site.policy().timeout;
    loop {
        // The return value need not be `Send`, so it is dropped inside the load.
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
