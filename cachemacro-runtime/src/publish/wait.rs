//! Publishing from a thread that blocks.

use std::time::{Duration, Instant};

use super::outlet::Outlet;
use super::tell_edges::TellEdges;
use super::unsent::{Unsent, Writes};
use crate::cache::Cache;
use crate::callsite::OnError;
use crate::error::{CacheError, StoreError, StoreErrorKind};
use crate::remote::RemoteStore;
use crate::util::block_on::block_on_until;

/// The longest wait of a thread, whatever the store's timeout.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

impl Cache {
    /// As `apply`, on this thread, for no longer than the store's timeout for each operation. What is not acknowledged
    /// by then goes to the retry queue.
    pub(super) fn apply_blocking(&self, writes: Writes, on_error: OnError) -> Result<(), CacheError> {
        let _edges = TellEdges::new(self, &writes);
        self.move_here(&writes);
        let Some(shared) = &self.inner.shared else { return Ok(()) };
        let channel = self.inner.channel.as_ref();
        let deadline = Instant::now() + longest_wait(&**shared, writes.moves.len());
        match self.inner.blocking.start(shared, channel) {
            Ok((running, remote)) => {
                let copies = self.inner.near.is_some().then_some(&*self.inner.local);
                self.apply_until(deadline, &Outlet::Thread { running, remote, copies }, writes, on_error)
            }
            Err(error) => {
                let refused = Unsent::new(self, writes, on_error).refuse(error);
                if on_error == OnError::Fail { refused } else { Ok(()) }
            }
        }
    }

    fn apply_until(
        &self,
        deadline: Instant,
        outlet: &Outlet<'_>,
        writes: Writes,
        on_error: OnError,
    ) -> Result<(), CacheError> {
        let aggregate = writes.moves.front().map(|(aggregate, _)| aggregate.to_string()).unwrap_or_default();
        // If the deadline passes, the drop of the future queues what was not acknowledged.
        let applied = block_on_until(deadline, self.apply_through(outlet, writes, on_error));
        applied.unwrap_or_else(|| {
            let source =
                StoreError::new(StoreErrorKind::TimedOut, "apply", "the store did not answer a publisher that waits");
            if on_error == OnError::Fail { Err(CacheError::Publish { aggregate, source }) } else { Ok(()) }
        })
    }
}

/// One timeout for each move, one for the channel, and one for a connection that may have to be made first.
fn longest_wait(store: &dyn RemoteStore, moves: usize) -> Duration {
    let operations = u32::try_from(moves).unwrap_or(u32::MAX).saturating_add(2);
    store.operation_timeout().saturating_mul(operations).min(LONGEST_WAIT)
}
