//! A refresh in the background: a task that loads a stale entry, while no caller waits for its result.

use super::adapter::ReturnAdapter;
use super::boxed;
use super::fill::Landed;
use super::loads::Load;
use super::permit::LoadPermit;
use super::state::Call;
use crate::entry::Deferred;
use crate::value::Shape;

/// Loads until the value can be stored. A failure is not reported here: the next reader still sees the stale entry.
pub(super) async fn refresh<S: Shape>(
    mut call: Call,
    permit: Box<LoadPermit>,
    adapter: ReturnAdapter<S>,
    load: Load<S>,
) {
    // The values that the refresh replaces. They are dropped after the permit.
    let mut deferred = Deferred::default();
    let mut permit = permit;
    permit.budget = call.policy().timeout;
    loop {
        // The return value need not be `Send`, so it is dropped inside the load.
        let loading = load.run();
        let loading = async move { adapter.part(loading.await).0 };
        let this = call.load(&permit);
        let Some(loaded) = permit.run(this, loading).await else {
            call.refresh_failed();
            drop(permit);
            return boxed::refresh_timed_out(&mut call, &mut deferred).await;
        };
        match boxed::land(&mut call, &mut deferred, permit, loaded).await {
            Landed::Again(next) => permit = next,
            _ => return,
        }
    }
}
