//! A refresh in a task of its own: the load of a stale entry, with nobody waiting for its result.

use std::future::Future;

use super::call::Call;
use super::face::Face;
use super::fill::Landed;
use super::ticket::Ticket;
use crate::value::{Judged, Shape};

/// Loads until the value is good enough. Whatever goes wrong is the next reader's to find: it sees the stale entry.
pub(super) async fn refresh<S, L, F>(mut call: Call, mut ticket: Ticket, face: Face<S>, load: L)
where
    S: Shape,
    L: Fn() -> F,
    F: Future<Output = Judged<S>>,
{
    ticket.budget = call.site.policy().timeout;
    loop {
        let Some(judged) = ticket.run(load()).await else {
            drop(ticket);
            return call.refresh_timed_out().await;
        };
        let (loaded, kept) = face.part(judged);
        drop(kept);
        match call.land(ticket, loaded).await {
            Landed::Again(next) => ticket = next,
            _ => return,
        }
    }
}
