//! A refresh in the background: a task that loads a stale entry, while no caller waits for its result.

use std::future::Future;

use super::adapter::ReturnAdapter;
use super::fill::Landed;
use super::permit::LoadPermit;
use super::state::Call;
use crate::entry::Deferred;
use crate::value::{LoadOutcome, Shape};

/// Loads until the value can be stored. A failure is not reported here: the next reader still sees the stale entry.
pub(super) async fn refresh<S, L, F>(mut call: Call, permit: LoadPermit, adapter: ReturnAdapter<S>, load: L)
where
    S: Shape,
    L: Fn() -> F,
    F: Future<Output = LoadOutcome<S>>,
{
    // The values that the refresh replaces. They are dropped after the permit.
    let mut deferred = Deferred::default();
    let mut permit = permit;
    permit.budget = call.site.policy().timeout;
    loop {
        // The return value need not be `Send`, so it is dropped inside the load.
        let loading = load();
        let loading = async move { adapter.part(loading.await).0 };
        let this = call.load(&permit);
        let Some(loaded) = permit.run(this, loading).await else {
            drop(permit);
            return deferred.collect(call.refresh_timed_out()).await;
        };
        match deferred.collect(call.land(permit, loaded)).await {
            Landed::Again(next) => permit = next,
            _ => return,
        }
    }
}
